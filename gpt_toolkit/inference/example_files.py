"""New examples for a trained model: files of records, text files with an example a line, or standard input.

Columns are found as for fine-tuning, from options, from the names that training used, or from the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gpt_toolkit.data.supervised.dataset import Source, SourceExample, SupervisedDataset
from gpt_toolkit.data.supervised.infer_labels import trained_labels
from gpt_toolkit.data.supervised.infer_schema import infer_columns
from gpt_toolkit.data.supervised.open_dataset import open_dataset
from gpt_toolkit.data.supervised.record_schema import FileSource, RecordSchema, column_key
from gpt_toolkit.inference.classifier import Head
from gpt_toolkit.records import ENDINGS, OnBadRecord, ending, open_records, raise_error
from gpt_toolkit.text_lines import text_lines

STDIN = "-"
"""Name of standard input."""

_GOOD = ("good", "sentence_good", "grammatical", "acceptable")  # BLiMP, and other sets of minimal pairs
_BAD = ("bad", "sentence_bad", "ungrammatical", "unacceptable")


@dataclass(frozen=True)
class LineSource:
    """Examples of one text each: the lines of a text that are not empty.

    Args:
        title: Name of the text, for messages.
        lines: Lines with their numbers.
    """

    title: str
    lines: Iterable[tuple[int, str]]

    def identity(self) -> object:
        return self.title

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        for number, line in self.lines:
            if text := line.strip():
                yield SourceExample((text,), where=f"{self.title}, line {number}")


def open_examples(file: str, head: Head, columns: Mapping[str, str]) -> SupervisedDataset:
    """Open a file of examples for a head; labels that it has are compared by name.

    Args:
        file: Path, or ``-`` for standard input.
        head: The head.
        columns: Columns by the option of a custom dataset that names them, such as ``text``.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not readable, or its examples are not of the head's kind.
    """
    spec = head.spec
    if lines := _open_lines(file):
        n_texts = head.dataset.n_texts or {"similarity": 2, "multiple_choice": 4}.get(spec.kind, 1)
        if n_texts > 1:
            raise ValueError(
                f"{lines.title}: one text a line; expected the several texts of an example of {spec.name}; "
                "give a file with columns, such as .csv or .jsonl"
            )
        return SupervisedDataset(spec, lines.title, {"test": lines}, trained_labels(spec).targets)
    return open_dataset({"name": spec.name, "test": file, **columns}, trained={spec.name: head.dataset})


def read_texts(file: str, columns: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts of a file for a language model; empty ones are left out.

    Args:
        file: Path, or ``-`` for standard input.
        columns: Column of the text, as ``text``, if it is not to be inferred.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not readable, or it is not clear which column holds the text.
    """
    source: Source | None = _open_lines(file)
    if source is None:
        records = open_records(Path(file), detect_quotes=True)
        schema = infer_columns({"kind": "classification", **columns}, records, needs_label=False).schema
        if len(schema.texts) != 1:
            raise ValueError(
                f"{file}: columns {' and '.join(schema.texts)} look like texts; expected one; name it by "
                "--columns text=NAME"
            )
        source = FileSource(((records, ""),), schema)
    for example in source.examples(raise_error):
        if example.texts[0]:
            yield example.texts[0]


def read_pairs(file: str, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the minimal pairs of a file with a column of acceptable sentences and one of others.

    Args:
        file: Path.
        columns: Columns, as ``good`` and ``bad``, if they have other names.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not readable, lacks a column, or a sentence is empty.
    """
    if _open_lines(file):
        raise ValueError(
            f"{file}: one text a line; expected columns good and bad, as .csv, .tsv or .jsonl has"
        )
    records = open_records(Path(file), detect_quotes=True)
    named = []
    for option, known in (("good", _GOOD), ("bad", _BAD)):
        wanted = [columns[option]] if option in columns else known
        name = next((n for w in wanted for n in records.names if column_key(n) == column_key(w)), None)
        if name is None:
            which = "acceptable" if option == "good" else "other"
            raise ValueError(
                f"{file}: columns {', '.join(records.names)}; expected {wanted[0]!r} with the {which} "
                f"sentences; name it by --columns {option}=NAME"
            )
        named.append(name)
    schema = RecordSchema(texts=(named[0], named[1]))
    for record in records.records():
        for example in schema.examples(record):
            good, bad = example.texts
            if not good or not bad:
                raise ValueError(f"{example.where}: an empty sentence; expected two; leave the pair out")
            yield good, bad


def _open_lines(file: str) -> LineSource | None:
    """Return the lines of standard input or a text file; None for a file of records.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If its format is not known.
    """
    if file == STDIN:
        return LineSource("standard input", enumerate(sys.stdin, start=1))
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{file}: no such file; expected one of {', '.join(ENDINGS)}, or - for stdin")
    if not ending(path):
        known = ", ".join(ENDINGS)
        raise ValueError(f"{file}: a format that cannot be read; expected one of {known}; rename it")
    if ending(path).startswith(".txt"):
        return LineSource(str(path), text_lines(path))
    return None
