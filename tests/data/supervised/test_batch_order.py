from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.supervised.batch_order import (
    BatchOrder,
    Limits,
    Mixing,
    Mixture,
    batch_rates,
    evaluation_batches,
    example_rates,
    padded,
)

SIZES = (1_000, 4_000, 95_000)
LENGTHS = padded(np.random.default_rng(0).integers(3, 200, 1_003), 512)


def order(limits: Limits, bucket: int = 4, seed: int = 0, name: str = "set") -> BatchOrder:
    return BatchOrder(name, LENGTHS, limits, bucket, seed)


def test_lengths_are_padded_to_a_multiple_of_8_within_the_context() -> None:
    assert padded(np.array([1, 8, 9, 60, 61]), 60).tolist() == [8, 8, 16, 60, 60]


@pytest.mark.parametrize("batch_tokens", [None, 1_600])
@pytest.mark.parametrize("bucket", [1, 4, 1_000])
def test_each_epoch_reads_every_row_once(bucket: int, batch_tokens: int | None) -> None:
    batches = order(Limits(16, batch_tokens), bucket)
    number = 0
    for _ in range(3):
        rows: list[int] = []
        while len(rows) < len(LENGTHS):
            found = batches.indices(number)
            assert len(found) <= 16
            rows += found.tolist()
            number += 1
        assert sorted(rows) == list(range(len(LENGTHS)))


def test_the_last_rows_of_an_epoch_are_a_smaller_batch() -> None:
    batches = order(Limits(16))
    assert len(batches) == 63
    assert sorted(len(batches.indices(number)) for number in range(63)) == [1_003 % 16] + [16] * 62


def test_a_batch_is_read_alike_whatever_was_read_before() -> None:
    limits = Limits(16, 1_600)
    straight = order(limits)
    expected = [straight.indices(number).tolist() for number in range(400)]
    for number in (399, 0, 150, 7, 398):
        assert order(limits).indices(number).tolist() == expected[number]


def test_batches_stay_below_the_budget_and_are_as_large_as_it_allows() -> None:
    limits = Limits(10_000, 4_096, n_sequences=2)
    batches = order(limits, bucket=1)
    sizes = []
    for number in range(len(batches)):
        rows = batches.indices(number)
        assert len(rows) * 2 * LENGTHS[rows].max() <= 4_096
        sizes.append(len(rows) * 2 * LENGTHS[rows].max())
    assert np.mean(sizes) > 0.9 * 4_096


def test_seeds_sets_and_epochs_have_orders_of_their_own() -> None:
    limits = Limits(16)
    base = order(limits)
    variants = [base, order(limits, seed=1), order(limits, name="other"), order(limits, bucket=8)]
    firsts = [tuple(batches.indices(0).tolist()) for batches in variants]
    assert len({*firsts, tuple(base.indices(63).tolist())}) == 5


def test_sorting_in_pools_saves_padding_and_mixes_rows_anew() -> None:
    def padding(bucket: int) -> float:
        batches = order(Limits(16), bucket)
        rows = [batches.indices(number) for number in range(len(batches))]
        return 1 - float(LENGTHS.sum()) / sum(len(batch) * int(LENGTHS[batch].max()) for batch in rows)

    assert padding(1) > 0.4
    assert padding(16) < 0.1
    batches = order(Limits(16), 16)
    first, second = (
        {frozenset(batches.indices(63 * epoch + i).tolist()) for i in range(63)} for epoch in (0, 1)
    )
    assert not first & second
    longest = [int(LENGTHS[batches.indices(number)].max()) for number in range(63)]
    assert longest != sorted(longest, reverse=True)


def test_the_order_is_the_recorded_one() -> None:
    batches = BatchOrder("set", np.full(10, 8), Limits(4), 2, seed=0)
    recorded = [[1, 5, 9, 0], [6, 3, 8, 2], [7, 4]]  # raise BUCKET_VERSION where it has to change
    assert [batches.indices(number).tolist() for number in range(3)] == recorded


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 120), st.integers(1, 9), st.integers(1, 20), st.none() | st.integers(8, 400))
def test_evaluation_reads_each_row_once_on_equally_many_batches_a_rank(
    n_rows: int, world_size: int, batch_size: int, batch_tokens: int | None
) -> None:
    limits = Limits(batch_size, batch_tokens)
    batches = evaluation_batches(LENGTHS[:n_rows], limits, world_size)
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(n_rows))
    assert len(batches) % world_size == 0 or len(batches) == n_rows
    for batch in batches:
        longest = int(LENGTHS[batch].max())
        assert 0 < len(batch) <= limits.size(longest)
    longest_of = [int(LENGTHS[batch].max()) for batch in batches]
    assert longest_of == sorted(longest_of, reverse=True)


@pytest.mark.parametrize(
    ("mixing", "cap", "temperature", "weights"),
    [
        ("proportional", None, 1.0, SIZES),
        ("capped", 5_000, 1.0, (1_000, 4_000, 5_000)),
        ("capped", 10**6, 1.0, SIZES),
        ("temperature", None, 2.0, tuple(size**0.5 for size in SIZES)),
        ("temperature", 5_000, 2.0, (1_000**0.5, 4_000**0.5, 5_000**0.5)),  # the cap comes before the power
        ("temperature", 5_000, 1.0, (1_000, 4_000, 5_000)),
        ("equal", None, 1.0, (1, 1, 1)),
    ],
)
def test_rates_are_those_of_t5_and_come_out_over_1000_batches(
    mixing: Mixing, cap: int | None, temperature: float, weights: tuple[float, ...]
) -> None:
    rates = example_rates(SIZES, mixing, cap, temperature)
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    mixture = Mixture(batch_rates(rates, (32, 32, 32)))
    counts = Counter(mixture.batch(index)[0] for index in range(1_000))
    for number, rate in enumerate(expected):
        assert abs(counts[number] - 1_000 * rate) <= 1.5


def test_a_very_high_temperature_is_nearly_equal() -> None:
    np.testing.assert_allclose(example_rates(SIZES, "temperature", None, 1e6), [1 / 3] * 3, atol=1e-5)


def test_examples_come_at_their_rates_where_batches_differ_in_size() -> None:
    mixture = Mixture(batch_rates((0.5, 0.5), (8, 32)))
    counts = Counter(mixture.batch(index)[0] for index in range(1_000))
    assert abs(counts[0] * 8 - counts[1] * 32) <= 64


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.integers(0, 10**5))
def test_each_set_gives_its_batches_in_order_and_never_lags(sizes: list[int], start: int) -> None:
    rates = example_rates(sizes, "proportional", None, 1.0)
    mixture = Mixture(rates)
    found = [mixture.batch(index) for index in range(start, start + 1_500)]
    for number, rate in enumerate(rates):
        batches = [batch for which, batch in found if which == number]
        assert batches == list(range(batches[0], batches[0] + len(batches))) if batches else True
        assert not batches or abs(batches[0] - rate * start) <= len(sizes)


def test_an_epoch_of_a_proportional_mixture_is_an_epoch_of_each_set() -> None:
    sizes = (7, 30, 113)
    mixture = Mixture(example_rates(sizes, "proportional", None, 1.0))
    for epoch in range(3):
        total = sum(sizes)
        found = [mixture.batch(index) for index in range(epoch * total, (epoch + 1) * total)]
        for number, size in enumerate(sizes):
            expected = list(range(epoch * size, (epoch + 1) * size))
            assert [batch for which, batch in found if which == number] == expected


def test_a_single_set_gives_all_batches() -> None:
    mixture = Mixture((1.0,))
    assert [mixture.batch(index) for index in range(3_000)] == [(0, index) for index in range(3_000)]
