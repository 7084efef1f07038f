"""What a labelled row is, and what is known of a task before any of its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple


class Labelled(NamedTuple):
    """A labelled row.

    Attributes:
        texts: One text (classification), two (entailment, similarity, graded), or context, question ("" where
            there is none) and the answers (multiple choice).
        target: Index of the class, index of the right answer, or a grade from 0 to 5.
        genre: What kind of text the premise is, for entailment.
    """

    texts: tuple[str, ...]
    target: int | float
    genre: str = ""


@dataclass(frozen=True)
class LabelledTask:
    """A task of GPT-1's Table 1, in small.

    Args:
        name: What it is called by.
        kind: How its rows are to be read.
        labels: Names of the classes, by index; empty for multiple choice and for grades.
        metric: What the published set is scored by.
        twin: The published set that it stands for.
        draw: Makes a row of one of ``splits``; all that is left to chance comes from the generator.
        splits: The splits that it has.
    """

    name: str
    kind: Literal["classification", "entailment", "similarity", "graded", "multiple_choice"]
    labels: tuple[str, ...]
    metric: Literal["matthews", "accuracy", "f1", "pearson"]
    twin: str
    draw: Callable[[Random, str], Labelled]
    splits: tuple[str, ...] = ("train", "validation", "test")
