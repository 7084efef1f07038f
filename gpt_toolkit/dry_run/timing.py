"""Duration of a run: a few real steps and validation batches, timed and then discarded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks import Samples
from gpt_toolkit.dry_run.memory import StepMemory, measure_step
from gpt_toolkit.dry_run.run_spec import RunSpec
from gpt_toolkit.progress import format_duration

WARMUP_STEPS, MIN_STEPS, MAX_STEPS, SECONDS = 3, 5, 400, 8.0
"""Untimed steps; timed steps at least and at most; seconds after which the least are enough; tuned here."""

VALIDATION_SECONDS, MAX_VALIDATION_BATCHES = 4.0, 16
"""Limits of the timed validation of each dataloader; tuned here."""


class TrialSteps(Callback):
    """Trains a few steps, measures them, times some validation batches and a sample, and stops.

    Args:
        widest: Returns the training batch that needs the most memory.
        limit_val_batches: Batches of a validation: their number, or a fraction of all.
        samples: Settings of the run's samples.

    Attributes:
        memory: Memory of a step on the widest batch; None before it was measured.
        first_step: Step at which training began.
        seconds: Seconds of each timed step.
        work: Units that all timed steps trained on.
        validation_seconds: Estimated seconds of a whole validation; 0 without one.
        sample_seconds: Seconds of a sample; 0 without one.
        metric_names: Names of the metrics that a validation logs.
    """

    def __init__(self, widest: Callable[[], Any], limit_val_batches: int | float, samples: Samples) -> None:
        self.widest, self.limit_val_batches, self.samples = widest, limit_val_batches, samples
        self.memory: StepMemory | None = None
        self.first_step = self.work = 0
        self.seconds: list[float] = []
        self.validation_seconds = self.sample_seconds = 0.0
        self.metric_names: set[str] = set()
        self._last_step = 0
        self._step_start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember where training begins."""
        self.first_step = self._last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Time each update; after the last one, time validation and sampling, and stop training."""
        task: Any = pl_module
        if trainer.global_step == self._last_step:
            return  # a micro-batch before the update
        self._last_step = trainer.global_step
        done = self._last_step - self.first_step
        synchronize(task.device)
        if done > WARMUP_STEPS:
            self.seconds.append(time.perf_counter() - self._step_start)
            self.work += task.work(batch)
        if done == 1:
            self.memory = self._measure_widest(trainer, task)
        n_timed = len(self.seconds)
        is_enough = n_timed >= MAX_STEPS or (n_timed >= MIN_STEPS and sum(self.seconds) > SECONDS)
        if is_enough or self._last_step >= task.total_steps():
            trainer.should_stop = True
            task.eval()
            with torch.no_grad(), trainer.precision_plugin.val_step_context():
                self._time_validation(trainer, task)
                self._time_sample(task)
            task.train()
        self._step_start = time.perf_counter()

    def _measure_widest(self, trainer: Trainer, task: Any) -> StepMemory:
        batch = trainer.strategy.batch_to_device(self.widest(), task.device)
        [optimizer] = trainer.optimizers

        def step() -> None:
            with trainer.precision_plugin.train_step_context():
                loss: Any = task.training_step(batch, 0)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        return measure_step(task, optimizer, step)

    def _time_validation(self, trainer: Trainer, task: Any) -> None:
        """Time some batches of each dataloader and scale the result to all of them."""
        loaders = trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        task.on_validation_epoch_start()
        for loader in loaders if isinstance(loaders, list) else [loaders]:
            n_batches, limit = len(loader), self.limit_val_batches
            n_batches = min(n_batches, limit) if isinstance(limit, int) else int(n_batches * limit)
            # In random order, because batches may be sorted by length.
            order = np.random.default_rng(0).permutation(n_batches)[:MAX_VALIDATION_BATCHES].tolist()
            seconds: list[float] = []
            for number, index in enumerate([*order[:1], *order]):  # the first time is slower
                start = time.perf_counter()
                batch = trainer.strategy.batch_to_device(loader.dataset[index], task.device)
                task.validation_step(batch, number)
                synchronize(task.device)
                seconds.append(time.perf_counter() - start)
                if number and sum(seconds) > VALIDATION_SECONDS:
                    break
            if timed := seconds[1:]:
                self.validation_seconds += n_batches * sum(timed) / len(timed)
        if self.validation_seconds:
            task.on_validation_epoch_end()
            self.metric_names = set(trainer.callback_metrics)
        task.on_validation_epoch_start()

    def _time_sample(self, task: Any) -> None:
        if self.samples.writes_with(task):
            start = time.perf_counter()
            self.samples.write(task, self.samples.max_new_tokens)
            self.sample_seconds = time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def time_lines(trial: TrialSteps, spec: RunSpec, trainer: Trainer, device_name: str) -> Iterator[str]:
    """Yield the number of steps and validations of the whole run, and how long they take."""
    task: Any = spec.task
    n, accumulate = spec.n_devices, trainer.accumulate_grad_batches
    per_epoch: int | None = getattr(spec.data, "steps_per_epoch", None)
    per_epoch = None if per_epoch is None else -(-per_epoch // n)
    limits = [trainer.max_steps] if trainer.max_steps > 0 else []
    if per_epoch is not None and trainer.max_epochs is not None and trainer.max_epochs > 0:
        limits.append(trainer.max_epochs * per_epoch)
    left = max(0, min(limits) - trial.first_step)
    validations = n_validations(spec.trainer, left, per_epoch, accumulate) if trial.validation_seconds else 0
    epochs = "" if per_epoch is None else f", {left / per_epoch:,.2f} epochs of {per_epoch:,}"
    yield f"{left:,} steps{epochs}; {validations:,} validations"
    if not trial.seconds:
        yield "too few steps to time them"
        return
    seconds = sum(trial.seconds) / len(trial.seconds)
    speed = n * trial.work / sum(trial.seconds)
    together = f" on {n} devices together, without the time of communication" if n > 1 else ""
    yield (
        f"on {device_name}, {trainer.precision}: {duration(seconds)} a step, {speed:,.0f} {task.unit}/s"
        f"{together}"
    )
    if validations:
        sample = f", and its sample {duration(trial.sample_seconds)}" if trial.sample_seconds else ""
        yield f"a validation {duration(trial.validation_seconds)}{sample}"
    total = left * seconds + validations * (trial.validation_seconds + trial.sample_seconds)
    yield f"the whole run {format_duration(total)}, without start-up (from {len(trial.seconds)} timed steps)"
    minutes = spec.budget.minutes
    if minutes is not None and trainer.max_steps > 0 and left * seconds > 60 * minutes:
        n_steps = int(60 * minutes / seconds)
        yield f"limited to about {n_steps:,} steps by budget.minutes {minutes:g}; null trains all"


def n_validations(
    arguments: dict[str, Any], n_steps: int, steps_per_epoch: int | None, accumulate: int
) -> int:
    """Return the number of validations of a run, with the one at its end, as Lightning counts them.

    Args:
        arguments: The Trainer's ``val_check_interval`` and ``check_val_every_n_epoch``, by name.
        n_steps: Optimizer steps.
        steps_per_epoch: None if epochs have no meaning.
        accumulate: Micro-batches in a step.
    """
    interval, every = arguments["val_check_interval"], arguments["check_val_every_n_epoch"]
    interval = 1.0 if interval is None else interval
    n_batches = n_steps * accumulate
    if every is None and isinstance(interval, int):
        return -(-n_batches // interval)
    if steps_per_epoch is None:
        return 1
    per_epoch, every = steps_per_epoch * accumulate, every or 1
    between = interval if isinstance(interval, int) else max(1, int(per_epoch * interval))
    epoch, batch = divmod(n_batches - 1, per_epoch)  # the last batch, which a validation follows
    in_last = batch // between + 1 if (epoch + 1) % every == 0 else 0
    return epoch // every * (per_epoch // between) + in_last


def duration(seconds: float) -> str:
    """Format a short time: ``1.23 s`` or ``45.6 ms``."""
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{1000 * seconds:,.1f} ms"
