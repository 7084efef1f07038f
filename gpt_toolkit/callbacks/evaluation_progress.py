"""How far an evaluation is, where it takes more than a moment."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gpt_toolkit.callbacks.console import say
from gpt_toolkit.progress import CONSOLE

_EVERY_SECONDS = 15.0
"""Seconds between two lines where there is no terminal; ours."""


class Answering(Callback):
    """Shows how many of an evaluation's requests are answered, and of which benchmark.

    Args:
        total: Requests of all devices.
    """

    def __init__(self, total: int) -> None:
        self.total, self._done, self._said = total, 0, 0.0
        self._bar: Progress | None = None
        self._task: Any = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count."""
        self._done, self._said = 0, time.perf_counter()
        if trainer.is_global_zero and CONSOLE.is_terminal:
            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
            )
            self._bar = Progress(*columns, console=CONSOLE, transient=True)
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
        """Count a batch, as one of each device."""
        self._done = min(self._done + len(batch["requests"]) * trainer.world_size, self.total)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=batch["name"])
        elif trainer.is_global_zero and time.perf_counter() - self._said > _EVERY_SECONDS:
            self._said = time.perf_counter()
            say(f"{self._done:,} of {self.total:,} requests: {batch['name']}")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar away."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take the bar away."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
