"""How far a rule that reads nothing would find a word: by taking the last candidate, or the most frequent."""

from collections.abc import Container, Sequence
from typing import NamedTuple


class Standing(NamedTuple):
    """Where a word stands among the candidates of a text."""

    recency: int  # 0: the last candidate that was named; the highest rank stands for all earlier ones
    is_most_frequent: bool


def standing(word: str, named: Sequence[str], excluded: Container[str], ranks: int) -> Standing | None:
    """Where a word stands among the candidates that its own sentence leaves.

    Args:
        word: The word to be found.
        named: All candidates before its sentence, in order and with repetitions.
        excluded: The candidates that its sentence names itself, which are hardly ever the word.
        ranks: How many ranks of recency to tell apart.

    Returns:
        None if the word is not named before, or is the only candidate left.
    """
    left = [candidate for candidate in named if candidate not in excluded]
    recent = list(dict.fromkeys(reversed(left)))
    if len(recent) < 2 or word not in recent:
        return None
    return Standing(min(recent.index(word), ranks - 1), max(recent, key=left.count) == word)
