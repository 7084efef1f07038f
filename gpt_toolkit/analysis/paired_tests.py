"""Tests of differences between pairs: the same seeds, examples or documents under two models.

====================== ====================================================================
:func:`paired_t`       mean of differences, such as of losses: Student's t
:func:`mcnemar`        difference of two accuracies: McNemar's exact test
:func:`paired_ratio`   difference of two losses per unit, such as per token: the delta method
:func:`holm`           p-values of several tests, adjusted so that together they err in 5% of cases
====================== ====================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special, stats

LEVEL = 0.05
"""Probability at which equal models may be called different."""


class Difference(NamedTuple):
    """A difference between two models.

    Attributes:
        value: The second model's number less the first one's.
        low, high: Ends of the 95% interval; infinite for a single pair.
        p: Probability of a difference at least as large between equal models.
        n: Number of pairs.
        test: Name of the test.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    test: str


def paired_t(differences: Sequence[float]) -> Difference:
    """Test whether the mean of differences is zero.

    Differences that are all equal have no spread to compare with. Their p is that of equal signs by chance.
    """
    values = np.asarray(differences, dtype=float)
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return _student(float(values.mean()), error, len(values), "paired t")


def paired_ratio(differences: Sequence[float], units: Sequence[int]) -> Difference:
    """Test whether ``sum(differences) / sum(units)`` is zero, where pairs have unequal numbers of units."""
    values, counts = np.asarray(differences, dtype=float), np.asarray(units, dtype=float)
    n, ratio = len(values), float(values.sum() / counts.sum())
    residuals = values - ratio * counts
    error = math.inf
    if n > 1:
        error = math.sqrt(float(residuals @ residuals) * n / (n - 1)) / float(counts.sum())
    return _student(ratio, error, n, "paired t of ratios")


def _student(value: float, error: float, n: int, test: str) -> Difference:
    if n < 2:
        return Difference(value, -math.inf, math.inf, 1.0, n, test)
    half = float(special.stdtrit(n - 1, 1 - LEVEL / 2)) * error
    if error > 0:
        p = 2 * float(special.stdtr(n - 1, -abs(value) / error))
    else:
        p = 2.0 ** (1 - n) if value else 1.0
    return Difference(value, value - half, value + half, p, n, test)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> Difference:
    """Test whether two models have the same accuracy on the same examples.

    Only examples count that one model has right and the other has not. The interval is Clopper and Pearson's
    for the fraction of these that the second model has right, given their number.
    """
    before, after = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    n, gained = len(before), int((after & ~before).sum())
    changed = gained + int((before & ~after).sum())
    if not changed:
        return Difference(0.0, 0.0, 0.0, 1.0, n, "McNemar's")
    found = stats.binomtest(gained, changed)
    fractions = found.proportion_ci(1 - LEVEL, method="exact")
    low, high = ((2 * fraction - 1) * changed / n for fraction in (fractions.low, fractions.high))
    return Difference((2 * gained - changed) / n, low, high, float(found.pvalue), n, "McNemar's")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's method (1979): all those at most 5% may be called different together."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
