"""How long a run will take: its steps and validations, from those that were timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpt_toolkit.data.supervised.batching import TrainingBatches
from gpt_toolkit.dry_run.timed_steps import Probe

_SAMPLED = 1024  # batches whose sizes stand for all


@dataclass(frozen=True)
class Duration:
    """A run on this machine.

    Attributes:
        n_steps: Optimizer steps that are left.
        step_seconds: Of one, on average.
        work_per_second: Tokens or examples.
        n_validations: Passes over the validation split.
        validation_seconds: Of one, with its sample.
    """

    n_steps: int
    step_seconds: float
    work_per_second: float
    n_validations: int
    validation_seconds: float

    @property
    def total(self) -> float:
        """Seconds of all steps and validations."""
        return self.n_steps * self.step_seconds + self.n_validations * self.validation_seconds


def duration(probe: Probe, batches: Any, accumulate: int, n_steps: int, n_validations: int) -> Duration:
    """What was timed, carried over to the whole run.

    Args:
        probe: After its steps.
        batches: The data set of training batches; those of an epoch may be of other sizes than those timed.
        accumulate: Batches a step.
        n_steps: Steps of the run that are left.
        n_validations: Validations during them.
    """
    step_seconds = float(np.mean(probe.seconds))
    if isinstance(batches, TrainingBatches):
        step_seconds = _at(probe, accumulate * _mean_tokens(batches))
    work_per_step = probe.work / len(probe.seconds)
    return Duration(
        n_steps,
        step_seconds,
        work_per_step / step_seconds,
        n_validations,
        probe.validation_seconds + probe.sample_seconds,
    )


def _at(probe: Probe, step_tokens: float) -> float:
    """Seconds of a step of this many tokens: on the line through the timed steps, some of it fixed."""
    tokens, seconds = np.array(probe.tokens, float), np.array(probe.seconds)
    mean = float(seconds.mean() * step_tokens / tokens.mean())
    if tokens.std() < 0.1 * tokens.mean():
        return mean
    slope, fixed = np.polyfit(tokens, seconds, 1)
    if slope <= 0 or fixed < 0:
        return mean
    return float(fixed + slope * step_tokens)


def _mean_tokens(batches: TrainingBatches) -> float:
    """Tokens of a batch, padding counted, over an epoch."""
    builders, orders, mixture = batches.stream
    n = min(len(batches), _SAMPLED)
    found = []
    for index in range(n):
        task, number = mixture.batch(index * len(batches) // n)
        rows = orders[task].indices(number)
        width = int(builders[task].lengths[rows].max()) * builders[task].inputs.n_sequences
        found.append(len(rows) * width)
    return float(np.mean(found))


def n_validations(trainer: Any, n_steps: int, steps_per_epoch: int | None, accumulate: int) -> int:
    """Validations of a run: in micro-batches or parts of an epoch, as Lightning counts them, and at its end.

    Args:
        trainer: Its settings ``val_check_interval`` and ``check_val_every_n_epoch``, by name.
        n_steps: Optimizer steps.
        steps_per_epoch: None where epochs have no meaning.
        accumulate: Micro-batches a step.
    """
    interval, every = trainer["val_check_interval"], trainer["check_val_every_n_epoch"]
    interval = 1.0 if interval is None else interval
    n_batches = n_steps * accumulate
    if every is None and isinstance(interval, int):
        return -(-n_batches // interval)
    if steps_per_epoch is None:
        return 1
    per_epoch, every = steps_per_epoch * accumulate, every or 1
    between = interval if isinstance(interval, int) else max(1, int(per_epoch * interval))
    epoch, place = divmod(n_batches - 1, per_epoch)  # of the last batch, which a validation follows
    in_last = place // between + 1 if (epoch + 1) % every == 0 else 0
    return epoch // every * (per_epoch // between) + in_last
