"""Answers to prompts by ``predict``, on any number of devices."""

from __future__ import annotations

import logging
from typing import Any

from lightning.pytorch import LightningModule

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.checkpoints import build_decoder, read_model
from gpt_toolkit.generation import Sampling, TopPRule, write
from gpt_toolkit.hardware import DTYPES, dtype_named, emulation_warning

log = logging.getLogger(__name__)


class GenerateTask(LightningModule):
    """Lets a model continue prompts; there is nothing to train.

    A prompt's answer depends on model, settings and seed alone, not on its neighbors or on the devices. Past
    the context length the window slides, see :func:`gpt_toolkit.generation.generate`.

    Args:
        init_from: The model: a folder, a checkpoint or an id of the hub.
        max_new_tokens: Tokens to add at most.
        temperature: Divides the logits; 0 takes the likeliest token each time.
        top_k: Draw among so many of the likeliest tokens (GPT-2 Table 13: 40); 0 is off.
        top_p: Draw among the likeliest tokens that together reach this probability; 1 is off.
        top_p_rule: Whether the token that crosses ``top_p`` is kept, or dropped as in GPT-2's released code.
        repetition_penalty: Makes tokens that are in the text already less likely (CTRL); 1 is off.
        stop: Texts before which an answer ends.
        num_samples: Answers to each prompt.
        seed: Of the draws; sample i of each prompt is drawn with ``seed + i``.
        dtype: Type to compute in: ``float32``, ``bfloat16``, ``float16``, or ``auto``, the device's fastest.
    """

    def __init__(
        self,
        init_from: str,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 40,
        top_p: float = 1.0,
        top_p_rule: TopPRule = "keep",
        repetition_penalty: float = 1.0,
        stop: list[str] | None = None,
        num_samples: int = 1,
        seed: int = 0,
        dtype: str = "auto",
    ) -> None:
        super().__init__()
        self.init_from, self.max_new_tokens, self.stop = init_from, max_new_tokens, stop or []
        self.sampling = Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty)
        self.num_samples, self.seed = num_samples, seed
        faults = []
        if max_new_tokens < 1:
            faults.append(f"max_new_tokens is {max_new_tokens}, expected at least 1")
        if num_samples < 1:
            faults.append(f"num_samples is {num_samples}, expected at least 1")
        if dtype not in DTYPES:
            faults.append(f"dtype is {dtype!r}, expected {', '.join(DTYPES)}")
        if faults:
            raise ValueError(f"GenerateTask: {'; '.join(faults)}")
        self.dtype_name = dtype
        self.backbone: Decoder | None = None
        self._packed: Decoder | None = None

    def configure_model(self) -> None:
        """Read the model, once."""
        if self.backbone is None:
            device = self.trainer.strategy.root_device
            dtype = dtype_named(self.dtype_name, device)
            if self.trainer.is_global_zero and (message := emulation_warning(dtype, device, "dtype")):
                log.warning("warning: %s", message)
            saved = read_model(self.init_from, dtype=dtype)
            self.backbone = build_decoder(saved.config, saved.state_dict).eval()

    def on_predict_start(self) -> None:
        """Lay the weights out for speed, where they lie now.

        Raises:
            ValueError: If the tokenizer has ids that the decoder does not embed.
        """
        assert self.backbone is not None
        vocabulary, config = self.trainer.datamodule.vocabulary, self.backbone.config  # type: ignore[attr-defined]
        if vocabulary.vocab_size > config.vocab_size:
            raise ValueError(
                f"the tokenizer has {vocabulary.vocab_size:,} tokens, {self.init_from} embeds "
                f"{config.vocab_size:,}: give data.tokenizer the model's own"
            )
        self._packed = pack(self.backbone)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> list[dict[str, Any]]:
        """A line per answer: the prompt's number, prompt, text, seed, how it ended, whether the window slid.

        Raises:
            ValueError: If a prompt is longer than the context; it is named by its number.
        """
        assert self._packed is not None
        decoder = self._packed
        vocabulary = self.trainer.datamodule.vocabulary  # type: ignore[attr-defined]
        asked = [
            (row, prompt, self.seed + sample)
            for row, prompt in zip(batch["rows"], batch["prompts"], strict=True)
            for sample in range(self.num_samples)
        ]
        n_ctx = decoder.config.n_ctx
        for row, prompt in zip(batch["rows"], batch["prompts"], strict=True):
            if (length := len(vocabulary.encode(prompt))) > n_ctx:
                raise ValueError(
                    f"prompt {row}, {prompt[:40]!r}...: {length} tokens are more than the context length "
                    f"{n_ctx}; shorten it"
                )
        answers = write(
            decoder,
            vocabulary,
            [prompt for _, prompt, _ in asked],
            max_new_tokens=self.max_new_tokens,
            sampling=self.sampling,
            seeds=[seed for *_, seed in asked],
            stop=self.stop,
        )
        return [
            {
                "row": row,
                "prompt": prompt,
                "text": answer.text,
                "seed": seed,
                "n_tokens": answer.n_tokens,
                "ended": answer.ended,
                "slid": answer.slid,
            }
            for (row, prompt, seed), answer in zip(asked, answers, strict=True)
        ]
