"""Prompts in, text out: what the tokens of an answer say, as they come, and where it ends."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.generation.decoding import generate_steps
from gpt_toolkit.generation.sampling import Sampling
from gpt_toolkit.tokenizers import Tokenizer

Ended: TypeAlias = Literal["end_of_text", "stop", "length"]
"""Why an answer ended: by its own token, before a stop string, or at ``max_new_tokens``."""


@dataclass(frozen=True)
class Written:
    """An answer.

    Attributes:
        text: What follows the prompt, without end-of-text token and stop string.
        n_tokens: Tokens that were made for it.
        ended: Why it ended.
        slid: Whether prompt and answer were longer than the context, so that the end of the answer was made
            without the beginning in view.
    """

    text: str
    n_tokens: int
    ended: Ended
    slid: bool


class Answer:
    """The text of one sequence's tokens; each token is decoded once.

    A character whose bytes span several tokens comes with the last of them. What may be the beginning of a
    stop string is held back until it is known. Where the tokenizer ends each word in a blank (GPT-1's
    ``</w>``), the blank comes before the next word instead, so the first word of an answer brings one.

    Args:
        tokenizer: The model's.
        prompt: The text before.
        stop: Texts before which the answer ends: the first of them to be complete. They are searched for in
            the answer alone.

    Attributes:
        prompt_ids: Tokens of the prompt; the end-of-text token for an empty one.
        n_tokens: Tokens of the answer so far.
        ended: Why it ended; None as long as it has not.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: str, stop: Sequence[str] = ()) -> None:
        if "" in stop:
            raise ValueError("a stop string is empty; give at least one character, or no stop string")
        self._tokenizer, self._stop = tokenizer, stop
        self.prompt_ids = list(tokenizer.encode(prompt)) or [tokenizer.end_of_text]
        self.n_tokens = 0
        self.ended: Ended | None = None
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        _, blank = self._word(self.prompt_ids[-1])
        self._blank = b"" if prompt[-1:].isspace() else blank

    def add(self, token: int) -> str:
        """The text that is certain with one more token."""
        self.n_tokens += 1
        if token == self._tokenizer.end_of_text:
            rest = self._finish()
            self.ended = self.ended or "end_of_text"  # a stop string may have come to light
            return rest
        piece, blank = self._word(token)
        piece, self._blank = self._blank + piece, blank
        return self._certain(self._characters.decode(piece))

    def end(self) -> str:
        """The rest of the text, when there are no more tokens."""
        if self.ended is not None:
            return ""
        rest = self._finish()
        self.ended = self.ended or "length"
        return rest

    def _word(self, token: int) -> tuple[bytes, bytes]:
        """Bytes of a token, and the blank that ends its word where the tokenizer has such."""
        piece = self._tokenizer.decode_bytes([token])
        if piece.endswith(b" ") and not self._tokenizer.decode([token]).endswith(" "):
            return piece[:-1], b" "
        return piece, b""

    def _finish(self) -> str:
        text = self._certain(self._characters.decode(b"", final=True))
        text, self._held = text + self._held, ""
        return text

    def _certain(self, new: str) -> str:
        """Of what is held back and what is new, that which no stop string can take away."""
        text = self._held + new
        found = [(start + len(stop), start) for stop in self._stop if (start := text.find(stop)) >= 0]
        if found:
            self.ended, self._held = "stop", ""
            return text[: min(found)[1]]
        begun = max((_overlap(text, stop) for stop in self._stop), default=0)
        certain, self._held = text[: len(text) - begun], text[len(text) - begun :]
        return certain


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of a text with which a stop string begins, short of the whole of it."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if stop.startswith(text[-n:])), 0)


def write(
    decoder: Decoder,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seeds: Sequence[int | None],
    stop: Sequence[str] = (),
) -> list[Written]:
    """Continue each prompt until its end-of-text token, a stop string or ``max_new_tokens``.

    Args:
        decoder: See :func:`~gpt_toolkit.generation.generate`.
        tokenizer: The one whose ids the decoder was trained on.
        prompts: Read side by side; an empty one starts from the end-of-text token.
        max_new_tokens: Tokens to add at most.
        sampling: How tokens are drawn.
        seeds: Of each prompt's draws; None for others each time.
        stop: Texts before which an answer ends.

    Returns:
        The answer to each prompt, the one that it gets alone.

    Raises:
        ValueError: If a value is out of range or a prompt is longer than the context.
    """
    answers = [Answer(tokenizer, prompt, stop) for prompt in prompts]
    texts = ["" for _ in answers]
    for tokens in _steps(decoder, tokenizer, answers, max_new_tokens, sampling, seeds):
        for row, answer in enumerate(answers):
            if answer.ended is None:
                texts[row] += answer.add(tokens[row])
        if all(answer.ended for answer in answers):
            break
    n_ctx = decoder.config.n_ctx
    written = []
    for text, answer in zip(texts, answers, strict=True):
        text += answer.end()
        slid = len(answer.prompt_ids) + answer.n_tokens - 1 > n_ctx  # the last token is not read
        written.append(Written(text, answer.n_tokens, answer.ended or "length", slid))
    return written


def write_pieces(
    decoder: Decoder,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int | None,
    stop: Sequence[str] = (),
) -> Generator[str, None, None]:
    """The text of :func:`write` in pieces, as they are made; closing the iterator stops the work."""
    answer = Answer(tokenizer, prompt, stop)
    for tokens in _steps(decoder, tokenizer, [answer], max_new_tokens, sampling, [seed]):
        if piece := answer.add(tokens[0]):
            yield piece
        if answer.ended:
            return
    if piece := answer.end():
        yield piece


def _steps(
    decoder: Decoder,
    tokenizer: Tokenizer,
    answers: Sequence[Answer],
    max_new_tokens: int,
    sampling: Sampling,
    seeds: Sequence[int | None],
) -> Generator[list[int], None, None]:
    return generate_steps(
        decoder,
        [answer.prompt_ids for answer in answers],
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        vocab_size=tokenizer.vocab_size,
        generator=[_generator(seed, decoder.wte.weight.device) for seed in seeds],
    )


def _generator(seed: int | None, device: torch.device) -> torch.Generator:
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
