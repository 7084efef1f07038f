"""How far a run is, how fast, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gpt_toolkit.callbacks.console import CONSOLE, say
from gpt_toolkit.callbacks.throughput import Throughput

_MUCH = 0.05
"""Share of the time in which training waits for data from which on it is shown; ours."""

_BAR_SECONDS = 0.2
"""Seconds between two updates of a bar; ours: as often as an eye can use."""


class ProgressLine(Callback):
    """One line about the run: step, loss, validation loss, speed, time left; at its end one about its speed.

    A bar on a terminal, elsewhere a printed line now and then. The speed is what a :class:`Throughput` before
    it in the Trainer's list has measured last, of training only; time left counts all.

    Args:
        every_seconds: Seconds between two lines where there is no terminal.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds
        self._throughput: Throughput | None = None
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._total = self._first_step = self._seen_step = 0
        self._start = self._shown = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Describe the run, begin the line."""
        self._first_step = self._seen_step = trainer.global_step
        self._start = self._shown = time.perf_counter()
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        self._throughput = next((c for c in callbacks if isinstance(c, Throughput)), None)
        task: Any = pl_module
        self._total = task.total_steps()
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
        """Count an update; the task has not logged its loss yet."""
        self._seen_step = trainer.global_step

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
        """Refresh the line before what may take long."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._refresh(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last step, end the line."""
        self._refresh(trainer, at_end=True)
        self._stop()
        if trainer.is_global_zero and self._throughput is not None and self._throughput.overall:
            say(summary(self._throughput.overall, self._throughput.unit))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line, so that what comes next stands below it."""
        if self._bar is not None:
            self._show(trainer)
        self._stop()

    def _refresh(self, trainer: Trainer, *, at_end: bool = False) -> None:
        now = time.perf_counter()
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
        if self._throughput is not None and self._throughput.measured:
            parts += speed(self._throughput.measured, self._throughput.unit)
        left = (now - self._start) / (step - self._first_step) * (self._total - step)
        return "  ".join([*parts, f"left {clock(left)}"])

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def speed(figures: Mapping[str, float], unit: str) -> list[str]:
    """``12,224 tokens/s``, ``130 GFLOP/s (41%)``, and ``waits for data 12%`` where that is much."""
    parts = [f"{figures[f'{unit}_per_second']:,.0f} {unit}/s"]
    share = f" ({figures['utilization']:.0%})" if "utilization" in figures else ""
    parts.append(f"{flops(figures['flops_per_second'])}{share}")
    if figures.get("data_wait", 0.0) >= _MUCH:
        parts.append(f"waits for data {figures['data_wait']:.0%}")
    return parts


def summary(figures: Mapping[str, float], unit: str) -> str:
    """A whole run's speed in a line."""
    parts = speed(figures, unit)
    p50, p95 = figures["step_seconds_p50"], figures["step_seconds_p95"]
    parts.append(f"a step {p50:.3g} s, 95% within {p95:.3g} s")
    if "peak_memory_gib" in figures:
        parts.append(f"peak memory {figures['peak_memory_gib']:.2f} GiB")
    return "speed: " + "  ".join(parts)


def flops(rate: float) -> str:
    """``130 GFLOP/s`` or ``412 TFLOP/s``."""
    return f"{rate / 1e12:,.3g} TFLOP/s" if rate >= 1e12 else f"{rate / 1e9:,.3g} GFLOP/s"


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def count(number: int) -> str:
    """``1,542.1 M``, ``0.8 M`` or, where millions say nothing, ``7,936``."""
    return f"{number / 1e6:,.1f} M" if number >= 100_000 else f"{number:,}"
