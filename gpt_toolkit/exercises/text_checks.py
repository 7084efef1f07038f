"""Comparisons of exercises about text and token ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from gpt_toolkit.analysis.ngram_overlap import fingerprints
from gpt_toolkit.data.supervised.input_transforms import SpecialTokens, transform
from gpt_toolkit.exercises.grading import Comparison, Function
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.bpe_table import CHARACTER_TO_BYTE

SENTENCE = "the miller lower Caspar Juniper could not be found hurriedly banana aaaaaa naïve 1847 ?!"

TEST = "It was late. The mill-wheel turned; the mill wheel TURNED, and it was late again in the 2nd mill"
TRAIN = "the mill wheel turned slowly: it was late again, it was late. The mill wheel turned and stopped"


def input_sequences(answer: Function) -> Iterator[Comparison]:
    """Compare sequences with those of the toolkit's data pipeline."""
    tokens = SpecialTokens.after(40)
    examples: list[tuple[Any, list[list[int]]]] = [
        ("classification", [[3, 1, 4]]),
        ("entailment", [[1, 5], [9, 2, 6]]),
        ("similarity", [[5, 3], [5]]),
        ("multiple_choice", [[8, 9, 7], [9, 3], [2], [3, 8]]),
        ("multiple_choice", [[4, 6], [], [2, 6], [4], [3, 3]]),
    ]
    for kind, texts in examples:
        given = answer(kind, texts, tokens.start, tokens.delimiter, tokens.extract)
        # a classification dataset of two texts is GPT-1's entailment
        pipeline = transform(
            "classification" if kind == "entailment" else kind, tokens, [np.array(t) for t in texts]
        )
        yield f"{kind} of {texts}", given, [[int(i) for i in ids] for ids in pipeline]


def merge_bytes(answer: Function) -> Iterator[Comparison]:
    """Compare pieces with those of a byte-level tokenizer with the same merges."""
    ranks = {(b"l", b"o"): 0, (b"lo", b"w"): 1, (b"e", b"r"): 2}
    yield "pieces of b'lower'", answer(b"lower", ranks), [b"low", b"er"]
    tokenizer = load_tokenizer("storyworld")
    merges = json.loads(tokenizer.files()["tokenizer.json"])["model"]["merges"]
    ranks = {(_bytes(left), _bytes(right)): rank for rank, (left, right) in enumerate(map(str.split, merges))}
    for word in SENTENCE.split():
        for text in (word, f" {word}"):
            expected = [tokenizer.decode_bytes([i]) for i in tokenizer.encode(text)]
            yield f"pieces of {text.encode()!r}", answer(text.encode(), ranks), expected


def _bytes(piece: str) -> bytes:
    return bytes(CHARACTER_TO_BYTE[character] for character in piece)


def ngram_fraction(answer: Function) -> Iterator[Comparison]:
    """Compare fractions with those of the toolkit's overlap report."""
    yield (
        'ngram_fraction("It rained. It rained", "so it RAINED", 2)',
        *_fractions(answer, "It rained. It rained", "so it RAINED", 2),
    )
    for n in (1, 2, 3, 8, 50):
        yield f"fraction of {n}-grams of a text", *_fractions(answer, TEST, TRAIN, n)
    story = f"{TEST} {TRAIN} {TEST}"
    yield "fraction of 8-grams of a longer text", *_fractions(answer, story, TEST, 8)


def _fractions(answer: Function, test: str, train: str, n: int) -> tuple[Any, float]:
    wanted, known = fingerprints(test, n), fingerprints(train, n)
    return answer(test, train, n), float(np.isin(wanted, known).mean()) if len(wanted) else 0.0
