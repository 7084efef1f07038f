"""Pre-training: prediction of every token from those before it (GPT-1 §3.1; GPT-2 §2)."""

from __future__ import annotations

import logging
from typing import Any, Literal

import torch
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor

from gpt_toolkit.backbone.parallel import whole
from gpt_toolkit.batches import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.generation import generate
from gpt_toolkit.hardware import compile_obstacle
from gpt_toolkit.losses import linear_cross_entropy, token_losses
from gpt_toolkit.metrics import MeanTokenLoss, bits_per_byte, perplexity
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.tasks.base import BaseTask

log = logging.getLogger(__name__)


class PretrainTask(BaseTask):
    """Training of a decoder to predict every token from those before it (GPT-1 eq. 1).

    Logs ``train_loss`` and, per split, ``val_loss`` in nats per token, ``val_perplexity`` per token and
    ``val_bits_per_byte`` of UTF-8 text.

    The DataModule has the attributes of :class:`~gpt_toolkit.tasks.base.BaseTask`; its batches are
    :class:`~gpt_toolkit.batches.LanguageModelBatch`.

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
        compile_blocks: Train through torch.compile, which takes a minute at the beginning: ``true``,
            ``false``, or ``auto``: on supported GPUs, if each holds the whole model.
    """

    validation_metrics = "val_loss", "val_perplexity", "val_bits_per_byte"

    def __init__(
        self,
        decoder: str | dict[str, Any] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: Schedule | None = None,
        init_from: str | None = None,
        accept_new_plan: bool = False,
        activation_checkpointing: bool = False,
        compile_blocks: bool | Literal["auto"] = "auto",
    ) -> None:
        super().__init__(decoder, optimizer, schedule, init_from, accept_new_plan, activation_checkpointing)
        self.compile_blocks = compile_blocks
        self.mean_loss = MeanTokenLoss()
        self._bytes_per_token = 1.0

    def on_fit_start(self) -> None:
        """Decide whether to compile blocks, when their device is known."""
        super().on_fit_start()
        reason = compile_obstacle(self.device)
        if not isinstance(self.trainer.strategy, (SingleDeviceStrategy, DDPStrategy)):
            reason = "no device holds the whole model"
        compiles = reason is None if self.compile_blocks == "auto" else self.compile_blocks
        self.built_backbone.compile_blocks = compiles
        if not self.trainer.is_global_zero:
            return
        if compiles:
            log.info("the first steps take a minute: blocks are compiled (model.compile_blocks)")
        elif self.compile_blocks == "auto" and self.device.type == "cuda":
            log.info("blocks are not compiled: %s", reason)

    def work(self, batch: LanguageModelBatch) -> int:
        """Return the target tokens of the step."""
        return batch["step_targets"]

    def training_step(self, batch: LanguageModelBatch, batch_idx: int) -> Tensor:
        """Return this micro-batch's part of the step's mean loss, in nats per token."""
        backbone = self.built_backbone
        hidden = backbone(batch["input_ids"])  # (B, T, D)
        loss_sum = linear_cross_entropy(hidden, backbone.wte.weight, batch["labels"])
        return self.part_of_step(loss_sum, batch["step_targets"])

    def validation_step(self, batch: LanguageModelBatch, batch_idx: int) -> None:
        """Add a batch to the split's loss."""
        self._evaluate(batch)

    def test_step(self, batch: LanguageModelBatch, batch_idx: int) -> None:
        """Add a batch to the split's loss."""
        self._evaluate(batch)

    def predict_step(self, batch: LanguageModelBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Return a record for each window: its tokens, their ``ids`` and the ``nll`` of each in nats."""
        backbone, tokenizer = self.built_backbone, self.data.vocabulary
        losses = token_losses(backbone(batch["input_ids"]), backbone.wte.weight, batch["labels"])  # (B, T)
        records: list[dict[str, Any]] = []
        for row_labels, row_losses in zip(batch["labels"].tolist(), losses.tolist(), strict=True):
            counted = [(i, loss) for i, loss in zip(row_labels, row_losses, strict=True) if i != IGNORE_INDEX]
            if counted:
                tokens = [tokenizer.decode([i]) for i, _ in counted]
                nll = [round(loss, 5) for _, loss in counted]
                records.append({"tokens": tokens, "ids": [i for i, _ in counted], "nll": nll})
        return records

    @torch.no_grad()
    def write_sample(
        self, prompt: str, *, max_new_tokens: int, temperature: float, top_k: int, top_p: float = 1.0
    ) -> str | None:
        """Return the prompt and a continuation, drawn with the step's number as seed.

        Returns None without a DataModule, and under FSDP's first version, whose weights are whole only inside
        a training or validation step.
        """
        data = self.data
        if data is None or self.sharded_root() is not None:
            return None
        backbone = whole(self.built_backbone)
        vocabulary = data.vocabulary
        prompt_ids = vocabulary.encode(prompt)[-backbone.config.n_ctx :] or [vocabulary.end_of_text]
        rows = generate(
            backbone,
            torch.tensor([prompt_ids], device=self.device),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop_ids=vocabulary.end_ids,
            vocab_size=vocabulary.vocab_size,
            generator=torch.Generator(self.device).manual_seed(self.trainer.global_step),
        )
        ids = [i for i in rows[0] if i not in vocabulary.end_ids]
        text: str = vocabulary.decode(ids)
        return prompt + text

    def _evaluate(self, batch: LanguageModelBatch) -> None:
        backbone = self.built_backbone
        hidden = backbone(batch["input_ids"])
        losses = token_losses(hidden, backbone.wte.weight, batch["labels"])  # (B, T)
        self.mean_loss.update(losses.sum(dtype=torch.float64), (batch["labels"] != IGNORE_INDEX).sum())
        self._bytes_per_token = batch["bytes_per_token"]

    def on_validation_epoch_start(self) -> None:
        """Reset the loss."""
        self.mean_loss.reset()

    def on_validation_epoch_end(self) -> None:
        """Log the split's loss in all units."""
        self._log_split("val")

    def on_test_epoch_start(self) -> None:
        """Reset the loss."""
        self.mean_loss.reset()

    def on_test_epoch_end(self) -> None:
        """Log the split's loss in all units."""
        self._log_split("test")

    def _log_split(self, stage: str) -> None:
        nats = float(self.mean_loss.compute())
        bits, split = bits_per_byte(nats, self._bytes_per_token), self.split_of(stage)
        metrics = {
            f"{split}_loss": nats,
            f"{split}_perplexity": perplexity(nats),
            f"{split}_bits_per_byte": bits,
        }
        self.log_evaluation(metrics)
