"""Minimal pairs: which of two sentences a language model finds likelier, as in BLiMP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gpt_toolkit import intervals
from gpt_toolkit.generation.language_model import LanguageModel


class PairScore(NamedTuple):
    """Score of a minimal pair.

    Attributes:
        good: The acceptable sentence.
        bad: The other one.
        good_bits: -log2 of the probability of the acceptable sentence.
        bad_bits: The same of the other one.
    """

    good: str
    bad: str
    good_bits: float
    bad_bits: float

    @property
    def is_right(self) -> bool:
        """True if the acceptable sentence is the likelier one; of equals, neither is."""
        return self.good_bits < self.bad_bits


def score_pairs(model: LanguageModel, pairs: Sequence[tuple[str, str]]) -> list[PairScore]:
    """Score pairs of an acceptable sentence and another one, each whole and after the end-of-text token."""
    scored = model.surprisal([text for pair in pairs for text in pair], by="text")
    bits = [text.bits for [text] in scored]
    return [PairScore(*pair, bits[2 * i], bits[2 * i + 1]) for i, pair in enumerate(pairs)]


def describe_pairs(n_right: int, n: int) -> str:
    """Return a line with the accuracy, its 95% interval (Wilson) and the number of pairs."""
    accuracy = n_right / n
    return f"accuracy {accuracy:.4f} +- {intervals.wilson(accuracy, n):.4f} ({n_right:,} of {n:,} pairs)"
