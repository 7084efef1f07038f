from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.supervised.mixture import Mixing, Mixture, batch_rates, example_rates

SIZES = (1_000, 4_000, 95_000)


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
