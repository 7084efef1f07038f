"""The base of the tasks: builds the backbone, steps the optimizer, writes and checks checkpoints."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torchmetrics import Metric

from gpt_toolkit.backbone import Decoder, DecoderConfig, decoder_fields
from gpt_toolkit.backbone.parallel import average_gradients, divide
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.hardware import keep_freed_memory
from gpt_toolkit.optim import (
    OptimizerFactory,
    Schedule,
    clip_global_norm,
    scale_learning_rates,
    separate_meshes,
)
from gpt_toolkit.tasks.checkpointing import check_checkpoint, complete_checkpoint, load_initial_weights


class BaseTask(LightningModule, ABC):
    """A task that builds its backbone once the data is known and refuses checkpoints of another run.

    The DataModule has the attributes ``vocabulary`` (the :class:`~gpt_toolkit.tokenizers.Tokenizer` that made
    the batches, after ``setup``) and ``n_ctx`` (their context length). It may have ``plan``, which describes
    the order of the training data: a checkpoint continues only with the same plan. It may have
    ``steps_per_epoch``, for runs that end after ``max_epochs``.

    Args:
        decoder: A preset's name, or fields of the decoder, which may include ``preset``. Missing fields are
            those of ``init_from``; else ``vocab_size`` and ``n_ctx`` come from the data.
        optimizer: Builds the optimizer, with the recipe's numbers. Not needed to test or predict.
        schedule: Learning rate over the run, stepped per update.
        init_from: A model folder or checkpoint whose weights training starts from.
        accept_new_plan: Continue a checkpoint although the data, their order or the windows per step have
            changed since it was written.
        activation_checkpointing: Keep only each block's input for the backward pass and compute the rest
            again, which takes a fraction of the memory and about a third more time.
    """

    unit = "tokens"
    """Unit of :meth:`work`, in the plural."""

    data_attributes: tuple[str, ...] = ("vocabulary", "n_ctx")
    """Attributes that the task reads from its DataModule."""

    def __init__(
        self,
        decoder: str | dict[str, Any] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: Schedule | None = None,
        init_from: str | None = None,
        accept_new_plan: bool = False,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.activation_checkpointing = activation_checkpointing
        self.decoder = decoder
        self.optimizer_factory, self.schedule = optimizer, schedule
        self.init_from, self.accept_new_plan = init_from, accept_new_plan
        self.backbone: Decoder | None = None
        self.has_learned = False
        self._step_loss: Tensor | None = None
        self._step_before_batch = -1
        self._step_lr = 0.0
        self._run_seed = 0
        self._replicas, self._replica = 1, 0

    # ------------------------------------------------------------------ the network

    @property
    def data(self) -> Any:
        """The DataModule in use; None without one."""
        return getattr(self._trainer, "datamodule", None) if self._trainer is not None else None

    @property
    def n_marks(self) -> int:
        """Number of special tokens that the data adds to its vocabulary."""
        return 0

    @property
    def built_backbone(self) -> Decoder:
        """The backbone, after :meth:`configure_model`."""
        if self.backbone is None:
            raise RuntimeError("the backbone is built by configure_model, when the data is known")
        return self.backbone

    def resolve_decoder(self) -> DecoderConfig:
        """Return the decoder's full shape, completed from the data or the initial model.

        Raises:
            ValueError: If the data lacks an attribute, or has more token ids or longer windows than the
                decoder.
        """
        data, given = self.data, decoder_fields(self.decoder or {})
        missing = [name for name in self.data_attributes if data is not None and not hasattr(data, name)]
        if missing:
            raise ValueError(
                f"{type(data).__name__} has no {', '.join(missing)}; {type(self).__name__} reads "
                f"{', '.join(self.data_attributes)} from its DataModule (docs/guides/own_datamodule.py)"
            )
        n_ids = 0 if data is None else data.vocabulary.vocab_size + self.n_marks
        fields = given if data is None else {"vocab_size": n_ids, "n_ctx": data.n_ctx, **given}
        if not {"n_layer", "n_head", "n_embd"} <= given.keys():
            if (model := self._starting_model()) is None:
                raise ValueError(
                    "no decoder: say --model.decoder NAME, or --model.init_from MODEL for a model's"
                )
            fields = open_model(model).config.to_fields() | given
        if self.n_marks:  # they follow the vocabulary of a preset or a model
            fields["vocab_size"] = max(fields["vocab_size"], n_ids)
        config = DecoderConfig.from_fields(fields)
        problems = []
        if n_ids > config.vocab_size:
            problems.append(
                f"the tokenizer has {n_ids:,} token ids, the decoder's vocab_size is {config.vocab_size:,}: "
                "leave vocab_size out, or choose the decoder's own tokenizer"
            )
        if data is not None and data.n_ctx > config.n_ctx:
            problems.append(
                f"the data's windows are {data.n_ctx:,} tokens (data.n_ctx), the decoder's context length is "
                f"{config.n_ctx:,}: lower data.n_ctx or raise the decoder's n_ctx"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return config

    def _starting_model(self) -> str | None:
        """Return the checkpoint that this run continues, else the model that it starts from.

        The Trainer knows a checkpoint before it builds the network only if ``trainer.ckpt_path`` was set.
        """
        ckpt_path = getattr(self._trainer, "ckpt_path", None) if self._trainer is not None else None
        return str(ckpt_path) if ckpt_path else self.init_from

    def configure_model(self) -> None:
        """Build the network, once; Lightning calls it when data and devices are known."""
        if self.backbone is not None:
            return
        self.backbone = Decoder(self.resolve_decoder())
        self.backbone.activation_checkpointing = self.activation_checkpointing
        self.build_heads(self.backbone)
        if self.init_from is not None and not self.trainer.ckpt_path:
            load_initial_weights(self, self.init_from)
        self.adapt(self.backbone)
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            mesh = self.trainer.strategy.device_mesh
            divide(self.backbone, mesh)
            for part in self.modules():  # devices that divide matrix products count the same examples
                if isinstance(part, Metric):
                    part.process_group = mesh["data_parallel"].get_group()

    def build_heads(self, backbone: Decoder) -> None:
        """Make the task's own modules on top of the backbone."""

    def is_transferred(self, name: str) -> bool:
        """Return whether a tensor of the backbone is taken from ``init_from``."""
        return True

    def adapt(self, backbone: Decoder) -> None:
        """Change a backbone that has its initial weights; those of a checkpoint follow later."""

    @property
    def adapters(self) -> dict[str, Any]:
        """Settings of the adapters in the backbone, for checkpoints, as plain types; empty without them."""
        return {}

    # ------------------------------------------------------------------ one optimizer step

    @abstractmethod
    def work(self, batch: Any) -> int:
        """Return how much of ``unit`` the optimizer step of a batch trains on, on all devices."""

    def flops(self, batch: Any) -> float:
        """Return the operations of this device for training on a micro-batch (PaLM, appendix B).

        Padding counts, for it is computed. Frozen weights count as if they had gradients.
        """
        input_ids: Tensor = batch["input_ids"]
        fraction = self._replicas / self.trainer.world_size  # this device's, of its tensor-parallel group
        per_token = self.built_backbone.config.flops_per_token_of(input_ids.shape[-1])
        return input_ids.numel() * per_token * fraction

    def scale_to_step(self, loss_sum: Tensor, step_targets: int) -> Tensor:
        """Return a micro-batch's summed loss as its part of the whole step's mean.

        Lightning divides by the accumulated micro-batches, and gradients are averaged over the ranks that
        read different data. Both are undone here: the step's loss is the sum over all its targets divided by
        their number.
        """
        accumulated: int = self.trainer.accumulate_grad_batches
        return loss_sum * (self._replicas * accumulated / step_targets)

    def add_to_step_loss(self, loss_sum: Tensor, step_targets: int) -> None:
        """Add to the step's mean loss for the log, without synchronizing with the device."""
        part = loss_sum.detach() / step_targets
        self._step_loss = part if self._step_loss is None else self._step_loss + part

    def on_fit_start(self) -> None:
        """Store the run's seed, from which all dropout is drawn, and which data this rank reads."""
        if self.device.type == "cpu":
            keep_freed_memory()
        self._run_seed = torch.initial_seed()
        self.has_learned = True
        ranks = self.trainer.distributed_sampler_kwargs or {"num_replicas": 1, "rank": 0}
        self._replicas, self._replica = ranks["num_replicas"], ranks["rank"]

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
        return any(isinstance(part, nn.Dropout) and part.p > 0 for part in self.modules()) or (
            self.built_backbone.config.attn_pdrop > 0
        )

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

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log the loss after an update, if due."""
        step = self.trainer.global_step
        if step == self._step_before_batch or self._step_loss is None:
            return  # a micro-batch before the last one of its step
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % every == 0 or step == 1:
            loss = self._step_loss
            if self.trainer.world_size > 1:
                loss = self.trainer.strategy.reduce(loss, reduce_op="mean") * self._replicas
            self.log("train_loss", loss, on_step=True, on_epoch=False, logger=False, rank_zero_only=True)
            metrics = {"train_loss": float(loss), "lr": self._step_lr}
            if (scaler := getattr(self.trainer.precision_plugin, "scaler", None)) is not None:
                metrics["loss_scale"] = scaler.get_scale()  # halved where a step overflowed and was skipped
            for logger in self.trainer.loggers:
                logger.log_metrics(metrics, step)
        self._step_loss = None

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
        with torch.random.fork_rng(gpus):
            yield step
        with torch.no_grad():
            for parameter, value in zip(self.parameters(), before, strict=True):
                parameter.copy_(value)
        optimizer.state.clear()
        self._step_loss = None

    # ------------------------------------------------------------------ optimizer, schedule, clipping

    def configure_optimizers(self) -> Any:
        """Build the recipe's optimizer, with its schedule stepped per update."""
        if self.optimizer_factory is None:
            raise ValueError("no optimizer: training needs --model.optimizer, e.g. AdamW with its lr")
        optimizer = self.optimizer_factory.build(self)
        scales = {parameter: self.learning_rate_scale(name) for name, parameter in self.named_parameters()}
        scale_learning_rates(optimizer, scales)
        separate_meshes(optimizer)
        if self.schedule is None:
            return optimizer
        schedule = self.schedule
        self.total_steps()  # raises for a run without an end before it begins
        # The number of steps is read each time: a budget may lower it before the first step.
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: schedule(step, self.total_steps())
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

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
            raise ValueError("the schedule needs an end: set trainer.max_steps (or max_epochs)")
        return int(min(limits))

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the global norm; Lightning's own refuses fused optimizers and sharded modules."""
        if not gradient_clip_val:
            return
        if gradient_clip_algorithm == "value":
            nn.utils.clip_grad_value_(self.parameters(), gradient_clip_val)
        elif (root := self.sharded_root()) is not None:  # only the root knows the norm over all shards
            root.clip_grad_norm_(gradient_clip_val)
        else:
            clip_global_norm(self.parameters(), gradient_clip_val)

    def sharded_root(self) -> FullyShardedDataParallel | None:
        """Return the FSDP module around the task; None if each device holds all weights."""
        root = self.trainer.strategy.model
        return root if isinstance(root, FullyShardedDataParallel) else None

    # ------------------------------------------------------------------ logs and checkpoints

    def log_evaluation(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics of a split, to the loggers at the step of the last update."""
        fits = self.trainer.state.fn == "fit"
        self.log_dict(dict(metrics), logger=False if fits else None, rank_zero_only=True)
        if fits:  # Lightning itself would log the step before
            for logger in self.trainer.loggers:
                logger.log_metrics(dict(metrics), self.trainer.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add decoder, tokenizer and data plan, see :mod:`gpt_toolkit.tasks.checkpointing`."""
        complete_checkpoint(self, checkpoint)

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another run, see :mod:`gpt_toolkit.tasks.checkpointing`."""
        check_checkpoint(self, checkpoint)
        self.has_learned = True
