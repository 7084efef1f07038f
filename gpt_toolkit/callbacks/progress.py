"""How far a run is, how fast, and how long it will still take."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gpt_toolkit.callbacks.console import CONSOLE, say

_BAR_SECONDS = 0.2
"""Seconds between two updates of a bar; ours: as often as an eye can use."""


class ProgressLine(Callback):
    """One line about the run: step, loss, validation loss, tokens/s (or examples/s), time left.

    A bar on a terminal, elsewhere a printed line now and then. The rate counts training only, not validation
    and what follows it, over the time since the loss was read last; time left counts all.

    Args:
        every_seconds: Seconds between two lines where there is no terminal.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds
        self.rate = math.nan
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._unit = "tokens"
        self._total = self._first_step = self._seen_step = 0
        self._work = 0  # done since the mark
        self._start = self._mark = self._shown = 0.0
        self._paused: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Describe the run, begin the line."""
        self._first_step = self._seen_step = trainer.global_step
        self._start = self._mark = self._shown = time.perf_counter()
        self._paused, self._work = None, 0
        task: Any = pl_module
        self._total, self._unit = task.total_steps(), task.unit
        if not trainer.is_global_zero:
            return
        say(self._description(trainer, pl_module))
        if CONSOLE.is_terminal:
            self._bar = Progress(BarColumn(), TextColumn("{task.description}", markup=False), console=CONSOLE)
            self._task = self._bar.add_task("starting", total=self._total, completed=trainer.global_step)
            self._bar.start()

    def _description(self, trainer: Trainer, pl_module: LightningModule) -> str:
        task: Any = pl_module
        config, decoder = task.backbone.config, task.decoder
        name = decoder if isinstance(decoder, str) else (decoder or {}).get("preset") or "decoder"
        devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
        on_cpu = pl_module.device.type == "cpu"
        device = "CPU" if on_cpu else torch.cuda.get_device_name(pl_module.device)
        begun = f", {self._first_step:,} of them done" if self._first_step else ""
        return (
            f"{name}: {count(config.n_params)} parameters, context {config.n_ctx:,}, vocabulary "
            f"{config.vocab_size:,}; {devices}{device} {trainer.precision}; {self._total:,} steps{begun}"
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count an update's work; the task has not logged its loss yet."""
        if trainer.global_step != self._seen_step:
            self._seen_step = trainer.global_step
            self._work += pl_module.work(batch)  # type: ignore[operator]

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Refresh the line, now that the last update's loss is there."""
        self._refresh(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of tokens per second, until the next batch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._refresh(trainer)
            self._paused = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last step, end the line."""
        self._refresh(trainer, at_end=True)
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line, so that what comes next stands below it."""
        if self._bar is not None:
            self._show(trainer)
        self._stop()

    def _refresh(self, trainer: Trainer, *, at_end: bool = False) -> None:
        now = time.perf_counter()
        if self._paused is not None:
            self._mark += now - self._paused
            self._paused = None
        step = self._seen_step
        logs_every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if self._work and (step % logs_every == 0 or at_end):
            self.rate = self._work / max(now - self._mark, 1e-9)
            self._mark, self._work = now, 0
            for logger in trainer.loggers:
                logger.log_metrics({f"{self._unit}_per_second": self.rate}, step)
        wait = self.every_seconds if self._bar is None else _BAR_SECONDS
        if at_end or now - self._shown >= wait:
            self._show(trainer)

    def _show(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero or self._seen_step == self._first_step:
            return
        self._shown = time.perf_counter()
        line = self._line(trainer, self._seen_step, self._shown)
        if self._bar is None:
            say(line)
        else:
            self._bar.update(self._task, completed=self._seen_step, description=line)

    def _line(self, trainer: Trainer, step: int, now: float) -> str:
        metrics = trainer.callback_metrics
        parts = [f"step {step:,}/{self._total:,}"]
        parts += [
            f"{label} {float(metrics[name]):.3f}"
            for label, name in (("loss", "train_loss"), ("val", "val_loss"), ("score", "val_score"))
            if name in metrics
        ]
        if not math.isnan(self.rate):
            parts.append(f"{self.rate:,.0f} {self._unit}/s")
        left = (now - self._start) / (step - self._first_step) * (self._total - step)
        return "  ".join([*parts, f"left {clock(left)}"])

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def count(number: int) -> str:
    """``1,542.1 M``, ``0.8 M`` or, where millions say nothing, ``7,936``."""
    return f"{number / 1e6:,.1f} M" if number >= 100_000 else f"{number:,}"
