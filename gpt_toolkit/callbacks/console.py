"""Output of a run on the terminal: messages, and the progress of training and evaluation."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.throughput import Throughput
from gpt_toolkit.progress import CONSOLE, ProgressBar, format_duration

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONG_WAIT = 0.05
"""Fraction of the time spent waiting for data from which it is shown; tuned here."""


def say(text: str) -> None:
    """Write lines to standard error, above a progress bar.

    The text may be a model's: brackets and colons are not interpreted as markup, and control characters,
    which a model of bytes also writes, do not reach the terminal.
    """
    CONSOLE.print(_CONTROLS.sub("\ufffd", text), markup=False, highlight=False, emoji=False, soft_wrap=True)


def quiet_lightning() -> None:
    """Silence Lightning's messages about itself and about choices that are made on purpose here."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*is smaller than the logging interval.*",  # the interval here counts updates over epochs
        ".*does not have many workers.*",  # windows come from memory-mapped tokens
        ".*GPU available but not used.*",
        ".*recommended to use `self.log.*sync_dist=True.*",  # logged values are already reduced over devices
        ".*callbacks used to create the checkpoint.*",  # testing a run needs none of the callbacks of fit
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        ".*deprecated and will be removed in jsonargparse.*",
        ".*lr_scheduler.step\\(\\).* before .*optimizer.step.*",  # 16-mixed skips first steps that overflow
    ):
        warnings.filterwarnings("ignore", message)
    logger = logging.getLogger("gpt_toolkit")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(_AboveTheBar())


class _AboveTheBar(logging.Handler):
    """Handler that prints messages where a progress bar does not overwrite them."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


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
            say(self._description(trainer, task))
            self._bar = ProgressBar("", line_seconds=self.every_seconds)

    def _description(self, trainer: Trainer, task: Any) -> str:
        config, decoder = task.backbone.config, task.decoder
        name = decoder if isinstance(decoder, str) else (decoder or {}).get("preset") or "decoder"
        devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
        device = "CPU" if task.device.type == "cpu" else torch.cuda.get_device_name(task.device)
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
    flops = numbers["flops_per_second"]
    size, prefix = (1e12, "T") if flops >= 1e12 else (1e9, "G")
    parts.append(f"{flops / size:,.3g} {prefix}FLOP/s{utilization}")
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


def count(number: int) -> str:
    """Format a number: ``1,542.1 M``, ``0.8 M`` or, below a tenth of a million, ``7,936``."""
    return f"{number / 1e6:,.1f} M" if number >= 100_000 else f"{number:,}"


class EvaluationProgress(Callback):
    """Report how many requests are answered, and the benchmark of the last ones.

    Args:
        total: Number of requests on all devices.
    """

    def __init__(self, total: int) -> None:
        self.total, self._done = total, 0
        self._bar: ProgressBar | None = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the bar."""
        self._done = 0
        self._bar = ProgressBar("", unit="requests", total=self.total, enabled=trainer.is_global_zero)

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
        assert self._bar is not None
        self._bar.title = batch["name"]
        n = min(len(batch["requests"]) * trainer.world_size, self.total - self._done)
        self._done += n
        self._bar.advance(n)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the bar."""
        if self._bar is not None:
            self._bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop the bar."""
        self.on_test_end(trainer, pl_module)
