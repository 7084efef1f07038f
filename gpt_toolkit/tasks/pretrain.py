"""Pre-training: predict every token from those before it (GPT-1 §3.1; GPT-2 §2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.parallel import whole
from gpt_toolkit.batch import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.generation import generate
from gpt_toolkit.heads import LanguageModelHead
from gpt_toolkit.losses import linear_cross_entropy, token_losses
from gpt_toolkit.metrics import MeanTokenLoss, bits_per_byte, perplexity
from gpt_toolkit.tasks.base import BaseTask


class PretrainTask(BaseTask):
    """Train a decoder to predict every token from those before it (GPT-1 eq. 1).

    Logs ``train_loss`` and, per split, ``val_loss`` in nats per token, ``val_perplexity`` per token and
    ``val_bits_per_byte`` of UTF-8 text.
    """

    head: LanguageModelHead
    mean_loss: MeanTokenLoss
    _bytes_per_token = 1.0

    def build_heads(self, backbone: Decoder) -> None:
        """The tied language-model head (GPT-1 eq. 2)."""
        self.head = LanguageModelHead(tied_to=backbone.wte)
        self.mean_loss = MeanTokenLoss()

    def work(self, batch: LanguageModelBatch) -> int:
        """Tokens of the step."""
        return batch["step_targets"]

    def training_step(self, batch: LanguageModelBatch, batch_idx: int) -> Tensor:
        """This micro-batch's share of the step's mean loss, in nats per token."""
        backbone = self.built_backbone
        hidden = backbone(batch["input_ids"])  # (B, T, D)
        loss_sum = linear_cross_entropy(hidden, backbone.wte.weight, batch["labels"])
        self.add_to_step_loss(loss_sum, batch["step_targets"])
        return self.scale_to_step(loss_sum, batch["step_targets"])

    def validation_step(self, batch: LanguageModelBatch, batch_idx: int) -> None:
        """Add a batch to the split's loss."""
        self._evaluate(batch)

    def test_step(self, batch: LanguageModelBatch, batch_idx: int) -> None:
        """Add a batch to the split's loss."""
        self._evaluate(batch)

    def predict_step(self, batch: LanguageModelBatch, batch_idx: int) -> list[dict[str, Any]]:
        """A line per window: its tokens as ``ids`` and text, and the ``nll`` of each in nats."""
        backbone, data = self.built_backbone, self.data
        assert data is not None
        losses = token_losses(backbone(batch["input_ids"]), backbone.wte.weight, batch["labels"])  # (B, T)
        lines = []
        for row_labels, row_losses in zip(batch["labels"].tolist(), losses.tolist(), strict=True):
            counted = [(i, loss) for i, loss in zip(row_labels, row_losses, strict=True) if i != IGNORE_INDEX]
            if counted:
                tokens = [data.vocabulary.decode([i]) for i, _ in counted]
                nll = [round(loss, 5) for _, loss in counted]
                lines.append({"tokens": tokens, "ids": [i for i, _ in counted], "nll": nll})
        return lines

    @torch.no_grad()
    def write_sample(self, prompt: str, *, max_new_tokens: int, temperature: float, top_k: int) -> str | None:
        """A text that goes on from the prompt, drawn by the step's own seed.

        None without a DataModule, and under FSDP's first version, whose weights are whole only inside a
        training or validation step.
        """
        data = self.data
        if data is None or self.sharded_root() is not None:
            return None
        backbone = whole(self.built_backbone)
        vocabulary = data.vocabulary
        prompt_ids = vocabulary.encode(prompt)[-backbone.config.n_ctx :] or [vocabulary.end_of_text]
        rows = generate(
            backbone,
            LanguageModelHead(tied_to=backbone.wte),
            torch.tensor([prompt_ids], device=self.device),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            stop_ids=(vocabulary.end_of_text,),
            vocab_size=vocabulary.vocab_size,
            generator=torch.Generator(self.device).manual_seed(self.trainer.global_step),
        )
        ids = [i for i in rows[0] if i != vocabulary.end_of_text]
        return prompt + vocabulary.decode(ids)

    def _evaluate(self, batch: LanguageModelBatch) -> None:
        backbone = self.built_backbone
        hidden = backbone(batch["input_ids"])
        losses = token_losses(hidden, backbone.wte.weight, batch["labels"])  # (B, T)
        self.mean_loss.update(losses.sum(dtype=torch.float64), (batch["labels"] != IGNORE_INDEX).sum())
        self._bytes_per_token = batch["bytes_per_token"]

    def on_validation_epoch_start(self) -> None:
        """Forget the last pass."""
        self.mean_loss.reset()

    def on_validation_epoch_end(self) -> None:
        """Log the split's loss and its other units."""
        self._log_split("val")

    def on_test_epoch_start(self) -> None:
        """Forget the last pass."""
        self.mean_loss.reset()

    def on_test_epoch_end(self) -> None:
        """Log the split's loss and its other units."""
        self._log_split("test")

    def _log_split(self, stage: str) -> None:
        nats = float(self.mean_loss.compute())
        bits = bits_per_byte(nats, self._bytes_per_token)
        metrics = {
            f"{stage}_loss": nats,
            f"{stage}_perplexity": perplexity(nats),
            f"{stage}_bits_per_byte": bits,
        }
        fits = self.trainer.state.fn == "fit"
        self.log_dict(metrics, logger=False if fits else None, rank_zero_only=True)
        if fits:  # Lightning itself would log the number of the update before
            for logger in self.trainer.loggers:
                logger.log_metrics(metrics, self.trainer.global_step)
