"""Limit of a run's training time: fewer steps on a slow machine."""

from __future__ import annotations

import logging
import time
from statistics import median
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from gpt_toolkit.progress import format_duration

log = logging.getLogger(__name__)

_WARMUP_STEPS, _MAX_STEPS, _SECONDS = 2, 10, 4.0
"""Steps before the timed ones, timed steps at most, and seconds after which three are enough; tuned here."""

_ROUNDED_TO = 10


class Budget(Callback):
    """Limit of a run of ``max_steps`` to the steps that this machine trains within some minutes.

    Before the first step a few steps are timed, and undone. If all steps would take longer than the budget,
    ``trainer.max_steps`` is lowered, one line says so, and the schedule ends with the last step. A run that
    is resumed with the same budget keeps the number. Runs of epochs and runs whose weights are divided among
    devices are not limited.

    Args:
        minutes: Longest training time; None trains all steps.

    Attributes:
        max_steps: Steps that were chosen; None where the run was not limited.
        asked_steps: ``trainer.max_steps`` before.
    """

    def __init__(self, minutes: float | None = None) -> None:
        if minutes is not None and not minutes > 0:
            raise ValueError(f"budget.minutes: {minutes}; expected a number above 0, or null for all steps")
        self.minutes = minutes
        self.max_steps: int | None = None
        self.asked_steps = 0
        self._saved_minutes: float | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the number of steps, or take the restored one."""
        asked: int = trainer.max_steps
        if self.minutes is None or asked <= 0 or trainer.fast_dev_run:  # type: ignore[attr-defined]
            self.max_steps = None
            return
        if self._saved_minutes == self.minutes:
            if self.max_steps is not None and asked == self.asked_steps:  # else max_steps was changed
                trainer.fit_loop.epoch_loop.max_steps = self.max_steps
            return
        self.max_steps = None
        if not isinstance(trainer.strategy, (SingleDeviceStrategy, DDPStrategy)):
            return
        seconds: float = trainer.strategy.broadcast(seconds_of_a_step(trainer, pl_module))
        affordable = max(int(60 * self.minutes / seconds) // _ROUNDED_TO, 1) * _ROUNDED_TO
        if affordable >= asked:
            return
        self.asked_steps, self.max_steps = asked, affordable
        trainer.fit_loop.epoch_loop.max_steps = self.max_steps
        if trainer.is_global_zero:
            log.info(
                "budget: %s steps of %.3g s would take about %s on this machine; training %s steps in about "
                "%s; all steps: --budget.minutes null",
                f"{asked:,}",
                seconds,
                format_duration(asked * seconds),
                f"{self.max_steps:,}",
                format_duration(self.max_steps * seconds),
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the chosen number for a checkpoint."""
        return {"minutes": self.minutes, "max_steps": self.max_steps, "asked_steps": self.asked_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the chosen number."""
        self._saved_minutes = state_dict["minutes"]
        self.max_steps, self.asked_steps = state_dict["max_steps"], state_dict["asked_steps"]


def seconds_of_a_step(trainer: Trainer, task: Any) -> float:
    """Time a few optimizer steps on the first batch and undo them; return the median."""
    batch = task.data.train_dataloader().dataset[0]
    batch = trainer.strategy.batch_to_device(batch, task.device)
    seconds: list[float] = []
    with task.undone_steps() as step:
        begin = time.perf_counter()
        while len(seconds) < _WARMUP_STEPS + _MAX_STEPS:
            start = time.perf_counter()
            for _ in range(trainer.accumulate_grad_batches):
                step(batch)
            if task.device.type != "cpu":
                torch.accelerator.synchronize()
            seconds.append(time.perf_counter() - start)
            if len(seconds) >= _WARMUP_STEPS + 3 and time.perf_counter() - begin > _SECONDS:
                break
    return median(seconds[_WARMUP_STEPS:])
