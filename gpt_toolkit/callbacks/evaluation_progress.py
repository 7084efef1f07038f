"""Progress of an evaluation: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gpt_toolkit.callbacks.console import CONSOLE, say

_EVERY_SECONDS = 15.0
"""Seconds between two lines without a terminal; tuned here."""


class EvaluationProgress(Callback):
    """Report how many requests are answered, and the benchmark of the last ones.

    Args:
        total: Number of requests on all devices.
    """

    def __init__(self, total: int) -> None:
        self.total, self._done, self._last_line = total, 0, 0.0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the count."""
        self._done, self._last_line = 0, time.perf_counter()
        if trainer.is_global_zero and CONSOLE.is_terminal:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=CONSOLE,
                transient=True,
            )
            self._task = self._bar.add_task("", total=self.total)
            self._bar.start()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch, once for each device."""
        self._done = min(self._done + len(batch["requests"]) * trainer.world_size, self.total)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=batch["name"])
        elif trainer.is_global_zero and time.perf_counter() - self._last_line > _EVERY_SECONDS:
            self._last_line = time.perf_counter()
            say(f"{self._done:,} of {self.total:,} requests: {batch['name']}")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the bar."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
