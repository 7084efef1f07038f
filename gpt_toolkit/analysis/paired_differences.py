"""What pre-training is worth: differences between runs of equal seeds, and scores on a scale of their own.

GPT-1 §5: Table 5 (without pre-training, without the auxiliary loss) and Figure 2 (layers transferred;
zero-shot scores while pre-training goes on).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import NamedTuple

from gpt_toolkit import intervals


class Estimate(NamedTuple):
    """A mean over runs.

    Attributes:
        mean: The mean.
        interval: Half-width of its 95% interval by Student's t; infinite for one run.
        n: Runs.
    """

    mean: float
    interval: float
    n: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is."""
        return self.mean - self.interval > 0


def estimate(values: Mapping[int, float]) -> Estimate | None:
    """Mean and interval of runs by seed; None of no run."""
    if not values:
        return None
    numbers = list(values.values())
    return Estimate(statistics.fmean(numbers), intervals.student_t(numbers), len(numbers))


def paired_difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Estimate | None:
    """What ``ours`` has more than ``theirs``, over the seeds that both have; None where there is none.

    Runs of one seed read their rows in the same order, so what both owe to it falls out of the difference.
    """
    return estimate({seed: ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())})


def normalized(score: float, guess: float, best: float) -> float:
    """A score between what guessing gives (0) and the state of the art (1), as Figure 2 right draws it.

    Returns:
        Not a number where the state of the art is no better than guessing.
    """
    return (score - guess) / (best - guess) if best > guess else math.nan
