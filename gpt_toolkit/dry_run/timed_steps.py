"""A few steps of the real training, timed and weighed; what they change is thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks import Samples
from gpt_toolkit.dry_run.memory import MemoryPlan, planned

WARMUP_STEPS, LEAST_STEPS, MOST_STEPS = 3, 5, 400
SECONDS = 8.0
"""Time for the timed steps, unless fewer than ``LEAST_STEPS`` are done by then (ours)."""
VALIDATION_SECONDS, MOST_VALIDATED = 4.0, 16
_GOLDEN = 0.618034  # its multiples fill the unit interval evenly


class Probe(Callback):
    """Stops training after some steps, once it is known what they take.

    Args:
        widest: Gives the training batch that needs most memory; None: the batch at hand.
        samples: The run's own, for the time that a sample takes.
    """

    def __init__(
        self, widest: Callable[[], Any] | None, limit_val_batches: int | float, samples: Samples | None
    ) -> None:
        self.widest, self.limit_val_batches, self.samples = widest, limit_val_batches, samples
        self.plan: MemoryPlan | None = None
        self.seconds: list[float] = []
        self.tokens: list[int] = []
        self.work = 0
        self.validation_seconds = self.sample_seconds = 0.0
        self.metric_names: set[str] = set()
        self.first_step = self._seen_step = 0
        self._mark = self._began = 0.0
        self._step_tokens = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note where training begins."""
        self.first_step = self._seen_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """After an update: note its time; stop when enough are known."""
        self._step_tokens += n_tokens(batch)
        if trainer.global_step == self._seen_step:
            return
        self._seen_step = trainer.global_step
        done = self._seen_step - self.first_step
        if done == 1:
            self.plan = self._weigh(trainer, pl_module, batch)
        if done > WARMUP_STEPS:
            wait_for(pl_module.device)
            self.seconds.append(time.perf_counter() - self._mark)
            self.tokens.append(self._step_tokens)
            self.work += pl_module.work(batch)  # type: ignore[operator]
        elif done == WARMUP_STEPS:
            wait_for(pl_module.device)
            self._began = time.perf_counter()
        if self._is_enough(trainer, pl_module):
            trainer.should_stop = True
            pl_module.eval()
            with torch.no_grad(), trainer.precision_plugin.val_step_context():
                self._validate(trainer, pl_module)
                self._sample(pl_module)
            pl_module.train()
        self._mark, self._step_tokens = time.perf_counter(), 0

    def _is_enough(self, trainer: Trainer, task: Any) -> bool:
        n_timed = len(self.seconds)
        timed_for = time.perf_counter() - self._began if n_timed else 0.0
        return (
            n_timed >= MOST_STEPS
            or (n_timed >= LEAST_STEPS and timed_for > SECONDS)
            or trainer.global_step >= task.total_steps()
        )

    def _weigh(self, trainer: Trainer, task: LightningModule, batch: Any) -> MemoryPlan:
        """One more step, on the widest batch, with every tensor counted."""
        if self.widest is not None:
            batch = trainer.strategy.batch_to_device(self.widest(), task.device)
        [optimizer] = trainer.optimizers

        def step() -> None:
            with trainer.precision_plugin.train_step_context():
                loss: Any = task.training_step(batch, 0)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        return planned(task, optimizer, step)

    def _validate(self, trainer: Trainer, task: Any) -> None:
        """Time some batches of each loader, spread over it; the whole follows from their number."""
        loaders = trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        task.on_validation_epoch_start()
        for loader in loaders if isinstance(loaders, list) else [loaders]:
            n_batches, limit = len(loader), self.limit_val_batches
            n_batches = min(n_batches, limit) if isinstance(limit, int) else int(n_batches * limit)
            seconds = []
            began = time.perf_counter()
            for number, batch in enumerate(_spread(loader, n_batches)):
                start = time.perf_counter()
                task.validation_step(trainer.strategy.batch_to_device(batch, task.device), number)
                wait_for(task.device)
                seconds.append(time.perf_counter() - start)
                if time.perf_counter() - began > VALIDATION_SECONDS and len(seconds) > 1:
                    break
            if timed := seconds[1:]:  # the first is slower
                self.validation_seconds += n_batches * sum(timed) / len(timed)
        if self.validation_seconds:
            task.on_validation_epoch_end()
            self.metric_names = set(trainer.callback_metrics)
        task.on_validation_epoch_start()

    def _sample(self, task: Any) -> None:
        if self.samples is None or not self.samples.writes_with(task):
            return
        start = time.perf_counter()
        self.samples.write(task, self.samples.max_new_tokens)
        self.sample_seconds = time.perf_counter() - start


def _spread(loader: Any, n_batches: int) -> Iterator[Any]:
    """Batches from all over a loader, wherever one stops; the first comes twice."""
    places = [int((0.5 + _GOLDEN * i) % 1.0 * n_batches) for i in range(min(n_batches, MOST_VALIDATED))]
    yield from (loader.dataset[place] for place in [*places[:1], *places])


def n_tokens(batch: Any) -> int:
    """Tokens of a batch, padding counted."""
    return int(batch["input_ids"].numel()) if isinstance(batch, dict) and "input_ids" in batch else 1


def wait_for(device: torch.device) -> None:
    """Let the device finish, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
