"""Half-widths of 95% intervals, compared with published values and with resampling."""

import math

import numpy as np
import pytest

from gpt_toolkit import intervals


def test_a_fraction_has_the_normal_interval_and_wilson_s() -> None:
    assert intervals.normal(0.8, 100) == pytest.approx(1.96 * 0.04, rel=1e-4)
    assert intervals.normal(1.0, 5) == intervals.normal(0.0, 0) == 0.0
    assert intervals.wilson(0.8, 10) == pytest.approx((0.9433 - 0.4902) / 2, abs=1e-4)  # 0.490 to 0.943
    assert intervals.wilson(1.0, 10) > 0.1


def test_a_mean_over_examples_has_the_normal_interval() -> None:
    assert intervals.normal_mean([0.0, 100.0, 50.0, 50.0]) == pytest.approx(1.96 * 40.8248 / 2, abs=1e-2)
    assert math.isnan(intervals.normal_mean([1.0]))


def test_a_mean_over_runs_has_student_s_interval() -> None:
    values = [0.80, 0.84, 0.82]  # mean 0.82, deviation 0.02; t for 2 degrees of freedom 4.303
    assert intervals.student_t(values) == pytest.approx(4.303 * 0.02 / math.sqrt(3))
    assert intervals.student_t([0.5]) == math.inf


def test_the_interval_of_a_ratio_is_the_bootstrap_s() -> None:
    random = np.random.default_rng(1)
    units = random.integers(5, 50, 300)
    nats = units * random.normal(3.0, 0.4, 300)
    resampled = intervals.bootstrap(lambda draw: float(nats[draw].sum() / units[draw].sum()), 300)
    assert intervals.ratio(nats.tolist(), units.tolist()) == pytest.approx(resampled, rel=0.06)
    assert math.isnan(intervals.ratio([1.0], [3]))
