"""Surprisal of words and tokens: -log2 of the probability of each, given all before it.

Rule for spaces: the whitespace before a word counts to the word, as in GPT-2's tokens. GPT-1's tokens hold no
spaces, but the end of a word, which counts to it. A text begins after the end-of-text token, without a space.
The bits of the words of a text add up to those of the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from gpt_toolkit.generation.requests import RunningText
from gpt_toolkit.generation.scorer import Scorer

_WORD = re.compile(r"[\t\n\r \u3000]*[^\t\n\r \u3000]+")  # whitespace of tokenizers.loading.safe_cut


class Surprisal(NamedTuple):
    """Surprisal of a word or a token.

    Attributes:
        text: The word without the whitespace before it; of a token, its text as it is.
        bits: -log2 of its probability.
        n_tokens: Number of its tokens.
    """

    text: str
    bits: float
    n_tokens: int


def text_surprisals(scorer: Scorer, texts: Sequence[str]) -> list[list[Surprisal]]:
    """Compute the bits of whole texts; the list of each holds the text alone."""
    ids = [scorer.tokenizer.encode(text) for text in texts]
    return [
        [Surprisal(text, math.fsum(bits), len(bits))]
        for text, bits in zip(texts, _bits(scorer, ids), strict=True)
    ]


def token_surprisals(scorer: Scorer, texts: Sequence[str]) -> list[list[Surprisal]]:
    """Compute the bits of each token of texts; a long text is read in windows that move by half a context."""
    tokenizer = scorer.tokenizer
    ids = [tokenizer.encode(text) for text in texts]
    return [
        [
            Surprisal(tokenizer.decode_bytes([token]).decode(errors="replace"), bits, 1)
            for token, bits in zip(tokens, of_text, strict=True)
        ]
        for tokens, of_text in zip(ids, _bits(scorer, ids), strict=True)
    ]


def word_surprisals(scorer: Scorer, texts: Sequence[str]) -> list[list[Surprisal]]:
    """Compute the bits of each word of texts; whitespace at the end of a text is dropped.

    Raises:
        ValueError: If a token belongs to two words.
    """
    words = [_WORD.findall(text) for text in texts]
    ids = [
        [scorer.tokenizer.encode_chunk(word, first=i == 0).tolist() for i, word in enumerate(one)]
        for one in words
    ]
    joined = [[token for word in one for token in word] for one in ids]
    for one, tokens in zip(words, joined, strict=True):
        if tokens != scorer.tokenizer.encode("".join(one)):
            raise ValueError(
                f"text {''.join(one)[:40]!r}: a token of {scorer.tokenizer.name} belongs to two words; "
                "expected tokens that end where words do; use --by token"
            )
    found = []
    for one, tokens_of, bits in zip(words, ids, _bits(scorer, joined), strict=True):
        remaining = iter(bits)
        found.append(
            [
                Surprisal(word.strip(), math.fsum(next(remaining) for _ in tokens), len(tokens))
                for word, tokens in zip(one, tokens_of, strict=True)
            ]
        )
    return found


def _bits(scorer: Scorer, texts: Sequence[Sequence[int]]) -> list[list[float]]:
    n_ctx, end_of_text = scorer.decoder.config.n_ctx, scorer.tokenizer.end_of_text
    requests = [RunningText((end_of_text, *ids), n_ctx, max(1, n_ctx // 2)) for ids in texts]
    return [[-value / math.log(2) for value in one] for one in scorer.token_log_probabilities(requests)]
