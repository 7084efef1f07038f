"""The base of the tasks: builds the backbone, writes and checks checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor
from torchmetrics import Metric

from gpt_toolkit.backbone import Decoder, DecoderConfig, decoder_fields
from gpt_toolkit.backbone.parallel import divide
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY
from gpt_toolkit.checkpoints.verification import verify_reads
from gpt_toolkit.optim import OptimizerFactory, Schedule, number_in_module_order
from gpt_toolkit.tasks.initial_weights import load_initial_weights
from gpt_toolkit.tasks.ledger import extend_ledger
from gpt_toolkit.tasks.optimization import OptimizedModule
from gpt_toolkit.tasks.run_record import check_record, describe_changes, run_record

log = logging.getLogger(__name__)


class BaseTask(OptimizedModule):
    """A task that builds its backbone once the data is known and refuses checkpoints of another run.

    The DataModule has the attributes ``vocabulary`` (the :class:`~gpt_toolkit.tokenizers.Tokenizer` that made
    the batches, after ``setup``) and ``n_ctx`` (their context length). It may have ``plan``, which describes
    the order of the training data: a checkpoint continues only with the same plan. It may have ``sources``,
    which the ledger in the checkpoints records (:func:`~gpt_toolkit.tasks.ledger.extend_ledger`), and
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

    data_attributes: tuple[str, ...] = ("vocabulary", "n_ctx")
    """Attributes that the task reads from its DataModule."""

    validation_metrics: tuple[str, ...] | None = None
    """Metrics of a validation; a name that ends in ``_`` is the beginning of several. None: unknown."""

    def __init__(
        self,
        decoder: str | dict[str, Any] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: Schedule | None = None,
        init_from: str | None = None,
        accept_new_plan: bool = False,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__(optimizer, schedule)
        self.activation_checkpointing = activation_checkpointing
        self.decoder = decoder
        self.init_from, self.accept_new_plan = init_from, accept_new_plan
        self.backbone: Decoder | None = None
        self.has_learned = False
        self._saved_settings: dict[str, Any] | None = None
        self._saved_ledger: list[dict[str, Any]] = []

    # ------------------------------------------------------------------ the network

    @property
    def n_special_tokens(self) -> int:
        """Number of special tokens that the data adds to its vocabulary."""
        return 0

    @property
    def built_backbone(self) -> Decoder:
        """The backbone, after :meth:`configure_model`."""
        if self.backbone is None:
            raise RuntimeError(
                "backbone: not built; expected configure_model() before; use the task in a Trainer"
            )
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
                f"{type(data).__name__}: no {', '.join(missing)}; expected "
                f"{', '.join(self.data_attributes)}, which {type(self).__name__} reads; see "
                "docs/guides/own_datamodule.py"
            )
        n_ids = 0 if data is None else data.vocabulary.vocab_size + self.n_special_tokens
        fields = given if data is None else {"vocab_size": n_ids, "n_ctx": data.n_ctx, **given}
        model = self._starting_model()
        if model is not None:
            stored = open_model(model).config.to_fields()
            is_whole = {"n_layer", "n_head", "n_embd"} <= given.keys()
            # The data may have shorter windows than the model.
            fields = {**fields, "n_ctx": stored["n_ctx"], **given} if is_whole else {**stored, **given}
        elif not {"n_layer", "n_head", "n_embd"} <= given.keys():
            raise ValueError(
                "decoder: none; expected --model.decoder NAME, or --model.init_from MODEL for the decoder of "
                "a model"
            )
        if self.n_special_tokens:  # they follow the vocabulary of a preset or a model
            fields["vocab_size"] = max(fields["vocab_size"], n_ids)
        config = DecoderConfig.from_fields(fields)
        problems = []
        if n_ids > config.vocab_size:
            problems.append(
                f"tokenizer: {n_ids:,} token ids; expected at most {config.vocab_size:,}, the decoder's "
                "vocab_size; leave vocab_size out, or choose the decoder's own tokenizer"
            )
        if data is not None and data.n_ctx > config.n_ctx:
            problems.append(
                f"data.n_ctx: {data.n_ctx:,}; expected at most {config.n_ctx:,}, the decoder's context "
                "length; lower data.n_ctx or raise the decoder's n_ctx"
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

    def setup(self, stage: str) -> None:
        """Let the Trainer read only checkpoints that are intact and hold no code."""
        verify_reads(self.trainer.strategy)

    def configure_model(self) -> None:
        """Build the network, once; Lightning calls it when data and devices are known."""
        if self.backbone is not None:
            return
        self.backbone = Decoder(self.resolve_decoder())
        self.backbone.activation_checkpointing = self.activation_checkpointing
        self.build_heads(self.backbone)
        if self.init_from is not None and not self.trainer.ckpt_path:
            notes = load_initial_weights(
                self.backbone,
                self.init_from,
                tokenizer=None if self.data is None else self.data.vocabulary,
                n_new_tokens=self.n_special_tokens,
                is_transferred=self.is_transferred,
            )
            if self.trainer.is_global_zero:
                for note in notes:
                    log.info(note)
        self.adapt(self.backbone)
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            mesh = self.trainer.strategy.device_mesh
            divide(self.backbone, mesh)
            for part in self.modules():  # devices that divide matrix products count the same examples
                if isinstance(part, Metric):
                    part.process_group = mesh["data_parallel"].get_group()

    def on_fit_start(self) -> None:
        """Note that the heads will be trained."""
        super().on_fit_start()
        self.has_learned = True

    def on_train_start(self) -> None:
        """Report in one line which settings of training differ from the checkpoint's."""
        super().on_train_start()
        if self._saved_settings is None or not self.trainer.is_global_zero:
            return
        if changes := describe_changes(self._saved_settings, self.training_settings()):
            log.info("changed since the checkpoint: %s", changes)

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

    def flops(self, batch: Any) -> float:
        """Return the operations of this device for training on a micro-batch (PaLM, appendix B).

        Padding counts, for it is computed. Frozen weights count as if they had gradients.
        """
        input_ids: Tensor = batch["input_ids"]
        fraction = self._replicas / self.trainer.world_size  # this device's, of its tensor-parallel group
        per_token = self.built_backbone.config.flops_per_token_of(input_ids.shape[-1])
        return input_ids.numel() * per_token * fraction

    def split_of(self, stage: str) -> str:
        """Return the split that a stage scores: without test data, ``test`` scores the validation split."""
        return str(getattr(self.data, "tested_split", stage)) if stage == "test" else stage

    # ------------------------------------------------------------------ checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record of the run: decoder, tokenizer and data plan."""
        checkpoint[CHECKPOINT_KEY] = self._record()
        if not isinstance(self.trainer.strategy, ModelParallelStrategy) and self.sharded_root() is None:
            # Strategies that divide the optimizer's state find it by a parameter's number in the module.
            states = checkpoint.get("optimizer_states", ())
            for optimizer, state in zip(self.trainer.optimizers, states, strict=False):
                number_in_module_order(self, optimizer, state)

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse a checkpoint whose record differs from this run's.

        Raises:
            ValueError: If they differ; the message gives both values and the fix.
        """
        saved, ours, trains = checkpoint.get(CHECKPOINT_KEY), self._record(), bool(self.trainer.training)
        check_record(saved, ours, trains=trains, accept_new_plan=self.accept_new_plan)
        self.has_learned = True
        self._saved_settings = checkpoint[CHECKPOINT_KEY]["settings"]
        self._saved_ledger = checkpoint[CHECKPOINT_KEY].get("ledger", [])
        before, now = checkpoint[CHECKPOINT_KEY]["precision"], ours["precision"]
        if before != now and trains and self.trainer.is_global_zero:
            log.info("the checkpoint was trained in %s; this run continues in %s", before, now)

    def _record(self) -> dict[str, Any]:
        return run_record(
            task=type(self).__name__,
            config=self.built_backbone.config,
            tokenizer=None if self.data is None else self.data.vocabulary,
            plan=getattr(self.data, "plan", None),
            step=self.trainer.global_step,
            init_from=self.init_from,
            ledger=extend_ledger(self._saved_ledger, self.data, self.trainer.global_step),
            adapters=self.adapters,
            precision=str(self.trainer.precision),
            settings=self.training_settings(),
        )
