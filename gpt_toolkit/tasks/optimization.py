"""The optimizer step of every task: mean losses over a step, seeded dropout, clipping, schedule, logs."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel

from gpt_toolkit.backbone.parallel import average_gradients
from gpt_toolkit.hardware import keep_freed_memory
from gpt_toolkit.optim import (
    OptimizerFactory,
    Schedule,
    clip_global_norm,
    scale_learning_rates,
    separate_meshes,
)


class OptimizedModule(LightningModule, ABC):
    """A LightningModule whose steps do not depend on how micro-batches and ranks divide them.

    Args:
        optimizer: Builds the optimizer. Not needed to test or predict.
        schedule: Learning rate over the run, stepped per update.
    """

    unit = "tokens"
    """Unit of :meth:`work`, in the plural."""

    def __init__(self, optimizer: OptimizerFactory | None = None, schedule: Schedule | None = None) -> None:
        super().__init__()
        self.optimizer_factory, self.schedule = optimizer, schedule
        self._step_loss: Tensor | None = None
        self._step_before_batch = -1
        self._step_lr = 0.0
        self._run_seed = 0
        self._specified_groups: list[dict[str, Any]] = []
        self._replicas, self._replica = 1, 0
        self.step_guard: Callable[[Tensor, Tensor], bool] | None = None

    @property
    def data(self) -> Any:
        """The DataModule in use; None without one."""
        return getattr(self._trainer, "datamodule", None) if self._trainer is not None else None

    # ------------------------------------------------------------------ the loss of a step

    @abstractmethod
    def work(self, batch: Any) -> int:
        """Return how much of ``unit`` the optimizer step of a batch trains on, on all devices."""

    def part_of_step(self, loss_sum: Tensor, step_targets: int) -> Tensor:
        """Return a micro-batch's summed loss as its part of the whole step's mean, and add it to the log.

        Lightning divides by the accumulated micro-batches, and gradients are averaged over the ranks that
        read different data. Both are undone here: the step's loss is the sum over all its targets divided by
        their number.
        """
        part = loss_sum.detach() / step_targets  # stays on the device: reading it would wait for the device
        self._step_loss = part if self._step_loss is None else self._step_loss + part
        accumulated: int = self.trainer.accumulate_grad_batches
        return loss_sum * (self._replicas * accumulated / step_targets)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log the loss after an update, if due."""
        step = self.trainer.global_step
        if step == self._step_before_batch or self._step_loss is None:
            return  # a micro-batch before the last one of its step
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % every == 0 or step == 1:
            loss = self._mean_over_ranks(self._step_loss)
            self.log("train_loss", loss, on_step=True, on_epoch=False, logger=False, rank_zero_only=True)
            metrics = {"train_loss": float(loss), "lr": self._step_lr}
            if (scaler := getattr(self.trainer.precision_plugin, "scaler", None)) is not None:
                metrics["loss_scale"] = scaler.get_scale()  # halved where a step overflowed and was skipped
            for logger in self.trainer.loggers:
                logger.log_metrics(metrics, step)
        self._step_loss = None

    def _mean_over_ranks(self, step_loss: Tensor) -> Tensor:
        """Return the step's mean loss from this rank's part of it; all ranks must call this together."""
        if self.trainer.world_size == 1:
            return step_loss
        reduced: Tensor = self.trainer.strategy.reduce(step_loss, reduce_op="mean")
        return reduced * self._replicas

    def log_evaluation(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics of a split, to the loggers at the step of the last update."""
        fits = self.trainer.state.fn == "fit"
        self.log_dict(dict(metrics), logger=False if fits else None, rank_zero_only=True)
        if fits:  # Lightning itself would log the step before
            for logger in self.trainer.loggers:
                logger.log_metrics(dict(metrics), self.trainer.global_step)

    # ------------------------------------------------------------------ before, during and after an update

    def on_fit_start(self) -> None:
        """Store the run's seed, from which all dropout is drawn, and which data this rank reads."""
        if self.device.type == "cpu":
            keep_freed_memory()
        self._run_seed = torch.initial_seed()
        ranks = self.trainer.distributed_sampler_kwargs or {"num_replicas": 1, "rank": 0}
        self._replicas, self._replica = ranks["num_replicas"], ranks["rank"]

    def on_train_start(self) -> None:
        """Apply this run's settings, which a restored checkpoint has replaced."""
        self.apply_settings()

    def apply_settings(self) -> None:
        """Apply the settings of the optimizer and the schedule again, after its state was restored."""
        if not self._specified_groups:
            return  # the optimizer of a subclass
        [optimizer] = self.trainer.optimizers
        for group, specified in zip(optimizer.param_groups, self._specified_groups, strict=True):
            group.update(specified)
        for config in self.trainer.lr_scheduler_configs:
            scheduler: Any = config.scheduler
            scheduler.base_lrs = [group["lr"] for group in self._specified_groups]
            scheduler.last_epoch = self.trainer.global_step
            factor = scheduler.lr_lambdas[0](scheduler.last_epoch)
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
                group["lr"] *= factor
            scheduler._last_lr = [group["lr"] for group in optimizer.param_groups]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed dropout from (seed, step, micro-batch, rank), so that a resumed run draws the same.

        Ranks that divide matrix products drop the same components of their parts.
        """
        step = self.trainer.global_step
        if self._uses_dropout:
            micro_batch = batch_idx % self.trainer.accumulate_grad_batches
            draw = f"{self._run_seed} {step} {micro_batch} {self._replica}".encode()
            torch.manual_seed(int.from_bytes(hashlib.blake2b(draw, digest_size=7).digest()))
        self._step_before_batch = step

    @property
    def _uses_dropout(self) -> bool:
        attention_rates = (getattr(part, "attn_pdrop", 0.0) for part in self.modules())
        rates = (part.p for part in self.modules() if isinstance(part, nn.Dropout))
        return any(rate > 0 for rate in (*attention_rates, *rates))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Store the update's learning rate for the log, which is written after the schedule's step."""
        self._step_lr = float(optimizer.param_groups[0]["lr"])
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            average_gradients(self, self.trainer.strategy.device_mesh)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Any,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Update, then free the gradients, which Lightning would keep through the next forward pass."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        optimizer.zero_grad()

    @contextmanager
    def undone_steps(self) -> Iterator[Callable[[Any], None]]:
        """Yield a function that trains on a batch, for timing; on exit, undo all changes.

        Restores weights, optimizer state, gradients and random state, for a run that has not begun.
        """
        if self.device.type == "cpu":
            keep_freed_memory()  # as on_fit_start does later
        [optimizer] = self.trainer.optimizers
        before = [parameter.detach().clone() for parameter in self.parameters()]
        gpus = [self.device] if self.device.type == "cuda" else []

        def step(batch: Any) -> None:
            with self.trainer.precision_plugin.train_step_context():
                loss: Any = self.training_step(batch, 0)
            loss.backward()
            self.configure_gradient_clipping(optimizer, self.trainer.gradient_clip_val)
            optimizer.step()
            optimizer.zero_grad()

        self.train()
        guard, self.step_guard = self.step_guard, None
        with torch.random.fork_rng(gpus):
            yield step
        self.step_guard = guard
        with torch.no_grad():
            for parameter, value in zip(self.parameters(), before, strict=True):
                parameter.copy_(value)
        optimizer.state.clear()
        self._step_loss = None

    # ------------------------------------------------------------------ optimizer, schedule, clipping

    def configure_optimizers(self) -> Any:
        """Build the recipe's optimizer, with its schedule stepped per update."""
        if self.optimizer_factory is None:
            raise ValueError(
                "optimizer: none; expected one for training; add --model.optimizer, such as AdamW with its lr"
            )
        optimizer = self.optimizer_factory.build(self)
        scales = {parameter: self.learning_rate_scale(name) for name, parameter in self.named_parameters()}
        scale_learning_rates(optimizer, scales)
        separate_meshes(optimizer)
        self._specified_groups = [
            {name: value for name, value in group.items() if name != "params"}
            for group in optimizer.param_groups
        ]
        if self.schedule is None:
            return optimizer
        schedule = self.schedule
        self.total_steps()  # raises for a run without an end before it begins
        # The number of steps is read each time: a budget may lower it before the first step.
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: schedule(step, self.total_steps())
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_settings(self) -> dict[str, Any]:
        """Return the settings of training, by the names of their options, as plain types."""
        trainer: Any = self.trainer
        names = "max_steps", "max_epochs", "accumulate_grad_batches", "gradient_clip_val"
        settings = {
            **_settings_of("model.optimizer", self.optimizer_factory),
            **_settings_of("model.schedule", self.schedule),
            **{f"trainer.{name}": getattr(trainer, name) for name in names},
            "data.batch_size": getattr(self.data, "batch_size", None),
            "seed_everything": self._run_seed if self._uses_dropout else None,
        }
        return {option: _plain(value) for option, value in settings.items()}

    def learning_rate_scale(self, name: str) -> float:
        """Return the factor of a parameter's learning rate."""
        return 1.0

    def total_steps(self) -> int:
        """Return the updates of the whole run, from ``max_steps`` or ``max_epochs``.

        Raises:
            ValueError: If the run has no end for the schedule to reach.
        """
        trainer = self.trainer
        limits = []
        if trainer.max_steps is not None and trainer.max_steps > 0:
            limits.append(trainer.max_steps)
        steps_per_epoch = getattr(self.data, "steps_per_epoch", None)
        if trainer.max_epochs is not None and trainer.max_epochs > 0 and steps_per_epoch is not None:
            limits.append(trainer.max_epochs * steps_per_epoch)
        if not limits:
            raise ValueError("schedule: no end; expected a last step; set trainer.max_steps or max_epochs")
        return int(min(limits))

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient, and drop it if the step's guard refuses the update.

        Lightning's own clipping refuses fused optimizers and sharded modules. Optimizers leave a parameter
        without a gradient as it is, with its state.
        """
        norm = self._clip(gradient_clip_val, gradient_clip_algorithm)
        if self.step_guard is None or self._step_loss is None:
            return
        if norm is None:
            norm = self._clip(math.inf, None)
        assert norm is not None
        if not self.step_guard(self._mean_over_ranks(self._step_loss), norm):
            for parameter in self.parameters():
                parameter.grad = None

    def _clip(self, limit: int | float | None, algorithm: str | None) -> Tensor | None:
        """Clip the gradient and return its norm over all parameters and devices, if that was computed."""
        if not limit:
            return None
        if algorithm == "value":
            nn.utils.clip_grad_value_(self.parameters(), limit)
            return None
        if (root := self.sharded_root()) is not None:  # only the root knows the norm over all shards
            return root.clip_grad_norm_(limit)
        return clip_global_norm(self.parameters(), limit)

    def sharded_root(self) -> FullyShardedDataParallel | None:
        """Return the FSDP module around the task; None if each device holds all weights."""
        root = self.trainer.strategy.model
        return root if isinstance(root, FullyShardedDataParallel) else None


def _settings_of(option: str, part: object) -> dict[str, Any]:
    """Return the class of an optimizer's recipe or a schedule, and its arguments."""
    if part is None:
        return {option: None}
    arguments = {f"{option}.{name}": value for name, value in vars(part).items() if name[0] != "_"}
    return {option: type(part).__name__, **arguments}


def _plain(value: Any) -> Any:
    """Return a setting in types that ``torch.load`` reads with ``weights_only``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    kind = next((kind for kind in (int, float, str) if isinstance(value, kind)), None)
    return type(value).__name__ if kind is None else kind(value)
