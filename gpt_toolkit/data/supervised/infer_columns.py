"""Columns of a custom dataset: named by options, or inferred from the first record of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.record_schema import Schema
from gpt_toolkit.records import RecordFile

LABEL_NAMES: Final = ("label", "target", "class", "score", "gold_label")
"""Names of columns that are inferred to hold the label, the preferred one first."""

_PAIRS: Final = (("premise", "hypothesis"), ("text_a", "text_b"))
_MAX_CHOICES: Final = 8


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


def infer_columns(options: Mapping[str, Any], file: RecordFile, fields: Mapping[str, Any]) -> Columns:
    """Map the columns of a file to texts, label and answers.

    Args:
        options: Options of the dataset; those that name columns are read here.
        file: One of its files.
        fields: First record of the file.

    Raises:
        ValueError: If a named column does not exist, or a column cannot be inferred.
    """
    return _Inference(options, file, fields).columns()


class _Inference:
    """One call of :func:`infer_columns`."""

    def __init__(self, options: Mapping[str, Any], file: RecordFile, fields: Mapping[str, Any]) -> None:
        self.options, self.path, self.fields = options, file.path, fields
        self.names = ", ".join(fields)
        has_header = options.get("header", True) or file.format != "delimited"
        self.without_header: tuple[str, ...] = () if has_header else tuple(fields)

    def columns(self) -> Columns:
        kind: Kind | None = self.options.get("kind")
        if kind == "text" or "input" in self.options:
            self._require("text", "input", "target")
            source, target = self._named("input"), self._named("target")
            return Columns("text", Schema(input=source, target=target, columns=self.without_header))
        if kind == "multiple_choice" or "answers" in self.options:
            self._require("multiple_choice", "document", "answers")
            return self._multiple_choice()
        label, label_note = self._label()
        texts, texts_note = self._texts(label)
        kind = kind or "classification"
        if kind in ("similarity", "graded") and len(texts) != 2:
            raise ValueError(
                f"{self.path}: kind {kind} compares two texts, got {', '.join(texts)}. Give text_a and text_b"
            )
        schema = Schema(texts=texts, label=label, columns=self.without_header)
        return Columns(kind, schema, inferred="; ".join(filter(None, (label_note, texts_note))))

    def _require(self, kind: str, *options: str) -> None:
        if missing := [option for option in options if option not in self.options]:
            needs = " and ".join(missing)
            raise ValueError(
                f"{self.path}: kind {kind} needs {needs}, each the name of a column: {self.names}"
            )

    def _named(self, option: str) -> str:
        """Return the column that an option names."""
        return self._existing(str(self.options[option]), option)

    def _existing(self, name: str, option: str) -> str:
        if name not in self.fields:
            numbered = " (columns of a file without a header are numbered from 1)"
            raise ValueError(
                f"{self.path} has no column {name!r}, which {option} names; its columns: {self.names}"
                f"{numbered if self.without_header else ''}"
            )
        return name

    def _multiple_choice(self) -> Columns:
        label, note = self._label()
        document = (self._named("document"),)
        question = self._named("question") if "question" in self.options else ""
        answers: tuple[str, ...] | str
        if isinstance(self.options["answers"], (list, tuple)):
            answers = tuple(self._existing(str(name), "answers") for name in self.options["answers"])
            n_choices = len(answers)
        else:
            answers = self._named("answers")
            if not isinstance(self.fields[answers], (list, tuple)):
                raise ValueError(
                    f"{self.path}: column {answers!r} holds no list of answers. Give answers as a list of "
                    "columns, or a column of lists (.jsonl, .parquet)"
                )
            n_choices = len(self.fields[answers])
        if not 2 <= n_choices <= _MAX_CHOICES:
            raise ValueError(f"{self.path}: {n_choices} answers an example, expected 2 to {_MAX_CHOICES}")
        schema = Schema(
            document=document, question=question, answers=answers, label=label, columns=self.without_header
        )
        return Columns("multiple_choice", schema, n_choices, note)

    def _label(self) -> tuple[str, str]:
        """Return the column of the label, and a note if it was inferred."""
        if "label" in self.options:
            return self._named("label"), ""
        by_lower_name = {name.lower(): name for name in reversed(list(self.fields))}
        found = next((by_lower_name[name] for name in LABEL_NAMES if name in by_lower_name), None)
        if found is None:
            raise ValueError(
                f"{self.path} has no column named {', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}; "
                f"its columns: {self.names}. Name the column with label: NAME; if the first line is not a "
                "header, also set header: false and number columns from 1"
            )
        return found, f"the label is column {found!r}"

    def _texts(self, label: str) -> tuple[tuple[str, ...], str]:
        """Return the columns of the texts, and a note if they were inferred."""
        if "text" in self.options:
            return (self._named("text"),), ""
        for pair in _PAIRS:
            given = [name for name in pair if name in self.options]
            if len(given) == 1:
                raise ValueError(f"{self.path}: {given[0]} is given without {pair[1 - pair.index(given[0])]}")
            if given:
                return (self._named(pair[0]), self._named(pair[1])), ""
        others = [name for name in self.fields if name != label]
        texts = tuple(name for name in others if _holds_text(name, self.fields[name]))
        if not 1 <= len(texts) <= 2:
            raise ValueError(
                f"{self.path}: {len(texts)} columns look like texts ({', '.join(texts) or 'none'}), "
                "expected one or two. Name them with text: NAME, or text_a: NAME and text_b: NAME"
            )
        return texts, f"the text is {' and '.join(f'column {name!r}' for name in texts)}"


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
