"""Labels of a custom dataset: listed in its options, or inferred from its examples."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor
from typing import Any, Final, NamedTuple

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.dataset import Source
from gpt_toolkit.data.supervised.infer_columns import Columns
from gpt_toolkit.data.supervised.label_maps import (
    LETTERS,
    LabelMap,
    choice_labels,
    class_labels,
    grade_labels,
    label_text,
)
from gpt_toolkit.records import raise_error

_MAX_CLASSES: Final = 1_000  # tuned here: a column of more values holds no label
_MAX_LEVELS: Final = 20  # tuned here: largest number of outputs of a graded head that is inferred


class Labels(NamedTuple):
    """Labels of a dataset.

    Attributes:
        kind: Kind of the dataset; two texts with fractions for labels are graded.
        names: Names of the classes or levels; empty for other kinds.
        targets: Targets by label.
        inferred: What was inferred, for the user; "" if the labels were given.
    """

    kind: Kind
    names: tuple[str, ...]
    targets: LabelMap
    inferred: str = ""


def infer_labels(options: Mapping[str, Any], columns: Columns, source: Source, title: str) -> Labels:
    """Determine the labels of a dataset.

    Args:
        options: Options of the dataset; ``labels`` and ``kind`` are read here.
        columns: Its columns.
        source: Examples from which labels are inferred if they are not given.
        title: The dataset, for messages.

    Raises:
        ValueError: If the labels do not fit the kind.
    """
    given = tuple(label_text(label) for label in options.get("labels", ()))
    if len(set(given)) < len(given):
        raise ValueError(f"{title}: labels names one twice: {', '.join(given)}")
    kind = columns.kind
    if kind == "text":
        return Labels(kind, (), class_labels(()))
    if kind == "multiple_choice":
        return _choices(given, columns.choices, source, title)
    if given:
        return Labels(kind, given, _given_grades(given, title) if kind == "graded" else class_labels(given))
    found = _read_labels(source, title, without_header=bool(columns.schema.columns))
    numbers = _as_numbers(found)
    has_fractions = numbers is not None and any(not number.is_integer() for number in numbers)
    if kind == "graded" or (has_fractions and len(columns.schema.texts) == 2 and "kind" not in options):
        return _grades(found, numbers, title)
    if has_fractions:
        raise ValueError(
            f"{title}: labels such as {sorted(found)[0]!r} are fractions, not classes. Graded datasets "
            "compare two texts: give text_a and text_b, and kind: graded"
        )
    names = tuple(sorted(found) if numbers is None else sorted(found, key=float))
    if len(names) < 2:
        raise ValueError(f"{title}: all examples have the label {names[0]!r}; there is nothing to learn")
    return Labels(kind, names, class_labels(names), f"labels found, in this order: {', '.join(names)}")


def _read_labels(source: Source, title: str, *, without_header: bool = False) -> set[str]:
    """Read the different labels of all examples.

    Raises:
        ValueError: If an example has no label, or the column does not look like labels.
    """
    found: set[str] = set()
    first, first_where, first_is_repeated = "", "", False
    for example in source.examples(raise_error):
        if example.target is None or (label := label_text(example.target)) == "":
            raise ValueError(f"{example.where} has no label. Every training example needs one")
        if not found:
            first, first_where = label, example.where
        else:
            first_is_repeated = first_is_repeated or label == first
        found.add(label)
        if len(found) > _MAX_CLASSES and _as_numbers({label}) is None:
            raise ValueError(
                f"{title}: the label column has more than {_MAX_CLASSES:,} different values, such as "
                f"{label[:40]!r}. Name the column of the label with label: NAME"
            )
    if not found:
        raise ValueError(f"{title} has a header but no examples")
    if without_header and not first_is_repeated and len(found) > 2:
        raise ValueError(
            f"{first_where}: no other example has the label {first!r}: it looks like a header, and header is "
            "false. Leave header out, or give the labels"
        )
    return found


def _choices(given: Sequence[str], n_choices: int, source: Source, title: str) -> Labels:
    if given:
        if len(given) != n_choices:
            raise ValueError(
                f"{title}: {len(given)} labels for {n_choices} answers; give one for each answer, in order"
            )
        targets = LabelMap({label: i for i, label in enumerate(given)}, expected=", ".join(given))
        return Labels("multiple_choice", (), targets)
    found = _read_labels(source, title)
    if found <= {str(i) for i in range(1, n_choices + 1)} and str(n_choices) in found:
        return Labels("multiple_choice", (), choice_labels(n_choices, first=1), "answers are counted from 1")
    counted = "by letter" if found <= set(LETTERS) else "from 0"
    return Labels("multiple_choice", (), choice_labels(n_choices), f"answers are counted {counted}")


def _grades(found: set[str], numbers: list[float] | None, title: str) -> Labels:
    if numbers is None:
        raise ValueError(f"{title}: graded labels are numbers, found {', '.join(sorted(found)[:5])}")
    low, high = floor(numbers[0]), ceil(numbers[-1])
    if not 1 <= high - low < _MAX_LEVELS:
        raise ValueError(
            f"{title}: grades from {low} to {high} are not a sensible scale. Give its levels, as in "
            "labels: [0, 1, 2]"
        )
    levels = tuple(str(level) for level in range(low, high + 1))
    return Labels("graded", levels, grade_labels(low, high), f"graded from {low} to {high}, the range found")


def _given_grades(given: Sequence[str], title: str) -> LabelMap:
    numbers = _as_numbers(given)
    if numbers is None or len(given) < 2 or [float(label) for label in given] != numbers:
        raise ValueError(
            f"{title}: the levels of a graded dataset are numbers, the lowest first; got {', '.join(given)}"
        )
    return grade_labels(numbers[0], numbers[-1])


def _as_numbers(labels: Iterable[str]) -> list[float] | None:
    """Return the labels as numbers, sorted; None if one is not a number."""
    try:
        return sorted(map(float, labels))
    except ValueError:
        return None
