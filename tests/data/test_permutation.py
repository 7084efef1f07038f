import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.permutation import ROUNDS, permutation, permute


def keys(number: int = 0, seed: int = 0) -> tuple[np.uint64, ...]:
    return tuple(np.random.default_rng([number, seed]).integers(2**64, size=ROUNDS, dtype=np.uint64))


@pytest.mark.parametrize("size", [*range(1, 70), 127, 128, 129, 997, 1021, 4095, 4096, 4097, 65_537])
def test_the_shuffle_is_a_bijection(size: int) -> None:
    everything = np.arange(size, dtype=np.uint64)
    assert np.array_equal(np.sort(permute(everything, size, keys())), everything)


@given(st.integers(1, 5000), st.integers(0, 2**31), st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_the_shuffle_is_a_bijection_for_any_size_seed_and_pass(size: int, seed: int, number: int) -> None:
    everything = np.arange(size, dtype=np.uint64)
    assert np.array_equal(np.sort(permute(everything, size, keys(number, seed))), everything)


def test_the_shuffle_stays_inside_a_large_domain_without_collisions() -> None:
    size = 10**10
    sample = np.random.default_rng(0).choice(size, 20_000).astype(np.uint64)
    sample = np.unique(sample)
    images = permute(sample, size, keys())
    assert images.max() < size
    assert len(np.unique(images)) == len(sample)
    assert abs(float(images.mean()) / size - 0.5) < 0.01


def test_images_are_spread_evenly_and_neighbors_are_torn_apart() -> None:
    size = 4000
    counts = np.zeros((10, 10))
    for number in range(100):
        images = permute(np.arange(size, dtype=np.uint64), size, keys(number))
        np.add.at(counts, (np.arange(size) * 10 // size, images.astype(np.int64) * 10 // size), 1)
    expected = size  # 100 passes of size / 100 a cell
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 140  # 81 degrees of freedom: p > 0.0001
    steps = np.diff(images.astype(np.int64))
    assert (np.abs(steps) == 1).mean() < 0.01


def test_all_orders_of_three_windows_occur_about_equally_often() -> None:
    everything = np.arange(3, dtype=np.uint64)
    orders = [tuple(permute(everything, 3, keys(number)).tolist()) for number in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert min(counts) > 140
    assert max(counts) < 260


def test_an_order_follows_from_its_label_alone() -> None:
    assert permutation(10, 0, "rows").tolist() == GOLDEN_ROWS
    assert sorted(permutation(500, 3, "a").tolist()) == list(range(500))
    assert permutation(500, 3, "a").tolist() != permutation(500, 3, "b").tolist()


GOLDEN_ROWS = [3, 2, 4, 1, 0, 6, 9, 5, 7, 8]
