"""A model that is ready to use: decoder, tied head and tokenizer."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import overload

import torch
from torch import Tensor

from gpt_toolkit import generation
from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.weights import build_decoder, read_model, write_model_folder
from gpt_toolkit.heads import LanguageModelHead
from gpt_toolkit.text.tokenizer import FILE_PAIRS, Tokenizer, load_tokenizer

_TOKENIZER_FILES = ("tokenizer.json", *(name for pair in FILE_PAIRS for name in pair))


class LanguageModel:
    """A decoder with its tied head and its tokenizer, for use rather than for training.

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
        self.head = LanguageModelHead(decoder.wte)
        self._tokenizer = tokenizer

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
        return self.head.weight.device

    @torch.no_grad()
    def logits(self, input_ids: Tensor) -> Tensor:
        """Scores of the next token at every position, ``(B, T)`` to ``(B, T, V)``."""
        return self.head(self.decoder(input_ids.to(self.device)))  # type: ignore[no-any-return]

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
            self.head,
            self._prompt_ids(context),
            self.tokenizer.encode(continuation),
            vocab_size=self.tokenizer.vocab_size,
        )

    @overload
    def generate(
        self,
        prompt: str = ...,
        *,
        max_new_tokens: int = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        num_samples: None = ...,
        seed: int | None = ...,
    ) -> str: ...

    @overload
    def generate(
        self,
        prompt: str = ...,
        *,
        max_new_tokens: int = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        num_samples: int,
        seed: int | None = ...,
    ) -> list[str]: ...

    def generate(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        num_samples: int | None = None,
        seed: int | None = None,
    ) -> str | list[str]:
        """Continue a text until its end-of-text token or for ``max_new_tokens``.

        Args:
            prompt: The text to continue; an empty one starts from the end-of-text token.
            max_new_tokens: Tokens to add at most; past the context length the window slides, see
                :func:`gpt_toolkit.generation.generate`.
            temperature: Divides the logits; 0 takes the likeliest token each time.
            top_k: Sample among the k likeliest tokens; 0 is off.
            top_p: Sample among the likeliest tokens that together reach this probability; 1 is off.
            num_samples: How many continuations to give, as a list; one, as a string, unless given.
            seed: Of the draws. Sample i of several is drawn with ``seed + i``.

        Returns:
            The new text, without prompt and end-of-text token.

        Raises:
            ValueError: If a value is out of range or the prompt is longer than the context.
        """
        generation.check_sampling(
            max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p
        )
        count = 1 if num_samples is None else num_samples
        if count < 1:
            raise ValueError(f"num_samples is {num_samples}, expected at least 1")
        prompt_ids = self._prompt_ids(prompt)
        end_of_text = self.tokenizer.end_of_text
        rows = generation.generate(
            self.decoder,
            self.head,
            torch.tensor([prompt_ids] * count, device=self.device),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop_ids=(end_of_text,),
            vocab_size=self.tokenizer.vocab_size,
            generator=[self._generator(seed, sample) for sample in range(count)],
        )
        texts = []
        for row in rows:
            new_ids = row[:-1] if row and row[-1] == end_of_text else row
            texts.append(self._new_bytes(prompt_ids, new_ids).decode(errors="replace"))
        return texts[0] if num_samples is None else texts

    def stream(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """The text of :meth:`generate` in pieces, as they are made; closing the iterator stops the work.

        A character whose bytes span several tokens comes with the last of them.
        """
        prompt_ids = self._prompt_ids(prompt)
        new_ids: list[int] = []
        characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        n_bytes = 0
        for chosen in generation.generate_steps(
            self.decoder,
            self.head,
            torch.tensor([prompt_ids], device=self.device),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            vocab_size=self.tokenizer.vocab_size,
            generator=[self._generator(seed, 0)],
        ):
            if (token := int(chosen.item())) == self.tokenizer.end_of_text:
                break
            new_ids.append(token)
            so_far = self._new_bytes(prompt_ids, new_ids)
            if piece := characters.decode(so_far[n_bytes:]):
                yield piece
            n_bytes = len(so_far)
        if piece := characters.decode(b"", final=True):
            yield piece

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

    def _generator(self, seed: int | None, sample: int) -> torch.Generator:
        generator = torch.Generator(self.device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed + sample)
        return generator

    def _new_bytes(self, prompt_ids: Sequence[int], new_ids: Sequence[int]) -> bytes:
        """Bytes of new tokens as they follow the prompt, which decides on a space between them."""
        whole = self.tokenizer.decode_bytes([*prompt_ids, *new_ids])
        return whole[len(self.tokenizer.decode_bytes(list(prompt_ids))) :]


def load(
    model: str | Path, *, device: torch.device | str = "auto", dtype: torch.dtype | None = None
) -> LanguageModel:
    """Load a model to use.

    Args:
        model: A model folder, a ``.ckpt`` of a training run, or an id of the Hugging Face hub such as
            ``gpt2``, ``openai-gpt`` or ``owner/name``.
        device: Where it computes; ``auto`` is the accelerator, if there is one.
        dtype: What it computes in; the stored type unless given.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If what is there is not a model, is damaged or is not implemented.
    """
    if device == "auto":
        device = torch.accelerator.current_accelerator() or torch.device("cpu")
    try:
        device = torch.device(device)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device {device!r} is not known; expected auto, cpu or cuda ({reason})") from None
    saved = read_model(model, dtype=dtype, device=device)
    tokenizer = load_tokenizer(saved.tokenizer) if _has_tokenizer(saved.tokenizer) else None
    try:
        return LanguageModel(build_decoder(saved.config, saved.state_dict), tokenizer)
    except ValueError as error:
        raise ValueError(f"{saved.source}: {error}") from None


def _has_tokenizer(place: Path | Mapping[str, str]) -> bool:
    if isinstance(place, Path):
        return any((place / name).is_file() for name in _TOKENIZER_FILES)
    return bool(place)
