"""Text after prompts by ``predict``, on any number of devices."""

from __future__ import annotations

import logging
from typing import Any

from lightning.pytorch import LightningModule

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.checkpoints import build_decoder, open_model
from gpt_toolkit.generation import Sampling, TopPRule
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.hardware import DTYPES, dtype_named, emulation_warning

log = logging.getLogger(__name__)


class GenerateTask(LightningModule):
    """A task that lets a model continue prompts, without training.

    The text after a prompt depends on model, settings and seed alone, not on the other prompts or the number
    of devices. Past the context length the window slides, see :func:`gpt_toolkit.generation.generate`.

    Args:
        init_from: The model: a folder, a checkpoint or an id of the hub.
        max_new_tokens: Largest number of new tokens.
        temperature: Divisor of the logits; 0 always takes the likeliest token.
        top_k: Number of likeliest tokens to draw from (GPT-2 Table 13: 40); 0 is off.
        top_p: Probability that the likeliest tokens to draw from reach together; 1 is off.
        top_p_rule: Whether the token that crosses ``top_p`` is kept, or dropped as in GPT-2's released code.
        repetition_penalty: Factor by which tokens of the text become less likely (CTRL); 1 is off.
        stop: Strings before which a text ends.
        num_samples: Number of texts after each prompt.
        seed: Seed of the draws; sample i of each prompt is drawn with ``seed + i``.
        dtype: Type to compute in: ``float32``, ``bfloat16``, ``float16``; or ``auto``, the device's fastest.
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
        problems = []
        if max_new_tokens < 1:
            problems.append(f"max_new_tokens: {max_new_tokens}; expected at least 1")
        if num_samples < 1:
            problems.append(f"num_samples: {num_samples}; expected at least 1")
        if dtype not in DTYPES:
            problems.append(f"dtype: {dtype!r}; expected {', '.join(DTYPES)}")
        if problems:
            raise ValueError(f"GenerateTask: {'; '.join(problems)}")
        self.dtype_name = dtype
        self.backbone: Decoder | None = None
        self._model: LanguageModel | None = None

    def configure_model(self) -> None:
        """Read the model, once."""
        if self.backbone is None:
            device = self.trainer.strategy.root_device
            dtype = dtype_named(self.dtype_name, device)
            if self.trainer.is_global_zero and (message := emulation_warning(dtype, device, "dtype")):
                log.warning("warning: %s", message)
            model = open_model(self.init_from)
            self.backbone = build_decoder(model.config, model.read(dtype=dtype))

    def on_predict_start(self) -> None:
        """Join the model and the tokenizer of the data.

        Raises:
            ValueError: If the tokenizer has ids that the decoder does not embed, or a prompt is too long.
        """
        assert self.backbone is not None
        vocabulary, config = self.trainer.datamodule.vocabulary, self.backbone.config  # type: ignore[attr-defined]
        if vocabulary.vocab_size > config.vocab_size:
            raise ValueError(
                f"tokenizer: {vocabulary.vocab_size:,} tokens; expected at most {config.vocab_size:,}, as "
                f"{self.init_from} embeds; set data.tokenizer to the model's own"
            )
        for problem in self.trainer.datamodule.length_problems(config.n_ctx):  # type: ignore[attr-defined]
            raise ValueError(problem)
        self._model = LanguageModel(self.backbone, vocabulary)

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> list[dict[str, Any]]:
        """Return a record for each text: the prompt and its number, the text, how it was drawn and ended."""
        assert self._model is not None
        wanted = [
            (row, prompt, self.seed + sample)
            for row, prompt in zip(batch["rows"], batch["prompts"], strict=True)
            for sample in range(self.num_samples)
        ]
        if not wanted:
            return []
        completions = self._model.write(
            [prompt for _, prompt, _ in wanted],
            max_new_tokens=self.max_new_tokens,
            sampling=self.sampling,
            seeds=[seed for *_, seed in wanted],
            stop=self.stop,
        )
        return [
            {
                "example": row,
                "prompt": prompt,
                "text": completion.text,
                "seed": seed,
                "n_tokens": completion.n_tokens,
                "ended": completion.ended,
                "slid": completion.slid,
            }
            for (row, prompt, seed), completion in zip(wanted, completions, strict=True)
        ]
