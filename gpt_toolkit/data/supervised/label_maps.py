"""Label maps: from the labels in files to classes, choices and grades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from gpt_toolkit.batches import TaskSpec

LETTERS: Final = "ABCDEFGH"
"""Names of the answers of multiple choice, in files and in prompts."""


def label_text(label: object) -> str:
    """Return a label as text, the same for all file formats: JSON's true and pandas' 1.0 too."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()


@dataclass(frozen=True)
class LabelMap:
    """Targets by label.

    Args:
        classes: Class, or choice, by label; empty for grades.
        levels: Lowest and highest grade; None for classes.
        no_gold: Labels of examples without a gold label, which are skipped.
        not_public: Labels that mean, in published test files, that the label is not public.
        expected: The labels, for error messages.
        advice: What to do about another label, for error messages.
    """

    classes: Mapping[str, int]
    levels: tuple[float, float] | None = None
    no_gold: frozenset[str] = frozenset()
    not_public: frozenset[str] = frozenset()
    expected: str = ""
    advice: str = "if it is the name of a column, the line is a header: remove it, or set header"

    def is_label(self, text: str) -> bool:
        """Return whether a text of a file is a label."""
        text = text.strip()
        if self.levels is not None:
            return _grade(text) is not None
        return text in self.classes or text in self.no_gold

    def has_no_gold(self, label: object) -> bool:
        """Return whether an example with this label must be skipped."""
        return bool(self.no_gold) and label is not None and label_text(label) in self.no_gold

    def target(self, label: object, where: str, *, may_be_missing: bool) -> int | float | None:
        """Return the class, choice or grade of a label.

        Args:
            label: Label in the file; None if it has none.
            where: File and line, for error messages.
            may_be_missing: Whether examples of this split may have no label; their target is None.

        Raises:
            ValueError: If the label is missing or unknown.
        """
        text = "" if label is None else label_text(label)
        if not text or (may_be_missing and text in self.not_public):
            if may_be_missing:
                return None
            only_test = "only test files may lack labels"
            raise ValueError(f"{where}: no label; expected {self.expected}; {only_test}")
        if self.levels is None:
            target = self.classes.get(text)
            if target is not None:
                return target
        else:
            grade = _grade(text)
            if grade is not None and self.levels[0] <= grade <= self.levels[1]:
                return grade
        raise ValueError(f"{where}: label {text!r}; expected {self.expected}; {self.advice}")

    def of_head(self, ours: Sequence[str], head: TaskSpec) -> "LabelMap":
        """Return the map from the same labels to the outputs of a head, by the names of both.

        Args:
            ours: Names of the classes of this map.
            head: Dataset that the head was trained on.
        """
        advice = f"the head of {head.name} has not learned it: leave such examples out, or train with them"
        if head.kind == "graded":
            return replace(grade_labels(head.levels[0], head.levels[-1]), advice=advice)
        index = {name: i for i, name in enumerate(head.labels)}
        known = {label: index[ours[i]] for label, i in self.classes.items() if ours[i] in index}
        return replace(self, classes=known, expected=", ".join(head.labels), advice=advice)


def spec_labels(
    spec: TaskSpec,
    also: Mapping[str, int] | None = None,
    first_choice: int = 0,
) -> LabelMap:
    """Map labels to targets as the description of a dataset says.

    Args:
        spec: The dataset.
        also: Other names of classes that files use.
        first_choice: Number of the first choice.
    """
    if spec.kind == "multiple_choice":
        return choice_labels(spec.choices, first_choice)
    if spec.kind == "graded":
        return grade_labels(spec.levels[0], spec.levels[-1])
    return class_labels(spec.labels, also)


def class_labels(
    names: Sequence[str], also: Mapping[str, int] | None = None, *, by_index: bool = True
) -> LabelMap:
    """Map labels to classes by name, and by index if files may have either.

    Args:
        names: Names of the classes, in order.
        also: Other names that files use.
        by_index: Whether the number of a class, from 0, is another name of it.
    """
    classes = {str(i): i for i in range(len(names))} if by_index else {}
    if any(_grade(name) is not None for name in names):  # names that are numbers are not indices
        classes = {}
    classes |= {name: i for i, name in enumerate(names)} | dict(also or {})
    return LabelMap(classes, expected=", ".join(names))


def choice_labels(n_choices: int, first: int = 0) -> LabelMap:
    """Map labels to choices by letter and by number; numbers begin with ``first``."""
    classes = {str(first + i): i for i in range(n_choices)} | {LETTERS[i]: i for i in range(n_choices)}
    letters = f"{LETTERS[0]} to {LETTERS[n_choices - 1]}"
    return LabelMap(classes, expected=f"{first} to {first + n_choices - 1}, or {letters}")


def grade_labels(lowest: float, highest: float) -> LabelMap:
    """Map labels to grades between two levels, both included."""
    return LabelMap({}, (lowest, highest), expected=f"a number from {lowest:g} to {highest:g}")


def _grade(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
