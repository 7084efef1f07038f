"""Columns and labels of a custom dataset: named by its options, or inferred from its files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Final, NamedTuple

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.dataset import Source
from gpt_toolkit.data.supervised.label_maps import (
    LETTERS,
    LabelMap,
    choice_labels,
    class_labels,
    grade_labels,
    label_text,
)
from gpt_toolkit.data.supervised.record_schema import Schema
from gpt_toolkit.records import RecordFile, raise_error

LABEL_NAMES: Final = ("label", "target", "class", "score", "gold_label")
"""Names of columns that are inferred to hold the label, the preferred one first."""

_PAIRS: Final = (("premise", "hypothesis"), ("text_a", "text_b"))
_MAX_CLASSES: Final = 1_000  # tuned here: a column of more values holds no label
_MAX_LEVELS: Final = 20  # tuned here: largest number of outputs of a graded head that is inferred


@dataclass(frozen=True)
class Columns:
    """Kind and schema of a custom dataset.

    Attributes:
        kind: How examples become sequences.
        schema: Reads the records.
        choices: Answers of an example; 1 unless it is multiple choice.
        inferred: What was inferred, for the user; "" if options named all columns.
    """

    kind: Kind
    schema: Schema
    choices: int = 1
    inferred: str = ""


def infer_columns(options: Mapping[str, Any], file: RecordFile) -> Columns:
    """Map the columns of a file to texts, label and answers.

    Args:
        options: Options of the dataset; those that name columns are read here.
        file: One of its files; columns are inferred from its first record.

    Raises:
        ValueError: If a named column does not exist, or a column cannot be inferred.
    """
    return _Inference(options, file).columns()


class _Inference:
    """One call of :func:`infer_columns`."""

    def __init__(self, options: Mapping[str, Any], file: RecordFile) -> None:
        self.options, self.path = options, file.path
        has_header = options.get("header", True) or file.format != "delimited"
        numbers = () if has_header else tuple(str(i) for i in range(1, len(file.names) + 1))
        record = next(file.records(numbers), None)
        if record is None:
            raise ValueError(f"{file.path} has a header but no examples")
        self.fields, self.without_header, self.names = record.fields, numbers, ", ".join(record.fields)
        self.notes: list[str] = []

    def columns(self) -> Columns:
        kind: Kind | None = self.options.get("kind")
        if kind == "text" or "input" in self.options:
            self._require("text", "input", "target")
            source, target = self._named("input"), self._named("target")
            return Columns("text", Schema(input=source, target=target, columns=self.without_header))
        if kind == "multiple_choice" or "answers" in self.options:
            self._require("multiple_choice", "document", "answers")
            return self._multiple_choice()
        label = self._label()
        texts = self._texts(label)
        kind = kind or "classification"
        if kind in ("similarity", "graded") and len(texts) != 2:
            raise ValueError(
                f"{self.path}: kind {kind} compares two texts, got {', '.join(texts)}. Give text_a and text_b"
            )
        schema = Schema(texts=texts, label=label, columns=self.without_header)
        return Columns(kind, schema, inferred="; ".join(self.notes))

    def _require(self, kind: str, *options: str) -> None:
        if missing := " and ".join(option for option in options if option not in self.options):
            raise ValueError(
                f"{self.path}: kind {kind} needs {missing}, each the name of a column: {self.names}"
            )

    def _named(self, option: str, value: object = None) -> str:
        """Return the column that an option, or one value of its list, names."""
        name = str(self.options[option] if value is None else value)
        if name not in self.fields:
            numbered = " (columns of a file without a header are numbered from 1)"
            raise ValueError(
                f"{self.path} has no column {name!r}, which {option} names; its columns: {self.names}"
                f"{numbered if self.without_header else ''}"
            )
        return name

    def _multiple_choice(self) -> Columns:
        label = self._label()
        document = (self._named("document"),)
        question = self._named("question") if "question" in self.options else ""
        answers: tuple[str, ...] | str
        if isinstance(self.options["answers"], (list, tuple)):
            answers = tuple(self._named("answers", name) for name in self.options["answers"])
            n_choices = len(answers)
        else:
            answers = self._named("answers")
            if not isinstance(self.fields[answers], (list, tuple)):
                raise ValueError(
                    f"{self.path}: column {answers!r} holds no list of answers. Give answers as a list of "
                    "columns, or a column of lists (.jsonl, .parquet)"
                )
            n_choices = len(self.fields[answers])
        if not 2 <= n_choices <= len(LETTERS):
            raise ValueError(f"{self.path}: {n_choices} answers an example, expected 2 to {len(LETTERS)}")
        schema = Schema(
            document=document, question=question, answers=answers, label=label, columns=self.without_header
        )
        return Columns("multiple_choice", schema, n_choices, "; ".join(self.notes))

    def _label(self) -> str:
        if "label" in self.options:
            return self._named("label")
        by_lower_name = {name.lower(): name for name in reversed(list(self.fields))}
        found = next((by_lower_name[name] for name in LABEL_NAMES if name in by_lower_name), None)
        if found is None:
            raise ValueError(
                f"{self.path} has no column named {', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}; "
                f"its columns: {self.names}. Name the column with label: NAME; if the first line is not a "
                "header, also set header: false and number columns from 1"
            )
        self.notes.append(f"the label is column {found!r}")
        return found

    def _texts(self, label: str) -> tuple[str, ...]:
        if "text" in self.options:
            return (self._named("text"),)
        for pair in _PAIRS:
            given = [name for name in pair if name in self.options]
            if len(given) == 1:
                raise ValueError(f"{self.path}: {given[0]} is given without {pair[1 - pair.index(given[0])]}")
            if given:
                return (self._named(pair[0]), self._named(pair[1]))
        others = [name for name in self.fields if name != label]
        texts = tuple(name for name in others if _holds_text(name, self.fields[name]))
        if not 1 <= len(texts) <= 2:
            raise ValueError(
                f"{self.path}: {len(texts)} columns look like texts ({', '.join(texts) or 'none'}), "
                "expected one or two. Name them with text: NAME, or text_a: NAME and text_b: NAME"
            )
        self.notes.append(f"the text is {' and '.join(f'column {name!r}' for name in texts)}")
        return texts


def _holds_text(name: str, value: object) -> bool:
    """Return whether a column looks like texts: its value is neither a number nor an id."""
    lower = name.lower()
    if not isinstance(value, str) or lower in ("", "id", "idx", "index", "guid") or lower.endswith("_id"):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


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
    """Read the different labels of all examples."""
    found: set[str] = set()
    first, first_where, first_is_repeated = "", "", False
    for example in source.examples(raise_error):
        if example.label is None or (label := label_text(example.label)) == "":
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
