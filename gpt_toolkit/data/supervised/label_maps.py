"""Label maps: from the labels in files to classes, choices and grades."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan
from typing import Final

from gpt_toolkit.batches import TaskSpec

LETTERS: Final = "ABCDEFGH"
"""Names of the answers of multiple choice, in files and in prompts."""

_WHOLE_NUMBER: Final = re.compile(r"([+-]?)(0|[1-9][0-9]*)(?:\.0*)?")
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]\.[0-9]+[eE][+-][0-9]+")


def label_text(label: object) -> str | None:
    """Return a label as text, the same from all file formats and spellings; None if it is missing.

    ``True`` and ``true`` are one label, as are ``1``, ``1.0``, ``+1`` and ``1.000e+00``. An empty cell, null
    and NaN of the file format are missing; texts such as ``nan`` and ``None`` are labels.
    """
    if label is None or (isinstance(label, float) and isnan(label)):
        return None
    text = str(label).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    if whole := _WHOLE_NUMBER.fullmatch(text):
        return whole[2] if whole[1] in ("", "+") or whole[2] == "0" else f"-{whole[2]}"
    if _SCIENTIFIC.fullmatch(text) and (number := float(text)).is_integer():
        return str(int(number))
    return text or None


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
        text = label_text(label)
        if text is None or (may_be_missing and text in self.not_public):
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
