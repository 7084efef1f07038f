"""Labels of one's own set: as told, else those that its rows have."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any, Final

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.dataset import Source
from gpt_toolkit.data.supervised.infer_columns import Columns
from gpt_toolkit.data.supervised.label_maps import (
    LETTERS,
    Targets,
    as_text,
    choice_targets,
    class_targets,
    grade_targets,
)
from gpt_toolkit.data.supervised.record_readers import refuse

_MAX_CLASSES: Final = 1_000  # ours: a column of more different values is no label
_MAX_LEVELS: Final = 20  # ours: as many outputs as a graded head gets without being asked


def labels_of(
    options: Mapping[str, Any], columns: Columns, source: Source, title: str
) -> tuple[Kind, tuple[str, ...], Targets, str]:
    """What a set's labels are.

    Args:
        options: What the user said; ``labels`` is read here.
        columns: The set's columns.
        source: Rows to look for labels in, where they are not given.
        title: The set, for messages.

    Returns:
        The kind (two texts with fractions for labels are graded), names of classes or levels, what labels
        stand for, and in words what was found.

    Raises:
        ValueError: If the labels found or given make no sense for the kind.
    """
    given = tuple(as_text(label) for label in options.get("labels", ()))
    if len(set(given)) < len(given):
        raise ValueError(f"{title}: labels names one twice: {', '.join(given)}.")
    kind = columns.kind
    if kind == "text":
        return kind, (), class_targets(()), ""
    if kind == "multiple_choice":
        return kind, (), *_choices(given, columns.choices, source, title)
    if given:
        return kind, given, _graded(given, title) if kind == "graded" else class_targets(given), ""
    found = _values(source, title, without_header=bool(columns.form.columns))
    numbers = _numbers(found)
    fractions = numbers is not None and any(not number.is_integer() for number in numbers)
    if fractions and len(columns.form.needs) == 2 and "kind" not in options:
        kind = "graded"
    if kind == "graded":
        if numbers is None:
            raise ValueError(f"{title}: graded labels are numbers, found {', '.join(sorted(found)[:5])}.")
        low, high = floor(min(numbers)), ceil(max(numbers))
        if not 1 <= high - low < _MAX_LEVELS:
            raise ValueError(
                f"{title}: grades from {low} to {high} are no sensible scale. Give its levels, as in labels: "
                "[0, 1, 2]."
            )
        levels = tuple(str(level) for level in range(low, high + 1))
        return kind, levels, grade_targets(low, high), f"graded from {low} to {high}, the range found"
    if fractions:
        raise ValueError(
            f"{title}: labels such as {sorted(found)[0]!r} are fractions, which are no classes. Graded sets "
            "compare "
            "two texts: give text_a and text_b, and kind: graded."
        )
    labels = tuple(sorted(found) if numbers is None else sorted(found, key=float))
    if len(labels) < 2:
        raise ValueError(f"{title}: all rows have the label {labels[0]!r}; there is nothing to learn.")
    return kind, labels, class_targets(labels), f"labels found, in this order: {', '.join(labels)}"


def _values(source: Source, title: str, *, without_header: bool = False) -> set[str]:
    found: set[str] = set()
    first, first_where, again = "", "", False
    for raw in source.rows(refuse):
        if raw.label is None or (text := as_text(raw.label)) == "":
            raise ValueError(f"{raw.where} has no label. Every row for training needs one.")
        if not found:
            first, first_where = text, raw.where
        else:
            again = again or text == first
        found.add(text)
        if len(found) > _MAX_CLASSES and _numbers({text}) is None:
            raise ValueError(
                f"{title}: the label column has more than {_MAX_CLASSES:,} different values, such as "
                f"{text[:40]!r}. "
                "Say which column holds the label with label: NAME."
            )
    if not found:
        raise ValueError(f"{title} has a header but no rows.")
    if without_header and not again and len(found) > 2:
        raise ValueError(
            f"{first_where}: label {first!r} stands in no other row: it looks like a header, and header is "
            "false. Leave header out, or give the labels."
        )
    return found


def _choices(given: Sequence[str], n_choices: int, source: Source, title: str) -> tuple[Targets, str]:
    if given:
        if len(given) != n_choices:
            raise ValueError(
                f"{title}: {len(given)} labels for {n_choices} answers; give one an answer, in order."
            )
        return Targets({label: i for i, label in enumerate(given)}, expected=", ".join(given)), ""
    found = _values(source, title)
    if found <= {str(i) for i in range(1, n_choices + 1)} and str(n_choices) in found:
        return choice_targets(n_choices, first=1), "answers are counted from 1"
    counted = "by letter" if found <= set(LETTERS) else "from 0"
    return choice_targets(n_choices), f"answers are counted {counted}"


def _graded(given: Sequence[str], title: str) -> Targets:
    numbers = _numbers(set(given))
    if numbers is None or len(given) < 2 or [float(label) for label in given] != numbers:
        raise ValueError(
            f"{title}: the levels of a graded set are numbers, the lowest first; got {', '.join(given)}."
        )
    return grade_targets(numbers[0], numbers[-1])


def _numbers(labels: set[str]) -> list[float] | None:
    """The labels as numbers, sorted; None if one is none."""
    try:
        return sorted(map(float, labels))
    except ValueError:
        return None
