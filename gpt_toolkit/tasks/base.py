"""What every task shares: the backbone's making, the optimizer, and what a checkpoint carries."""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torchmetrics import Metric

from gpt_toolkit.backbone import Decoder, DecoderConfig, decoder_fields
from gpt_toolkit.backbone.parallel import average_gradients, divide
from gpt_toolkit.batches import LanguageModelData, SupervisedData
from gpt_toolkit.checkpoints import open_model, read_model
from gpt_toolkit.checkpoints.model_sources import CHECKPOINT_FORMAT, CHECKPOINT_KEY
from gpt_toolkit.hardware import keep_freed_memory
from gpt_toolkit.optim import (
    OptimizerFactory,
    Schedule,
    clip_global_norm,
    number_as_in,
    scale_rates,
    separate_meshes,
)
from gpt_toolkit.tokenizers import Tokenizer

log = logging.getLogger(__name__)


class BaseTask(LightningModule, ABC):
    """Makes the backbone once the data is known, steps the schedule per update, guards checkpoints.

    Args:
        decoder: A preset's name, or fields of the decoder, among them perhaps ``preset``. What is not given
            is that of ``init_from``, else ``vocab_size`` and ``n_ctx`` come from the data.
        optimizer: Builds the optimizer; its numbers are the recipe's. Not needed to test or predict.
        schedule: Learning rate over the run, stepped per update.
        init_from: A model folder or checkpoint whose weights training starts from.
        accept_new_plan: Continue a checkpoint although the data, their order or the windows per step have
            changed since it was written.
        activation_checkpointing: Keep only each block's input for the backward pass and compute the rest
            again, which takes a fraction of the memory and about a third more time.
    """

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
        self._step_loss: Tensor | None = None
        self._step_before_batch = -1
        self._step_lr = 0.0
        self._run_seed = 0
        self.has_learned = False
        self._replicas, self._replica = 1, 0

    # ------------------------------------------------------------------ the backbone

    @property
    def data(self) -> LanguageModelData | SupervisedData | None:
        """The DataModule in use, where there is one."""
        return getattr(self._trainer, "datamodule", None) if self._trainer is not None else None

    def resolve_decoder(self) -> DecoderConfig:
        """The decoder's full shape, with what the data decides filled in.

        Raises:
            ValueError: If the data has more token ids or longer windows than the decoder.
        """
        data, given = self.data, decoder_fields(self.decoder or {})
        n_ids = 0 if data is None else data.vocabulary.vocab_size + self.n_marks
        fields = given if data is None else {"vocab_size": n_ids, "n_ctx": data.n_ctx, **given}
        if not {"n_layer", "n_head", "n_embd"} <= given.keys():
            if (model := self._trained_from()) is None:
                raise ValueError(
                    "no decoder: say --model.decoder NAME, or --model.init_from MODEL for a model's"
                )
            fields = open_model(model).config.to_fields() | given
        if self.n_marks:  # they come after the vocabulary that a preset or a model has
            fields["vocab_size"] = max(fields["vocab_size"], n_ids)
        config = DecoderConfig.from_fields(fields)
        faults = []
        if n_ids > config.vocab_size:
            faults.append(
                f"the tokenizer has {n_ids:,} token ids, the decoder's vocab_size is {config.vocab_size:,}: "
                "leave vocab_size out, or choose the decoder's own tokenizer"
            )
        if data is not None and data.n_ctx > config.n_ctx:
            faults.append(
                f"the data's windows are {data.n_ctx:,} tokens (data.n_ctx), the decoder's context length is "
                f"{config.n_ctx:,}: lower data.n_ctx or raise the decoder's n_ctx"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return config

    def _trained_from(self) -> str | None:
        """The checkpoint that this run goes on with, else the model that it begins with.

        The Trainer knows a checkpoint before it builds the network only where ``trainer.ckpt_path`` was set.
        """
        ckpt_path = getattr(self._trainer, "ckpt_path", None) if self._trainer is not None else None
        return str(ckpt_path) if ckpt_path else self.init_from

    @property
    def n_marks(self) -> int:
        """Token ids that the data adds to its vocabulary."""
        return 0

    def configure_model(self) -> None:
        """Build the network, once; Lightning calls it when data and devices are known."""
        if self.backbone is not None:
            return
        self.backbone = Decoder(self.resolve_decoder())
        self.backbone.recomputes = self.activation_checkpointing
        self.build_heads(self.backbone)
        if self.init_from is not None and not self.trainer.ckpt_path:
            self.load_initial_weights(self.init_from)
        self.adapt(self.backbone)
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            mesh = self.trainer.strategy.device_mesh
            divide(self.backbone, mesh)
            for part in self.modules():  # devices that divide matrix products count the same rows
                if isinstance(part, Metric):
                    part.process_group = mesh["data_parallel"].get_group()

    def adapt(self, backbone: Decoder) -> None:
        """Change a backbone that has its initial weights; a checkpoint's come afterwards."""

    @property
    def adapters(self) -> dict[str, Any]:
        """What was put into the backbone, for checkpoints: plain types only; empty for nothing."""
        return {}

    @abstractmethod
    def work(self, batch: Any) -> int:
        """How much of ``unit`` the optimizer step of a batch trains on, for the progress line."""

    unit = "tokens"

    def flops(self, batch: Any) -> float:
        """Operations that this device spends on training on a micro-batch (PaLM, appendix B).

        Padding counts, for it is computed; that frozen weights need no gradients is not taken into account.
        """
        input_ids: Tensor = batch["input_ids"]
        share = self._replicas / self.trainer.world_size  # of what its tensor-parallel group does
        per_token = self.built_backbone.config.flops_per_token_of(input_ids.shape[-1])
        return input_ids.numel() * per_token * share

    def build_heads(self, backbone: Decoder) -> None:
        """Make the task's own modules on top of the backbone."""

    def load_initial_weights(self, model: str) -> None:
        """Fill the backbone from a model, whose shape and vocabulary must agree.

        Rows of the token embeddings that only one of the two has keep their initial values, or are left.
        """
        saved = read_model(model)
        backbone = self.built_backbone
        ours, theirs = backbone.config.to_fields(), saved.config.to_fields()
        structural = ["n_ctx", "n_layer", "n_head", "n_embd", "norm"]
        if ours["vocab_size"] - self.n_marks > theirs["vocab_size"]:
            structural.append("vocab_size")
        if faults := [
            f"{key} {ours[key]} against {theirs[key]}" for key in structural if ours[key] != theirs[key]
        ]:
            raise ValueError(f"init_from {model}: this decoder differs from the model's: {', '.join(faults)}")
        self._check_same_tokenizer(model, saved.tokenizer)
        names = [name for name in backbone.state_dict() if self.transfers(name)]
        with torch.no_grad():
            for name, tensor in backbone.state_dict().items():
                if name in names:
                    stored = saved.state_dict[name]
                    rows = min(len(tensor), len(stored))
                    tensor[:rows].copy_(stored[:rows])
        if self.trainer.is_global_zero:
            log.info("initial weights: %s", model)
            for note in saved.notes:
                log.info(note)

    def transfers(self, name: str) -> bool:
        """Whether a tensor of the backbone is taken from ``init_from``."""
        return True

    def _check_same_tokenizer(self, model: str, files: Path | Mapping[str, str] | str) -> None:
        data = self.data
        if data is None or not isinstance(files, Mapping) or not files:
            return  # a folder's files may be another program's, equal in meaning only
        if dict(files) != dict(data.vocabulary.files()):
            raise ValueError(
                f"init_from {model}: it was trained with another tokenizer than the data's: give "
                f"data.tokenizer the one it was trained with, such as the folder model/ of its run"
            )

    @property
    def built_backbone(self) -> Decoder:
        """The backbone, after :meth:`configure_model`."""
        if self.backbone is None:
            raise RuntimeError("the backbone is built by configure_model, when the data is known")
        return self.backbone

    # ------------------------------------------------------------------ one optimizer step

    def scale_to_step(self, loss_sum: Tensor, step_targets: int) -> Tensor:
        """A micro-batch's summed loss as its share of the whole step's mean.

        Lightning divides by the accumulated micro-batches, and gradients are averaged over the ranks that
        read different data; both are undone here, so that the step's loss is the sum over all its targets
        divided by their number.
        """
        accumulated: int = self.trainer.accumulate_grad_batches
        return loss_sum * (self._replicas * accumulated / step_targets)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Draw dropout from (seed, step, micro-batch, rank), so that a resumed run draws the same.

        Ranks that divide matrix products drop the same components of what each of them holds.
        """
        step = self.trainer.global_step
        if self._drops:
            micro_batch = batch_idx % self.trainer.accumulate_grad_batches
            draw = f"{self._run_seed} {step} {micro_batch} {self._replica}".encode()
            torch.manual_seed(int.from_bytes(hashlib.blake2b(draw, digest_size=7).digest()))
        self._step_before_batch = step

    def on_fit_start(self) -> None:
        """Keep the run's seed, which every draw of dropout derives from, and which data this rank reads."""
        if self.device.type == "cpu":
            keep_freed_memory()
        self._run_seed = torch.initial_seed()
        self.has_learned = True
        ranks = self.trainer.distributed_sampler_kwargs or {"num_replicas": 1, "rank": 0}
        self._replicas, self._replica = ranks["num_replicas"], ranks["rank"]

    @property
    def _drops(self) -> bool:
        return any(isinstance(part, nn.Dropout) and part.p > 0 for part in self.modules()) or (
            self.built_backbone.config.attn_pdrop > 0
        )

    def add_to_step_loss(self, loss_sum: Tensor, step_targets: int) -> None:
        """Collect the step's mean loss for the log; no synchronization with the device."""
        share = loss_sum.detach() / step_targets
        self._step_loss = share if self._step_loss is None else self._step_loss + share

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Note the update's learning rate for the log; the schedule moves on before the log is written."""
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
        """After each update, log the loss if it is due."""
        step = self.trainer.global_step
        if step == self._step_before_batch or self._step_loss is None:
            return  # a micro-batch whose update is still to come
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

    def configure_optimizers(self) -> Any:
        """The recipe's optimizer, with its schedule stepped per update."""
        if self.optimizer_factory is None:
            raise ValueError("no optimizer: training needs --model.optimizer, e.g. AdamW with its lr")
        optimizer = self.optimizer_factory.build(self)
        scale_rates(optimizer, {parameter: self.rate_of(name) for name, parameter in self.named_parameters()})
        separate_meshes(optimizer)
        if self.schedule is None:
            return optimizer
        schedule = self.schedule
        self.total_steps()  # refuses a run without an end before it begins
        # The number of steps is asked for each time: a budget may lower it before the first step.
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: schedule(step, self.total_steps())
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @contextmanager
    def undone_steps(self) -> Iterator[Callable[[Any], None]]:
        """Yield a function that trains on a batch; on exit, undo all that it changed.

        Weights, optimizer state, gradients and random state are as before, which must be that of a run that
        has not begun. For timing.
        """
        if self.device.type == "cpu":
            keep_freed_memory()  # as on_fit_start does, which comes later
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

    def rate_of(self, name: str) -> float:
        """What a parameter's learning rate is multiplied by."""
        return 1.0

    def total_steps(self) -> int:
        """Updates of the whole run, from ``max_steps`` or ``max_epochs``.

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
        """The FSDP module around the task; None where each device holds all weights."""
        root = self.trainer.strategy.model
        return root if isinstance(root, FullyShardedDataParallel) else None

    # ------------------------------------------------------------------ checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what makes the file complete in itself: decoder, tokenizer, data plan; plain types only."""
        data = self.data
        vocabulary: Tokenizer | None = None if data is None else data.vocabulary
        checkpoint[CHECKPOINT_KEY] = {
            "format": CHECKPOINT_FORMAT,
            "version": version("gpt-toolkit"),
            "task": type(self).__name__,
            "decoder": self.built_backbone.config.to_fields(),
            "tokenizer": {} if vocabulary is None else dict(vocabulary.files()),
            "fingerprint": None if vocabulary is None else vocabulary.fingerprint,
            "plan": getattr(data, "plan", None),
            "step": self.trainer.global_step,
            "adapters": self.adapters,
            "precision": str(self.trainer.precision),
        }
        if not isinstance(self.trainer.strategy, ModelParallelStrategy) and self.sharded_root() is None:
            # Strategies that divide the optimizer's state find it by a parameter's number in the module.
            for optimizer, state in zip(
                self.trainer.optimizers, checkpoint.get("optimizer_states", ()), strict=False
            ):
                number_as_in(self, optimizer, state)

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another task, decoder, tokenizer or, when training goes on, data plan.

        Raises:
            ValueError: Naming both values and the way out.
        """
        saved = checkpoint.get(CHECKPOINT_KEY)
        if saved is None:
            raise ValueError("the checkpoint was not written by gpt_toolkit")
        if saved["format"] != CHECKPOINT_FORMAT:
            raise ValueError(
                f"the checkpoint has format {saved['format']}, this version reads {CHECKPOINT_FORMAT}"
            )
        if saved["task"] != type(self).__name__:
            raise ValueError(
                f"the checkpoint is of {saved['task']}, this run is {type(self).__name__}: --ckpt_path "
                f"continues the same task; for weights into another task use --model.init_from"
            )
        ours, theirs = self.built_backbone.config.to_fields(), saved["decoder"]
        if faults := [
            f"{key} {theirs.get(key)} there, {ours[key]} here" for key in ours if ours[key] != theirs.get(key)
        ]:
            raise ValueError(f"the checkpoint's decoder is another: {'; '.join(faults)}")
        if (there := saved.get("adapters") or {}) != self.adapters:
            raise ValueError(
                f"the checkpoint's adapters are {there or 'none'}, this run's are {self.adapters or 'none'}: "
                "give the settings that it was trained with, or begin anew from it by --model.init_from"
            )
        self.has_learned = True
        before, now = saved["precision"], str(self.trainer.precision)
        if before != now and self.trainer.training and self.trainer.is_global_zero:
            log.info("the checkpoint was trained in %s; this run continues in %s", before, now)
        data = self.data
        if data is None:
            return
        if saved["fingerprint"] not in (None, data.vocabulary.fingerprint):
            raise ValueError(
                f"the checkpoint's tokenizer is {saved['fingerprint']}, the data's is "
                f"{data.vocabulary.fingerprint}: choose the tokenizer that the checkpoint was trained with"
            )
        plan = getattr(data, "plan", None)
        if self.trainer.training and not self.accept_new_plan and saved["plan"] not in (None, plan):
            raise ValueError(
                f"the checkpoint was trained on '{saved['plan']}', this run would go on with '{plan}': "
                f"restore what differs, or say --model.accept_new_plan true"
            )
