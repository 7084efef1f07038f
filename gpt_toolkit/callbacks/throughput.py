"""Throughput of a training run, measured without waiting for the device."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.hardware import compute_dtype, peak_flops, peak_process_memory


@dataclass
class Tally:
    """Sums over some steps.

    Attributes:
        work: Units trained on, by all devices.
        flops: Operations of this device.
        waited: Seconds in which this device had no batch.
        cpu: CPU seconds of this process, of all its threads.
        steps: Seconds of each step.
    """

    work: int = 0
    flops: float = 0.0
    waited: float = 0.0
    cpu: float = 0.0
    steps: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the sums over other steps."""
        self.work += other.work
        self.flops += other.flops
        self.waited += other.waited
        self.cpu += other.cpu
        self.steps += other.steps


class Throughput(Callback):
    """Measurements of a training run, logged wherever the loss is logged.

    ``<unit>_per_second`` and ``flops_per_second`` are of all devices, the latter as the task counts them.
    ``utilization`` is relative to the peak of this device's matrix units. ``step_seconds_p50`` and ``_p95``
    are of the steps since the last log. ``cpu_seconds`` (on a CPU) or ``gpu_seconds`` are of all devices
    since the last log; their sum is the cost of a run. ``data_wait`` is relative to the training time.
    ``peak_memory_gib`` is of this device, on a CPU of this process. A number that a machine does not provide
    is left out.

    Validation and what follows it do not count. Nothing waits for a GPU: its steps are timed by events on
    the device, which are read when the loss is.

    Attributes:
        unit: Unit of the work.
        measured: Numbers that were logged last.
        overall: Numbers of the whole run.
    """

    def __init__(self) -> None:
        self.unit = "tokens"
        self.measured: dict[str, float] = {}
        self.overall: dict[str, float] = {}
        self._peak_flops = math.nan
        self._seen_step = 0
        self._is_complete = False  # the step, whose end is not recorded yet
        self._segment_start: Any = None  # None in a pause
        self._cpu_start = 0.0  # CPU time of this process at the start of the segment
        self._segments: list[tuple[Any, Any]] = []  # of the current step, which a validation may interrupt
        self._steps: list[list[tuple[Any, Any]]] = []
        self._since_log, self._whole = Tally(), Tally()
        self._waited = 0.0  # the loader's count at the last batch

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the device's peak and start the clock."""
        task: Any = pl_module
        self.unit = task.unit
        self._peak_flops = peak_flops(pl_module.device, compute_dtype(str(trainer.precision)))
        self._seen_step, self._is_complete = trainer.global_step, False
        self._segments, self._steps = [], []
        self._since_log, self._whole = Tally(), Tally()
        self._waited = seconds_waited(trainer)
        self._cpu_start = time.process_time()
        self._segment_start = time_on(pl_module.device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a micro-batch's operations, and after an update the step's work."""
        task: Any = pl_module
        self._since_log.flops += task.flops(batch)
        if trainer.global_step != self._seen_step:
            self._seen_step, self._is_complete = trainer.global_step, True
            self._since_log.work += task.work(batch)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Close the step before, and log it if the task logged its loss after ``on_train_batch_end``."""
        waited = seconds_waited(trainer)
        if self._segment_start is not None:
            self._since_log.waited += waited - self._waited
        self._waited = waited
        if self._is_complete or self._segment_start is None:
            self._segment_start = self._close_segment(pl_module.device)
        self._log(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock until the next batch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._close_segment(pl_module.device)
            self._segment_start = None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the last steps."""
        self._close_segment(pl_module.device)
        self._log(trainer, at_end=True)

    def _close_segment(self, device: torch.device) -> Any:
        """Close the current timing segment, and the step if it is complete; return the time."""
        now, cpu = time_on(device), time.process_time()
        if self._segment_start is not None:
            self._segments.append((self._segment_start, now))
            self._since_log.cpu += cpu - self._cpu_start
        self._cpu_start = cpu
        if self._is_complete:
            self._steps.append(self._segments)
            self._segments, self._is_complete = [], False
        return now

    def _log(self, trainer: Trainer, *, at_end: bool = False) -> None:
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if not self._steps or not (at_end or self._seen_step % every == 0):
            return
        self._since_log.steps = [sum(seconds(*segment) for segment in step) for step in self._steps]
        self._whole.add(self._since_log)
        self.measured = self._numbers(self._since_log, trainer)
        self.overall = self._numbers(self._whole, trainer)
        self._since_log, self._steps = Tally(), []
        for logger in trainer.loggers:
            logger.log_metrics(self.measured, self._seen_step)

    def _numbers(self, tally: Tally, trainer: Trainer) -> dict[str, float]:
        total = max(sum(tally.steps), 1e-9)
        p50, p95 = np.percentile(tally.steps, (50, 95))
        on_cpu = trainer.strategy.root_device.type == "cpu"
        numbers = {
            f"{self.unit}_per_second": tally.work / total,
            "flops_per_second": tally.flops * trainer.world_size / total,
            "utilization": tally.flops / total / self._peak_flops,
            "step_seconds_p50": float(p50),
            "step_seconds_p95": float(p95),
            "cpu_seconds" if on_cpu else "gpu_seconds": (tally.cpu if on_cpu else total) * trainer.world_size,
            "data_wait": tally.waited / total,
            "peak_memory_gib": peak_memory(trainer.strategy.root_device) / 2**30,
        }
        return {name: value for name, value in numbers.items() if not math.isnan(value)}


def time_on(device: torch.device) -> Any:
    """Return the present time: on a GPU as an event on the device, so that nothing waits."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


def seconds(begin: Any, end: Any) -> float:
    """Return the seconds between two results of :func:`time_on`; on a GPU, wait for the second."""
    if isinstance(begin, float):
        return float(end - begin)
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000


def seconds_waited(trainer: Trainer) -> float:
    """Return how long training has waited for batches so far; NaN if the loader does not count it."""
    return float(getattr(trainer.train_dataloader, "seconds_waited", math.nan))


def peak_memory(device: torch.device) -> float:
    """Return the peak of used bytes so far: torch's on a GPU, else this process's; NaN if unknown."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    peak = peak_process_memory()
    return math.nan if peak is None else float(peak)
