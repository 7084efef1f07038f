"""What every supervised set gives: its description and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from gpt_toolkit.batches import TaskSpec


class Example(NamedTuple):
    """One labelled row.

    Attributes:
        texts: By kind: ``(text,)`` or ``(premise, hypothesis)`` for classification; ``(a, b)`` for similarity
            and graded; ``(document, question or "", *answers)`` for multiple choice; ``(input,)`` for text.
        target: Class, choice or grade; None where the row has none, as in unlabelled test files.
        row: Its number in the split, counted from 0.
        part: Name of the part of the set that it belongs to, of ``TaskSpec.parts``; "" for none.
        references: Answers that count as right, for text; the first is learned.
    """

    texts: tuple[str, ...]
    target: int | float | None
    row: int
    part: str = ""
    references: tuple[str, ...] = ()


class SupervisedSet(Protocol):
    """A labelled set, wherever its rows come from. Nothing is read before it is asked for."""

    @property
    def spec(self) -> TaskSpec:
        """Kind, labels and metrics."""

    @property
    def title(self) -> str:
        """What it is and where it lies, for messages."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of ``train``, ``val`` and ``test`` that there are."""

    @property
    def prompt(self) -> str:
        """What stands between input and answer, for text; "" leaves it to the templates."""

    def identity(self, split: str) -> str:
        """Names the content of a split: equal for equal rows, another for others."""

    def examples(self, split: str) -> Iterator[Example]:
        """The rows of a split, in their order, read as a stream.

        Raises:
            ValueError: If a row is not as expected, naming file, row, what was found and what to do.
        """

    def remarks(self, split: str) -> list[str]:
        """What a user should know of the rows read, such as a size that is not the published one."""
