"""Half-widths of 95% confidence intervals: one function for each kind of number in a report.

====================== ================================================================
:func:`normal`         a fraction of examples, by the normal approximation
:func:`wilson`         a fraction of examples, by Wilson's method: not zero at 0 and 1
:func:`normal_mean`    a mean over examples, by the normal approximation
:func:`student_t`      a mean over a few runs, by Student's t
:func:`ratio`          a ratio of two sums over documents, by the delta method
:func:`bootstrap`      any other statistic, from 1,000 resamples of the examples
====================== ================================================================
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Z = 1.959964
"""97.5% quantile of the normal distribution."""

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5% quantiles of Student's t for 1 to 9 degrees of freedom; the normal quantile is used above."""

_RESAMPLES = 1000


def normal(fraction: float, n: int) -> float:
    """Return the half-width for a fraction of ``n`` examples, by the normal approximation."""
    return _Z * math.sqrt(max(fraction * (1.0 - fraction), 0.0) / max(n, 1))


def wilson(fraction: float, n: int) -> float:
    """Return the half-width for a fraction of ``n`` examples, by Wilson's method."""
    variance = fraction * (1 - fraction) / n + _Z**2 / (4 * n**2)
    return _Z / (1 + _Z**2 / n) * math.sqrt(variance)


def normal_mean(values: Sequence[float]) -> float:
    """Return the half-width for a mean over many examples; NaN for fewer than two."""
    if len(values) < 2:
        return math.nan
    return _Z * float(np.std(values, ddof=1)) / math.sqrt(len(values))


def student_t(values: Sequence[float]) -> float:
    """Return the half-width for a mean over a few runs; infinite for one run."""
    n = len(values)
    if n < 2:
        return math.inf
    quantile = _T[n - 2] if n - 2 < len(_T) else _Z
    return quantile * statistics.stdev(values) / math.sqrt(n)


def ratio(numerators: Sequence[float], denominators: Sequence[int]) -> float:
    """Return the half-width for ``sum(numerators) / sum(denominators)``; NaN for fewer than two documents."""
    n, total = len(numerators), sum(denominators)
    if n < 2 or not total:
        return math.nan
    mean = sum(numerators) / total
    spread = sum((x - mean * u) ** 2 for x, u in zip(numerators, denominators, strict=True))
    return _Z * math.sqrt(spread * n / (n - 1)) / total


def bootstrap(statistic: Callable[[NDArray[np.int64]], float], n: int) -> float:
    """Return the half-width for a statistic of ``n`` examples; the resamples have a fixed seed.

    Args:
        statistic: Computes the statistic of a resample, given as indices of examples.
        n: Number of examples.
    """
    draws = np.random.default_rng(0).integers(0, max(n, 1), (_RESAMPLES, n))
    low, high = np.percentile([statistic(draw) for draw in draws], [2.5, 97.5])
    return float(high - low) / 2
