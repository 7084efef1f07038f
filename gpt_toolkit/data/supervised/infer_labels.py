"""Labels of a custom dataset: given by its options, or found in its examples."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, inf, isfinite
from typing import Any, Final, NamedTuple

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.dataset import Source
from gpt_toolkit.data.supervised.infer_schema import Columns, yaml_spellings
from gpt_toolkit.data.supervised.label_maps import (
    LETTERS,
    LabelMap,
    choice_labels,
    class_labels,
    grade_labels,
    label_text,
)
from gpt_toolkit.records import excerpt, raise_error

_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MISSING_WORDS: Final = {
    "nan",
    "none",
    "null",
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nil",
    "nat",
    "?",
    "-",
    "missing",
}
"""Words for a missing value, which are labels here; among numbers, one is a mistake."""

_MAX_CLASSES: Final = 1_000  # tuned here: a column of more values holds no label
_MAX_LEVELS: Final = 20  # tuned here: largest number of outputs of a graded head that is inferred
_REPEATS: Final = 4  # tuned here: with so many examples of each text, a match with labels is not chance


class Labels(NamedTuple):
    """Labels of a dataset.

    Attributes:
        kind: Kind of the dataset; texts with fractions for labels are graded.
        names: Names of the classes, choices or levels; empty for text, and for examples without labels.
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
        ValueError: If the labels do not fit the kind, or an unnamed text determines the label.
    """
    kind = columns.kind
    if kind == "text":
        return Labels(kind, (), class_labels(()))
    given = _given(options.get("labels", ()), columns, source, title)
    if not given and not columns.schema.label:
        return Labels(kind, (), class_labels(()))
    found = {} if given and not columns.second_text else _read_labels(columns, source, title)
    if kind == "multiple_choice":
        return _choices(given, columns.choices, found, title)
    if given:
        return Labels(kind, given, _given_grades(given, title) if kind == "graded" else class_labels(given))
    numbers = _as_numbers(found)
    if numbers is None:
        _refuse_odd(found, title)
    has_fractions = numbers is not None and any(not number.is_integer() for number in numbers)
    if kind == "graded" or (has_fractions and "kind" not in options):
        return _grades(found, numbers, title)
    if has_fractions:
        raise ValueError(
            f"{title}: labels such as {min(found)!r} for kind {kind}; expected classes; for fractions give "
            "kind: graded"
        )
    names = tuple(sorted(found) if numbers is None else sorted(found, key=float))
    if len(names) < 2:
        raise ValueError(f"{title}: one label {names[0]!r} for all examples; expected at least two")
    if len(names) > _MAX_CLASSES:
        raise _too_many(title, names[0])
    targets = class_labels(names, by_index=False)
    return Labels(kind, names, targets, f"labels found, in this order: {', '.join(names)}")


def trained_labels(spec: TaskSpec) -> Labels:
    """Return the labels that a trained model knows, for files that need not have any."""
    if spec.kind == "graded":
        targets = grade_labels(spec.levels[0], spec.levels[-1])
    elif spec.kind == "multiple_choice" and not spec.labels:
        targets = choice_labels(spec.choices)
    else:
        targets = class_labels(spec.labels, by_index=False)
    return Labels(spec.kind, spec.labels, targets)


def _given(labels: object, columns: Columns, source: Source, title: str) -> tuple[str, ...]:
    """Return the labels that options give, with the file's spelling of what YAML reads as a boolean."""
    names: list[str] = []
    for label in labels if isinstance(labels, (list, tuple)) else ():
        name = label_text(label)
        if name is None:
            raise ValueError(f"{title}: labels: {label!r}; expected a name; put it in quotes, as in 'null'")
        if isinstance(label, bool) and columns.schema.label:
            in_file = {label_text(example.label) for example in source.examples(raise_error)}
            spelled = [word for word in yaml_spellings(label) if word in in_file]
            if name not in in_file and len(spelled) != 1:
                raise ValueError(
                    f"{title}: labels: {name}, as YAML reads yes, no, on and off; expected labels of the "
                    "file; put them in quotes, as in labels: ['no', 'yes']"
                )
            name = name if name in in_file else spelled[0]
        names.append(name)
    if len(set(names)) < len(names):
        raise ValueError(f"{title}: labels: {', '.join(names)}; expected each once")
    return tuple(names)


def _read_labels(columns: Columns, source: Source, title: str) -> dict[str, str]:
    """Read the different labels of all examples, each with the place of its first example."""
    found: dict[str, str] = {}
    by_text: dict[str, set[str]] = {}  # labels of each second text
    n_examples, first_is_repeated = 0, False
    for example in source.examples(raise_error):
        label = label_text(example.label)
        if label is None:
            raise ValueError(
                f"{example.where}: no label; expected one, because classes are inferred from these examples"
            )
        first_is_repeated = first_is_repeated or (n_examples > 0 and label == next(iter(found)))
        found.setdefault(label, example.where)
        n_examples += 1
        if columns.second_text:
            by_text.setdefault(example.texts[-1], set()).add(label)
        if len(found) > _MAX_CLASSES and _as_numbers([label]) is None:
            raise _too_many(title, label)
    if not found:
        raise ValueError(f"{title}: a header alone; expected examples")
    first, where = next(iter(found.items()))
    if columns.schema.columns and not first_is_repeated and len(found) > 2:
        raise ValueError(
            f"{where}: label {first!r} of no other example, with header: false; expected an example, but "
            "this looks like a header; leave header out, or give the labels"
        )
    tells_label = len(found) > 1 and all(len(labels) == 1 for labels in by_text.values())
    if columns.second_text and tells_label and len(by_text) * _REPEATS <= n_examples:
        raise ValueError(
            f"{title}: column {columns.second_text!r} determines the label: each of its {len(by_text)} "
            "values has one; expected texts that do not; name the text with text: "
            f"{columns.schema.texts[0]}, or both with text_a and text_b"
        )
    return found


def _too_many(title: str, label: str) -> ValueError:
    return ValueError(
        f"{title}: more than {_MAX_CLASSES:,} different labels, such as {excerpt(label)}; expected classes; "
        "name the column of the label with label: NAME"
    )


def _refuse_odd(found: Mapping[str, str], title: str) -> None:
    """Raise if a label is a mistake among the others."""
    words = [label for label in found if not _NUMBER.fullmatch(label)]
    numbers = [label for label in found if _NUMBER.fullmatch(label)]
    if numbers and words and all(word.lower() in _MISSING_WORDS for word in words):
        names = ", ".join(repr(label) for label in [*numbers, words[0]][:5])
        raise ValueError(
            f"{found[words[0]]}: label {words[0]!r}; expected a number as in other examples; remove the "
            f"example if it has no label, or give all labels, as in labels: [{names}]"
        )
    commas = [word for word in words if _NUMBER.fullmatch(word.replace(",", ".", 1))]
    if commas and commas == words:
        raise ValueError(
            f"{found[commas[0]]}: label {commas[0]!r} has a decimal comma; expected a point; replace it"
        )
    by_lower: dict[str, str] = {}
    for label in found:
        other = by_lower.setdefault(label.lower(), label)
        if other != label:
            raise ValueError(
                f"{found[label]}: label {label!r} differs from {other!r} only in case; expected one "
                "spelling; correct it, or give all labels with labels: [...]"
            )


def _choices(given: Sequence[str], n_choices: int, found: Mapping[str, str], title: str) -> Labels:
    if given and len(given) != n_choices:
        raise ValueError(
            f"{title}: {len(given)} labels for {n_choices} answers; expected one for each, in order"
        )
    from_0, from_1 = tuple(map(str, range(n_choices))), tuple(map(str, range(1, n_choices + 1)))
    letters = tuple(LETTERS[:n_choices])
    inferred = ""
    if not given:
        possible = {
            "counted from 0": from_0,
            "counted from 1": from_1,
            "letters": letters,
            "lower-case letters": tuple(map(str.lower, letters)),
        }
        fitting = [form for form, names in possible.items() if set(found) <= set(names)]
        if len(fitting) > 1:
            raise ValueError(
                f"{title}: right answers {', '.join(sorted(found))} of {n_choices} may be counted from 0 or "
                f"from 1; expected one that tells; give labels: [{', '.join(from_0)}] or "
                f"[{', '.join(from_1)}]"
            )
        if not fitting:
            known = {*from_0, *from_1, *letters}
            odd = next((label for label in found if label not in known), list(found)[-1])
            raise ValueError(
                f"{found[odd]}: right answer {odd!r}; expected 0 to {n_choices - 1}, 1 to {n_choices}, or "
                f"{letters[0]} to {letters[-1]}; correct it, or give labels: [...], one for each answer"
            )
        given, inferred = possible[fitting[0]], f"answers are {fitting[0]}"
    targets = LabelMap({label: i for i, label in enumerate(given)}, expected=", ".join(given))
    return Labels("multiple_choice", tuple(given), targets, inferred)


def _grades(found: Iterable[str], numbers: list[float] | None, title: str) -> Labels:
    if numbers is None:
        raise ValueError(f"{title}: graded labels {', '.join(sorted(found)[:5])}; expected numbers")
    low, high = floor(numbers[0]), ceil(numbers[-1])
    if not 1 <= high - low < _MAX_LEVELS:
        raise ValueError(
            f"{title}: grades from {low} to {high}; expected a scale of few levels; give them, as in labels: "
            "[0, 1, 2]"
        )
    levels = tuple(str(level) for level in range(low, high + 1))
    return Labels("graded", levels, grade_labels(low, high), f"graded from {low} to {high}, the range found")


def _given_grades(given: Sequence[str], title: str) -> LabelMap:
    numbers = _as_numbers(given)
    if numbers is None or len(given) < 2 or [float(label) for label in given] != numbers:
        raise ValueError(f"{title}: levels {', '.join(given)}; expected numbers, the lowest first")
    return grade_labels(numbers[0], numbers[-1])


def _as_numbers(labels: Iterable[str]) -> list[float] | None:
    """Return the labels as numbers, sorted; None if one is not a finite number."""
    labels = list(labels)
    numbers = sorted(map(float, labels)) if all(map(_NUMBER.fullmatch, labels)) else [inf]
    return numbers if all(map(isfinite, numbers)) else None
