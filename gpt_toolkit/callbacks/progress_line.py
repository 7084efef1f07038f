"""Progress line of a training run: step, losses, speed and time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.throughput import Throughput
from gpt_toolkit.progress import ProgressBar, format_duration

_LONG_WAIT = 0.05
"""Fraction of the time spent waiting for data from which it is shown; tuned here."""


class ProgressLine(Callback):
    """One line about the run, as a bar on a terminal; at the end one about its speed.

    The speed is the last measurement of a :class:`Throughput` before it in the Trainer's list, without
    validation. The time left includes everything.

    Args:
        every_seconds: Seconds between two lines without a terminal.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds
        self._throughput: Throughput | None = None
        self._bar: ProgressBar | None = None
        self._total = self._first_step = self._seen_step = 0
        self._start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Describe the run and begin the line."""
        self._first_step = self._seen_step = trainer.global_step
        self._start = time.monotonic()
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        self._throughput = next((c for c in callbacks if isinstance(c, Throughput)), None)
        task: Any = pl_module
        self._total = task.total_steps()
        if trainer.is_global_zero:
            say(self._description(trainer, pl_module))
            self._bar = ProgressBar("", line_seconds=self.every_seconds)

    def _description(self, trainer: Trainer, pl_module: LightningModule) -> str:
        task: Any = pl_module
        config, decoder = task.backbone.config, task.decoder
        name = decoder if isinstance(decoder, str) else (decoder or {}).get("preset") or "decoder"
        devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
        on_cpu = pl_module.device.type == "cpu"
        device = "CPU" if on_cpu else torch.cuda.get_device_name(pl_module.device)
        done = f", {self._first_step:,} of them done" if self._first_step else ""
        return (
            f"{name}: {count(config.n_params)} parameters, context {config.n_ctx:,}, vocabulary "
            f"{config.vocab_size:,}; {devices}{device} {trainer.precision}; {self._total:,} steps{done}"
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count an update; the task has not logged its loss yet."""
        self._seen_step = trainer.global_step

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Refresh the line, now that the last update's loss is logged."""
        self._refresh(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refresh the line before a validation, which may take long."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._refresh(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last step, end the line and print the summary."""
        self._refresh(trainer, at_end=True)
        self._close()
        if trainer.is_global_zero and self._throughput is not None and self._throughput.overall:
            say(summary(self._throughput.overall, self._throughput.unit))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line, so that the next output is below it."""
        self._close()

    def _refresh(self, trainer: Trainer, *, at_end: bool = False) -> None:
        if self._bar is not None and self._seen_step > self._first_step and (at_end or self._bar.is_due):
            self._bar.show(self._line(trainer, self._seen_step), self._seen_step / self._total)

    def _line(self, trainer: Trainer, step: int) -> str:
        metrics = trainer.callback_metrics
        parts = [f"step {step:,}/{self._total:,}"]
        parts += [
            f"{label} {float(metrics[name]):.3f}"
            for label, name in (("loss", "train_loss"), ("val", "val_loss"), ("score", "val_score"))
            if name in metrics
        ]
        if self._throughput is not None and self._throughput.measured:
            parts += speed(self._throughput.measured, self._throughput.unit)
        left = (time.monotonic() - self._start) / (step - self._first_step) * (self._total - step)
        return "  ".join([*parts, f"left {format_duration(left)}"])

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def speed(numbers: Mapping[str, float], unit: str) -> list[str]:
    """Return ``12,224 tokens/s``, ``130 GFLOP/s (41%)``, and ``waits for data 12%`` if it waits long."""
    parts = [f"{numbers[f'{unit}_per_second']:,.0f} {unit}/s"]
    utilization = f" ({numbers['utilization']:.0%})" if "utilization" in numbers else ""
    parts.append(f"{flops(numbers['flops_per_second'])}{utilization}")
    if numbers.get("data_wait", 0.0) >= _LONG_WAIT:
        parts.append(f"waits for data {numbers['data_wait']:.0%}")
    return parts


def summary(numbers: Mapping[str, float], unit: str) -> str:
    """Return a whole run's speed as a line."""
    parts = speed(numbers, unit)
    p50, p95 = numbers["step_seconds_p50"], numbers["step_seconds_p95"]
    parts.append(f"a step {p50:.3g} s, 95% within {p95:.3g} s")
    if "peak_memory_gib" in numbers:
        parts.append(f"peak memory {numbers['peak_memory_gib']:.2f} GiB")
    return "speed: " + "  ".join(parts)


def flops(per_second: float) -> str:
    """Format operations a second: ``130 GFLOP/s`` or ``412 TFLOP/s``."""
    if per_second >= 1e12:
        return f"{per_second / 1e12:,.3g} TFLOP/s"
    return f"{per_second / 1e9:,.3g} GFLOP/s"


def count(number: int) -> str:
    """Format a number: ``1,542.1 M``, ``0.8 M`` or, below a tenth of a million, ``7,936``."""
    return f"{number / 1e6:,.1f} M" if number >= 100_000 else f"{number:,}"
