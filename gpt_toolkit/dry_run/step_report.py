"""Memory and time of a run, from a few of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, Trainer

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks.progress import clock
from gpt_toolkit.data.supervised.batching import TrainingBatches
from gpt_toolkit.dry_run.devices import n_devices, strategy_name
from gpt_toolkit.dry_run.memory import MemoryPlan, foreseen, surely_fits
from gpt_toolkit.dry_run.model_report import trained_line
from gpt_toolkit.dry_run.output import duration_shown, remarks_collected, section, size, working
from gpt_toolkit.dry_run.run_spec import Subject
from gpt_toolkit.dry_run.run_time import duration, n_validations
from gpt_toolkit.dry_run.timed_steps import Probe
from gpt_toolkit.hardware import free_memory, peak_process_memory
from gpt_toolkit.tasks.base import BaseTask

_FULL = 0.9
"""Share of what is free that a step may take; ours: other programs and fragments need some."""


@dataclass
class Steps:
    """Tries a run's steps and tells what they need.

    Args:
        subject: The run.
        task: Its task.
        data: Its DataModule, ready.
        trainer: Stands in for the run's own.
        config: Shape of the decoder.
        fault: Told of what is wrong.
    """

    subject: Subject
    task: BaseTask
    data: LightningDataModule
    trainer: Trainer
    config: DecoderConfig
    fault: Callable[[str], None]

    def examine(self) -> None:
        """Print memory and time."""
        batches = self.data.train_dataloader().dataset
        widest = widest_batch(batches, self.data)
        ids = widest()["input_ids"]
        n_sequences, length = ids.numel() // ids.shape[-1], ids.shape[-1]
        device = self.trainer.strategy.root_device
        free = free_memory(device)
        if not surely_fits(self.config, n_sequences, length, free):
            assert self.task.optimizer_factory is not None
            with working("small steps, from which the memory of a whole one follows"):
                autocast = self.trainer.precision_plugin.train_step_context
                plan = foreseen(
                    self.config, self.task.optimizer_factory, n_sequences, length, device, autocast
                )
            if free is not None and plan.total > _FULL * free:
                how = f"foreseen for {n_sequences} sequences of {length:,} tokens, from one and two layers"
                section("memory", self._memory(plan, free, how))
                section("time", ["not measured, as a step is too large for this machine"])
                return
        limit = self.subject.trainer["limit_val_batches"]
        probe = Probe(widest, 1.0 if limit is None else limit, self.subject.samples)
        self.trainer.callbacks.append(probe)  # type: ignore[attr-defined]
        torch.set_float32_matmul_precision("high")  # as fit does
        with working("a few steps"), remarks_collected([]):  # which were told before
            self.trainer.fit(self.task, datamodule=self.data)  # from trainer.ckpt_path
        section("", [trained_line(self.task)])
        if probe.plan is not None:
            how = f"counted on a step of {n_sequences} sequences of {length:,} tokens, the widest batch"
            section("memory", [*self._memory(probe.plan, free, how), *_process(device)])
        self._monitor(probe)
        section("time", self._time(probe, batches))

    def _memory(self, plan: MemoryPlan, free: int | None, how: str) -> Iterator[str]:
        """What a device needs, in parts, and whether this one has it."""
        n, strategy = n_devices(self.subject.trainer), strategy_name(self.subject.trainer)
        each = f"each of {n} devices ({strategy})" if n > 1 else "one device"
        own = plan.divided(strategy, n)
        yield f"{each}: {size(own.total)} at the fullest moment of a step ({how})"
        yield (
            f"  weights {size(own.weights)}, gradients {size(own.gradients)}, optimizer state "
            f"{size(own.optimizer)}, activations and workspace {size(own.activations)}"
        )
        if free is None:
            yield "  how much is free here is not known"
            return
        on = _device_name(self.trainer)
        fits = own.total <= _FULL * free
        yield f"  {'fits' if fits else 'does not fit'}: {size(free)} are free on {on}"
        if not fits:
            self.fault(
                f"a step needs {size(own.total)}, and {size(free)} are free on {on}: lower data.batch_size "
                "and raise trainer.accumulate_grad_batches, choose a smaller decoder, or divide the model "
                "among devices by --config strategy/fsdp"
            )

    def _monitor(self, probe: Probe) -> None:
        monitor = self.subject.checkpoints.monitor
        if probe.metric_names and monitor not in probe.metric_names:
            names = sorted(name for name in probe.metric_names if name.startswith("val_"))
            self.fault(
                f"checkpoints.monitor is {monitor}, which this run does not log; it logs {', '.join(names)}"
            )

    def _time(self, probe: Probe, batches: Any) -> Iterator[str]:
        """Steps and validations of the whole run, and how long they take here."""
        trainer, n = self.trainer, n_devices(self.subject.trainer)
        accumulate: int = trainer.accumulate_grad_batches
        per_epoch: int | None = getattr(self.data, "steps_per_epoch", None)
        per_epoch = None if per_epoch is None else -(-per_epoch // n)
        limits = [trainer.max_steps] if trainer.max_steps > 0 else []
        if trainer.max_epochs is not None and trainer.max_epochs > 0 and per_epoch is not None:
            limits.append(trainer.max_epochs * per_epoch)
        left = max(0, min(limits) - probe.first_step)
        validations = 0
        if probe.validation_seconds:
            validations = n_validations(self.subject.trainer, left, per_epoch, accumulate)
        passes = "" if per_epoch is None else f", {left / per_epoch:,.2f} epochs of {per_epoch:,}"
        yield f"{left:,} steps{passes}; {validations:,} validations"
        if not probe.seconds:
            yield "too few steps to time them"
            return
        run = duration(probe, batches, accumulate, left, validations)
        together = f" on {n} devices together, if exchange cost nothing" if n > 1 else ""
        yield (
            f"on {_device_name(trainer)}, {trainer.precision}: {duration_shown(run.step_seconds)} a step, "
            f"{n * run.work_per_second:,.0f} {self.task.unit}/s{together}"
        )
        if validations:
            sample = (
                f", and its sample {duration_shown(probe.sample_seconds)}" if probe.sample_seconds else ""
            )
            yield f"a validation {duration_shown(probe.validation_seconds)}{sample}"
        yield f"the whole run {clock(run.total)}, start-up apart (from {len(probe.seconds)} timed steps)"
        minutes = self.subject.budget.minutes
        if minutes is not None and trainer.max_steps > 0 and left * run.step_seconds > 60 * minutes:
            n_steps = int(60 * minutes / run.step_seconds)
            yield f"limited to about {n_steps:,} steps by budget.minutes {minutes:g}; null trains all"


def widest_batch(batches: Any, data: Any) -> Callable[[], Any]:
    """Gives the training batch that needs most memory.

    Args:
        batches: The data set of training batches; where all are of one shape, the first will do.
        data: The DataModule, with its limits of a batch.
    """
    if not isinstance(batches, TrainingBatches):
        return lambda: batches[0]
    widest: tuple[int, Callable[[], Any]] | None = None
    for rows in batches.stream.builders:
        longest_first = np.argsort(-rows.lengths, kind="stable")
        longest = int(rows.lengths[longest_first[0]])
        places = longest_first[: rows.limits(data.batch_size, data.batch_tokens).size(longest)]
        n_tokens = len(places) * longest * rows.inputs.n_sequences
        if widest is None or n_tokens > widest[0]:
            widest = n_tokens, lambda rows=rows, places=places: rows.batch(places, len(places))
    assert widest is not None
    return widest[1]


def _process(device: torch.device) -> Iterator[str]:
    most = peak_process_memory()
    if device.type == "cpu" and most is not None:
        yield f"  the whole process so far, libraries and preparation counted: {size(most)}"


def _device_name(trainer: Trainer) -> str:
    device = trainer.strategy.root_device
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"this machine's {device.type.upper()}"
    )
