"""Paired tests, compared with scipy, with published numbers, and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from gpt_toolkit.analysis.paired_tests import LEVEL, holm, mcnemar, paired_ratio, paired_t

N = 2000  # simulated comparisons; a rate of 5% is then known within 1.0%
MOST = 0.06
FEW = 300  # comparisons by the slower McNemar's test, which is exact: its rate is below 5% by construction


def test_the_paired_t_is_scipy_s() -> None:
    before, after = [3.1, 2.9, 3.3, 3.0], [3.0, 2.7, 3.25, 2.8]
    found = paired_t([b - a for a, b in zip(before, after, strict=True)])
    expected = stats.ttest_rel(after, before)
    low, high = expected.confidence_interval(0.95)
    assert found[:4] == pytest.approx((-0.1375, low, high, expected.pvalue))
    assert (found.n, found.test) == (4, "paired t")


def test_one_pair_says_nothing() -> None:
    found = paired_t([-2.0])
    assert (found.value, found.low, found.high, found.p) == (-2.0, -math.inf, math.inf, 1.0)


def test_equal_differences_are_as_likely_as_equal_signs() -> None:
    assert paired_t([0.0, 0.0, 0.0]).p == 1.0
    assert paired_t([1.0, 1.0, 1.0]).p == 0.25


def test_mcnemar_is_the_binomial_test_of_the_examples_that_changed() -> None:
    first = [True] * 50 + [False] * 10 + [True] * 2
    second = [True] * 50 + [True] * 10 + [False] * 2
    found = mcnemar(first, second)
    assert found.value == pytest.approx(8 / 62)
    assert found.p == pytest.approx(2 * sum(math.comb(12, k) for k in range(3)) / 2**12)
    assert found.low > 0  # as p is below 5%
    assert mcnemar([True], [True])[:4] == (0.0, 0.0, 0.0, 1.0)


def test_mcnemar_s_interval_leaves_zero_out_where_p_is_small() -> None:
    for gained in range(30):
        found = mcnemar([False] * gained + [True] * 12, [True] * gained + [False] * 12)
        assert (found.low > 0 or found.high < 0) == (found.p < LEVEL), gained


def test_a_ratio_of_documents_of_equal_length_is_a_mean() -> None:
    values = [1.0, 3.0, 2.0, 5.0]
    ratio, mean = paired_ratio(values, [10] * 4), paired_t([value / 10 for value in values])
    assert ratio[:5] == pytest.approx(mean[:5])


def test_holm_s_example() -> None:
    # Holm's own example: 0.01, 0.04, 0.03, 0.005
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


# Simulations: equal models are called different in at most 5% of the cases, and a planted difference is found


@pytest.mark.parametrize("n_seeds", [2, 3, 5, 10])
def test_equal_configurations_are_rarely_called_different(n_seeds: int) -> None:
    random = np.random.default_rng(n_seeds)
    noise = random.normal(3.0, 0.05, (N, 2, n_seeds)) + random.normal(0.0, 0.1, (N, 1, n_seeds))
    found = [paired_t(run[1] - run[0]).p <= LEVEL for run in noise]
    assert np.mean(found) <= MOST


@pytest.mark.parametrize("n", [20, 200, 1000])
def test_equal_models_are_rarely_called_different_by_their_answers(n: int) -> None:
    random = np.random.default_rng(n)
    difficulty = random.uniform(0, 1, (FEW, 1, n))  # what is hard for one model is hard for the other
    right = random.uniform(0, 1, (FEW, 2, n)) < difficulty
    assert np.mean([mcnemar(*pair).p <= LEVEL for pair in right]) <= MOST


def test_equal_models_are_rarely_called_different_by_documents_of_unequal_length() -> None:
    random = np.random.default_rng(0)
    units = random.integers(5, 200, (N, 50))
    nats = units[:, None] * (3 + random.normal(0, 0.1, (N, 2, 50)))
    found = [paired_ratio(b - a, u.tolist()).p <= LEVEL for (a, b), u in zip(nats, units, strict=True)]
    assert np.mean(found) <= MOST + 0.01  # the delta method is an approximation


def test_several_equal_configurations_together_are_rarely_called_different() -> None:
    random = np.random.default_rng(1)
    runs = random.normal(3.0, 0.05, (N, 5, 4))  # 4 comparisons with the first, of 4 seeds each
    found = [min(holm([paired_t(other - run[0]).p for other in run[1:]])) <= LEVEL for run in runs]
    assert np.mean(found) <= MOST


def test_a_planted_difference_is_found() -> None:
    random = np.random.default_rng(2)
    seeds = random.normal(0.0, 0.02, (N, 5))
    assert np.mean([paired_t(run - 0.1).p <= LEVEL for run in seeds]) > 0.95
    right = random.uniform(0, 1, (FEW, 2, 1000)) < np.array([0.5, 0.6])[:, None]
    assert np.mean([mcnemar(*pair).p <= LEVEL for pair in right]) > 0.95


def test_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(3)
    found = [paired_t(run) for run in random.normal(0.1, 0.3, (N, 4))]
    assert np.mean([each.low <= 0.1 <= each.high for each in found]) == pytest.approx(0.95, abs=0.015)
