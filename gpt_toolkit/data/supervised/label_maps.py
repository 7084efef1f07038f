"""What the labels of a file stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

NO_GOLD: Final = frozenset({"-", "-1"})
"""How SNLI's files say that the annotators agreed on no label, and how the hub says that a row has none."""

LETTERS: Final = "ABCDEFGH"


def as_text(label: object) -> str:
    """A label as text, the same from every file format: true and 1.0 are those of JSON and pandas."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()


@dataclass(frozen=True)
class Targets:
    """Looks labels up.

    Args:
        classes: Class, or choice, by label; empty for grades.
        levels: Lowest and highest grade; None for classes.
        without: Labels of rows that have no gold label and are left out.
        expected: The labels that there are, for messages.
    """

    classes: Mapping[str, int]
    levels: tuple[float, float] | None = None
    without: frozenset[str] = frozenset()
    expected: str = ""

    def known(self, label: str) -> bool:
        """Whether a text is a label."""
        label = label.strip()
        if self.levels is not None:
            return _grade(label) is not None
        return label in self.classes or label in self.without

    def has_no_gold(self, label: object) -> bool:
        """Whether a row with this label is to be left out."""
        return bool(self.without) and as_text(label) in self.without

    def of(self, label: object, where: str, *, unlabelled: bool) -> int | float | None:
        """Class, choice or grade.

        Args:
            label: What the file has; None where it has no such column.
            where: File and line.
            unlabelled: Whether rows of this split may have no label; their target is None.

        Raises:
            ValueError: If the label is none of the set's.
        """
        text = as_text(label)
        if label is None or (unlabelled and text == "-1"):
            if unlabelled:
                return None
            raise ValueError(
                f"{where} has no label, expected {self.expected}. Only test files may lack labels."
            )
        if self.levels is None:
            target = self.classes.get(text)
            if target is not None:
                return target
        else:
            grade = _grade(text)
            if grade is not None and self.levels[0] <= grade <= self.levels[1]:
                return grade
        raise ValueError(
            f"{where}: label {text!r} is not one of the set's, expected {self.expected}. A first row that "
            "holds the "
            "names of the columns is a header: remove it, or say that there is one."
        )


def class_targets(
    labels: Sequence[str], also: Mapping[str, int] | None = None, without: frozenset[str] = frozenset()
) -> Targets:
    """Classes by name and by index, as files have either.

    Args:
        labels: Their names, in order.
        also: Other names that files use.
        without: Labels of rows to be left out.
    """
    classes = {str(i): i for i in range(len(labels))}
    if any(name in classes for name in labels):  # labels that are numbers stand for themselves alone
        classes = {}
    classes |= {name: i for i, name in enumerate(labels)} | dict(also or {})
    return Targets(classes, without=without, expected=", ".join(labels))


def choice_targets(n_choices: int, first: int = 0) -> Targets:
    """Choices by letter and by number, from ``first`` on."""
    classes = {str(first + i): i for i in range(n_choices)} | {LETTERS[i]: i for i in range(n_choices)}
    letters = f"{LETTERS[0]} to {LETTERS[n_choices - 1]}"
    return Targets(classes, expected=f"{first} to {first + n_choices - 1}, or {letters}")


def grade_targets(lowest: float, highest: float) -> Targets:
    """Grades between two levels, both included."""
    return Targets({}, (lowest, highest), expected=f"a number from {lowest:g} to {highest:g}")


def _grade(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
