"""Random choices that are the same in every version of Python."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


class Chooser:
    """Random choices for one text.

    Args:
        rng: Generator of all choices. Only its ``random()`` is used, because its other methods may change
            between versions of Python.
    """

    def __init__(self, rng: Random) -> None:
        self.random = rng.random

    def below(self, bound: int) -> int:
        """Return a number from 0 to ``bound - 1``."""
        return int(self.random() * bound)

    def pick(self, options: Sequence[Choice]) -> Choice:
        """Return one of ``options``."""
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def phrase(self, phrases: str | Sequence[str], **slots: str) -> str:
        """Return a phrase, or one of several, with its slots filled."""
        return (phrases if isinstance(phrases, str) else self.pick(phrases)).format_map(slots)

    def shuffled(self, options: Iterable[Choice]) -> list[Choice]:
        """Return all of ``options`` in random order."""
        rest = list(options)
        for last in range(len(rest) - 1, 0, -1):
            other = int(self.random() * (last + 1))
            rest[last], rest[other] = rest[other], rest[last]
        return rest
