"""A model that is ready to use: decoder and tokenizer."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypedDict, Unpack, overload

import torch
from torch import Tensor

from gpt_toolkit import generation
from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.checkpoints import build_decoder, open_model, read_stored, write_model_folder
from gpt_toolkit.generation import Sampling, TopPRule, Written
from gpt_toolkit.hardware import device_named, scoring_dtype
from gpt_toolkit.tokenizers.loading import Tokenizer, tokenizer_of


class Settings(TypedDict, total=False):
    """Of :meth:`LanguageModel.generate`, for the types of its forms."""

    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    top_p_rule: TopPRule
    repetition_penalty: float
    stop: str | Sequence[str]
    seed: int | None


class LanguageModel:
    """A decoder with its tokenizer, for use rather than for training.

    On a CPU the first text that it writes takes a second copy of its matrices, laid out for speed.

    Args:
        decoder: Put into evaluation mode.
        tokenizer: The one whose ids the decoder was trained on; without one, only :meth:`logits` and
            :meth:`save` are of use.

    Raises:
        ValueError: If the tokenizer has ids for which the decoder has no embedding.
    """

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer | None = None) -> None:
        if tokenizer is not None and tokenizer.vocab_size > decoder.config.vocab_size:
            raise ValueError(
                f"tokenizer {tokenizer.name} has {tokenizer.vocab_size} tokens, the decoder embeds "
                f"{decoder.config.vocab_size}; they do not belong together"
            )
        self.decoder = decoder.eval()
        self._tokenizer = tokenizer
        self._packed: Decoder | None = None
        self._packed_state: list[tuple[int, int]] = []

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer.

        Raises:
            ValueError: If the model came without one.
        """
        if self._tokenizer is None:
            raise ValueError(
                "this model has no tokenizer; put its files (tokenizer.json, or vocab.json and merges.txt) "
                "into the model folder"
            )
        return self._tokenizer

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.decoder.wte.weight.device

    @torch.no_grad()
    def logits(self, input_ids: Tensor) -> Tensor:
        """Scores of the next token at every position, ``(B, T)`` to ``(B, T, V)``."""
        return self.decoder.logits(self.decoder(input_ids.to(self.device)))

    def score(self, context: str, continuation: str) -> tuple[float, bool]:
        """How likely a continuation is.

        The two texts are encoded apart, so a continuation brings the space it begins with. An empty context
        is the end-of-text token.

        Returns:
            Summed natural-log probability of the continuation's tokens, and whether greedy decoding gives it.

        Raises:
            ValueError: If both together do not fit into the context length.
        """
        return generation.score(
            self.decoder,
            self._prompt_ids(context),
            self.tokenizer.encode(continuation),
            vocab_size=self.tokenizer.vocab_size,
        )

    @overload
    def generate(
        self, prompt: str = ..., *, num_samples: None = ..., **settings: Unpack[Settings]
    ) -> str: ...

    @overload
    def generate(self, prompt: str = ..., *, num_samples: int, **settings: Unpack[Settings]) -> list[str]: ...

    @overload
    def generate(
        self, prompt: list[str], *, num_samples: None = ..., **settings: Unpack[Settings]
    ) -> list[str]: ...

    @overload
    def generate(
        self, prompt: list[str], *, num_samples: int, **settings: Unpack[Settings]
    ) -> list[list[str]]: ...

    def generate(
        self,
        prompt: str | list[str] = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        top_p_rule: TopPRule = "keep",
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] = (),
        num_samples: int | None = None,
        seed: int | None = None,
    ) -> str | list[str] | list[list[str]]:
        """Continue a text until its end-of-text token, a stop string or for ``max_new_tokens``.

        Args:
            prompt: The text to continue; an empty one starts from the end-of-text token. Those of a list are
                read side by side, whatever their lengths, and each gets the text that it gets alone.
            max_new_tokens: Tokens to add at most. Past the context length the window slides, see
                :func:`gpt_toolkit.generation.generate`.
            temperature: Divides the logits; 0 takes the likeliest token each time.
            top_k: Draw among the k likeliest tokens; 0 is off.
            top_p: Draw among the likeliest tokens that together reach this probability; 1 is off.
            top_p_rule: Whether the token that crosses ``top_p`` is kept, or dropped as in GPT-2's released
                code.
            repetition_penalty: Makes tokens that are in the text already less likely (CTRL); 1 is off.
            stop: A text, or several, before which the answer ends.
            num_samples: How many continuations to give, as a list; one, as a string, unless given.
            seed: Of the draws. Sample i of several is drawn with ``seed + i``, whatever the prompt's place in
                a list.

        Returns:
            The new text, without prompt, end-of-text token and stop string; a list of them, or of lists, for
            several samples or prompts.

        Raises:
            ValueError: If a value is out of range or a prompt is longer than the context.
        """
        prompts = [prompt] if isinstance(prompt, str) else prompt
        count = 1 if num_samples is None else num_samples
        if count < 1:
            raise ValueError(f"num_samples is {num_samples}, expected at least 1")
        written = self.write(
            [text for text in prompts for _ in range(count)],
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty),
            seeds=[None if seed is None else seed + i for _ in prompts for i in range(count)],
            stop=stop,
        )
        texts = [each.text for each in written]
        samples = [texts[first : first + count] for first in range(0, len(texts), count)]
        answers = [each[0] for each in samples] if num_samples is None else samples
        return answers[0] if isinstance(prompt, str) else answers

    def write(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling,
        seeds: Sequence[int | None],
        stop: str | Sequence[str] = (),
    ) -> list[Written]:
        """What :meth:`generate` does for a prompt, with how the answers ended.

        Args:
            prompts: Read side by side.
            max_new_tokens: Tokens to add at most.
            sampling: How they are drawn.
            seeds: Of each prompt's draws; None for others each time.
            stop: A text, or several, before which an answer ends.
        """
        stops = (stop,) if isinstance(stop, str) else stop
        return generation.write(
            self._fast(),
            self.tokenizer,
            prompts,
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            seeds=seeds,
            stop=stops,
        )

    def stream(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        top_p_rule: TopPRule = "keep",
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """The text of :meth:`generate` in pieces, as they are made; closing the iterator stops the work.

        A character whose bytes span several tokens comes with the last of them, and what may begin a stop
        string when it is known not to.
        """
        yield from generation.write_pieces(
            self._fast(),
            self.tokenizer,
            prompt,
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty),
            seed=seed,
            stop=(stop,) if isinstance(stop, str) else stop,
        )

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write a model folder, which :func:`load` and ``transformers`` read.

        Raises:
            FileExistsError: If the folder exists, unless it is a model folder and ``overwrite`` is set.
        """
        files, extra = {}, {}
        if self._tokenizer is not None:
            files = dict(self._tokenizer.files())
            extra = dict.fromkeys(("bos_token_id", "eos_token_id"), self._tokenizer.end_of_text)
        write_model_folder(
            folder, self.decoder.config, self.decoder.state_dict(), files, overwrite=overwrite, extra=extra
        )

    def _prompt_ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text)) or [self.tokenizer.end_of_text]

    def _fast(self) -> Decoder:
        """The decoder as it generates fastest here, packed at first use and when a weight changes."""
        state = [
            (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
            for weight in self.decoder.parameters()
        ]
        if self._packed is None or self._packed_state != state:
            self._packed = None  # gone before the new one is made
            self._packed, self._packed_state = pack(self.decoder), state
        return self._packed


def load(
    model: str | Path, *, device: torch.device | str = "auto", dtype: torch.dtype | None = None
) -> LanguageModel:
    """Load a model to use.

    Args:
        model: A model folder, a ``.ckpt`` of a training run, or an id of the Hugging Face hub such as
            ``gpt2``, ``openai-gpt`` or ``owner/name``.
        device: Device to compute on; ``auto`` is the accelerator, if one is present.
        dtype: Type to compute in. By default the stored one, or fp32 where the device would emulate it, so
            that scores do not depend on the machine.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If what is there is not a model, is damaged or is not implemented.
    """
    device = device_named(device)
    stored = open_model(model)
    dtype = dtype or scoring_dtype(stored.dtype, device)
    saved = read_stored(stored, dtype=dtype, device=device)
    tokenizer = tokenizer_of(saved.tokenizer, str(saved.source))
    try:
        return LanguageModel(build_decoder(saved.config, saved.state_dict), tokenizer)
    except ValueError as error:
        raise ValueError(f"{saved.source}: {error}") from None
