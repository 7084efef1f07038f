"""How fast a run is, measured without waiting for the device, and how fast it could be."""

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
    """What was done in a stretch of steps.

    Attributes:
        work: Units trained on, by all devices.
        flops: Operations of this device.
        waited: Seconds in which it had no batch.
        steps: Seconds of each step.
    """

    work: int = 0
    flops: float = 0.0
    waited: float = 0.0
    steps: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another stretch in."""
        self.work += other.work
        self.flops += other.flops
        self.waited += other.waited
        self.steps += other.steps


class Throughput(Callback):
    """Measures a training run, and logs it wherever the loss is logged.

    ``<unit>_per_second`` and ``flops_per_second`` of all devices, the latter as the task counts them;
    ``utilization``, the share of what this device's matrix units could do; ``step_seconds_p50`` and ``_p95``
    of the steps since the last log; ``data_wait``, the share of the time in which there was no batch;
    ``peak_memory_gib`` of this device, on a CPU of this process. What a machine cannot tell is left out.

    Validation, and what follows it, is not counted. Nothing waits for a GPU: its steps are timed by events on
    the device, which are read when the loss is.

    Attributes:
        unit: What is counted.
        measured: The numbers that were logged last.
        overall: The same of the whole run.
    """

    def __init__(self) -> None:
        self.unit = "tokens"
        self.measured: dict[str, float] = {}
        self.overall: dict[str, float] = {}
        self._peak = math.nan
        self._seen_step = 0
        self._is_complete = False  # the step, of which the end is not marked yet
        self._begun: Any = None  # when the piece of a step began that is going on; None in a pause
        self._pieces: list[tuple[Any, Any]] = []  # of a step that validation interrupts
        self._steps: list[list[tuple[Any, Any]]] = []
        self._now, self._whole = Tally(), Tally()
        self._waited = 0.0  # the loader's count, as far as it was looked at

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Learn what the device can do, start the clock."""
        task: Any = pl_module
        self.unit = task.unit
        self._peak = peak_flops(pl_module.device, compute_dtype(str(trainer.precision)))
        self._seen_step, self._is_complete = trainer.global_step, False
        self._pieces, self._steps = [], []
        self._now, self._whole = Tally(), Tally()
        self._waited = seconds_waited(trainer)
        self._begun = mark(pl_module.device)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count a micro-batch's operations, and after an update the step's work."""
        task: Any = pl_module
        self._now.flops += task.flops(batch)
        if trainer.global_step != self._seen_step:
            self._seen_step, self._is_complete = trainer.global_step, True
            self._now.work += task.work(batch)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """End the step before, and log it if its loss was; the task did that after ``on_train_batch_end``."""
        waited = seconds_waited(trainer)
        if self._begun is not None:
            self._now.waited += waited - self._waited
        self._waited = waited
        if self._is_complete or self._begun is None:
            self._begun = self._end_piece(pl_module.device)
        self._log(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock, until the next batch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._end_piece(pl_module.device)
            self._begun = None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the last steps."""
        self._end_piece(pl_module.device)
        self._log(trainer, at_end=True)

    def _end_piece(self, device: torch.device) -> Any:
        """End what is going on of a step, and the step if it is complete; when that was."""
        now = mark(device)
        if self._begun is not None:
            self._pieces.append((self._begun, now))
        if self._is_complete:
            self._steps.append(self._pieces)
            self._pieces, self._is_complete = [], False
        return now

    def _log(self, trainer: Trainer, *, at_end: bool = False) -> None:
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if not self._steps or not (at_end or self._seen_step % every == 0):
            return
        self._now.steps = [sum(seconds(*piece) for piece in pieces) for pieces in self._steps]
        self._whole.add(self._now)
        self.measured, self.overall = (self._figures(t, trainer) for t in (self._now, self._whole))
        self._now, self._steps = Tally(), []
        for logger in trainer.loggers:
            logger.log_metrics(self.measured, self._seen_step)

    def _figures(self, tally: Tally, trainer: Trainer) -> dict[str, float]:
        total = max(sum(tally.steps), 1e-9)
        p50, p95 = np.percentile(tally.steps, (50, 95))
        figures = {
            f"{self.unit}_per_second": tally.work / total,
            "flops_per_second": tally.flops * trainer.world_size / total,
            "utilization": tally.flops / total / self._peak,
            "step_seconds_p50": float(p50),
            "step_seconds_p95": float(p95),
            "data_wait": tally.waited / total,
            "peak_memory_gib": peak_memory(trainer.strategy.root_device) / 2**30,
        }
        return {name: value for name, value in figures.items() if not math.isnan(value)}


# ---------------------------------------------------------------------- clocks


def mark(device: torch.device) -> Any:
    """This moment, on the device's own clock; nothing waits."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


def seconds(begin: Any, end: Any) -> float:
    """Between two marks; on a GPU it waits until the second has come."""
    if isinstance(begin, float):
        return float(end - begin)
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000


def seconds_waited(trainer: Trainer) -> float:
    """How long training has waited for batches so far; NaN where the loader does not count it."""
    return float(getattr(trainer.train_dataloader, "seconds_waited", math.nan))


def peak_memory(device: torch.device) -> float:
    """Return the most bytes in use so far: torch's on a GPU, else this process's; NaN if unknown."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    most = peak_process_memory()
    return math.nan if most is None else float(most)
