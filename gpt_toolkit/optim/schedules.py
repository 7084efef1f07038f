"""Learning-rate schedules, stepped once per update (GPT-1 §4.1)."""

import math
from abc import ABC, abstractmethod


class Schedule(ABC):
    """Learning rate over a run, as a fraction of the highest.

    Args:
        warmup_steps: Updates of the linear rise from 0; below 1, a fraction of all updates.
    """

    def __init__(self, warmup_steps: float = 0) -> None:
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps: {warmup_steps}; expected 0 or more")
        self.warmup_steps = warmup_steps

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the fraction of the highest learning rate for update ``step`` (from 0) of ``total_steps``.

        The first update uses ``1 / (warmup_steps + 1)`` rather than 0, which would waste it.
        """
        warmup = self.warmup_steps * total_steps if self.warmup_steps < 1 else self.warmup_steps
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return self.after_warmup((step - warmup) / max(total_steps - warmup, 1), total_steps)

    @abstractmethod
    def after_warmup(self, progress: float, total_steps: int) -> float:
        """Return the fraction of the highest learning rate at ``progress`` in [0, 1] after the warm-up."""


class Constant(Schedule):
    """The highest learning rate from the warm-up to the end."""

    def after_warmup(self, progress: float, total_steps: int) -> float:
        return 1.0


class Cosine(Schedule):
    """A half cosine wave from the highest learning rate to the lowest (GPT-1 §4.1: to 0).

    Args:
        warmup_steps: Updates of the linear rise from 0; below 1, a fraction of all updates.
        final: Lowest learning rate as a fraction of the highest.
    """

    def __init__(self, warmup_steps: float = 0, final: float = 0.0) -> None:
        super().__init__(warmup_steps)
        self.final = final

    def after_warmup(self, progress: float, total_steps: int) -> float:
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class Linear(Schedule):
    """A line from the highest learning rate to the lowest (GPT-1 §4.1, fine-tuning: to 0).

    Args:
        warmup_steps: Updates of the linear rise from 0; below 1, a fraction of all updates.
        final: Lowest learning rate as a fraction of the highest.
    """

    def __init__(self, warmup_steps: float = 0, final: float = 0.0) -> None:
        super().__init__(warmup_steps)
        self.final = final

    def after_warmup(self, progress: float, total_steps: int) -> float:
        return 1.0 + (self.final - 1.0) * min(progress, 1.0)


class WarmupStableDecay(Schedule):
    """The highest learning rate for most of the run, then a line down.

    A run can be extended before its decay.

    Args:
        warmup_steps: Updates of the linear rise from 0; below 1, a fraction of all updates.
        decay: Length of the final fall, as a fraction of all updates.
        final: Lowest learning rate as a fraction of the highest.
    """

    def __init__(self, warmup_steps: float = 0, decay: float = 0.2, final: float = 0.0) -> None:
        super().__init__(warmup_steps)
        if not 0.0 <= decay <= 1.0:
            raise ValueError(f"decay: {decay}; expected a fraction of all updates in [0, 1]")
        self.decay, self.final = decay, final

    def after_warmup(self, progress: float, total_steps: int) -> float:
        left = (1.0 - min(progress, 1.0)) / max(self.decay, 1e-9)
        return self.final + (1.0 - self.final) * min(left, 1.0)
