"""Record schemas: which columns a dataset's files have, and which examples they become."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.supervised.dataset import SourceExample
from gpt_toolkit.io import cache_folder
from gpt_toolkit.records import ExtraFields, OnBadRecord, Record, RecordFile, excerpt
from gpt_toolkit.text_lines import text_lines

_MANY_FILES: Final = 64  # from here on, caching a checksum costs more than reading the file


def column_key(name: str) -> str:
    """Return a column's name as it is compared: without case, and with underscores for spaces and hyphens."""
    return re.sub(r"[\s\-]+", "_", name.strip().casefold())


@dataclass(frozen=True)
class RecordSchema:
    """Columns of a dataset's files. Either ``texts``, ``document`` or ``input`` is set.

    Args:
        title: Name of the schema, for messages.
        texts: Columns of the texts, for classification and pairs of texts.
        document: Columns of the document of multiple choice, joined by a space.
        question: Column of its question; "" if it has none.
        answers: A column for each answer, or one column that holds a list of them.
        is_passage: Whether a record holds all questions of a document, with lists of answers and labels.
        input: Column of the input, for text.
        target: Column of the answer, for text: one, or a list of correct ones.
        label: Column of the label; test files may lack it.
        columns: All columns in order, if files of this schema have no header.
        extra: Where a delimited line may have more fields than ``columns``.
        subset_column: Column that tells the subset of an example; "" if none does.
        subset_by_piece: Subset by a piece of that column's value; the first piece found counts.
    """

    title: str = "columns"
    texts: tuple[str, ...] = ()
    document: tuple[str, ...] = ()
    question: str = ""
    answers: tuple[str, ...] | str = ()
    is_passage: bool = False
    input: str = ""
    target: str = ""
    label: str = ""
    columns: tuple[str, ...] = ()
    extra: ExtraFields = "error"
    subset_column: str = ""
    subset_by_piece: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns without which a file is not of this schema."""
        if self.input:
            return (self.input,)
        if self.texts:
            return self.texts
        answers = (self.answers,) if isinstance(self.answers, str) else self.answers
        names = (*self.document, self.question, *answers, self.label if self.is_passage else "")
        return tuple(name for name in names if name)

    @property
    def all_columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        names = (*self.needs, self.target, self.label, self.subset_column)
        return tuple(dict.fromkeys(filter(None, names)))

    def spellings(self, file: RecordFile) -> dict[str, str]:
        """Return columns by a file's names for them, where these differ in case or spaces.

        Raises:
            ValueError: If two names could be one column.
        """
        found: dict[str, str] = {}
        for column in self.all_columns if not self.columns else ():
            alike = [name for name in file.names if column_key(name) == column_key(column)]
            if column in alike or not alike:
                continue
            if len(alike) > 1:
                both = " and ".join(map(repr, alike))
                raise ValueError(f"{file.path}: columns {both}; expected one {column!r}; rename the other")
            found[alike[0]] = column
        return found

    @property
    def last_column(self) -> str:
        """Column of the label or of the answer."""
        return self.label or self.target

    @property
    def options(self) -> dict[str, str | list[str]]:
        """Columns by the option of a custom dataset that names them."""
        answers = self.answers if isinstance(self.answers, str) else list(self.answers)
        names = dict(
            zip(("text",) if len(self.texts) == 1 else ("text_a", "text_b"), self.texts, strict=False)
        )
        names |= {"document": " ".join(self.document), "question": self.question}
        named: dict[str, str | list[str]] = {
            **names,
            "answers": answers,
            "input": self.input,
            "target": self.target,
            "label": self.label,
        }
        return {option: value for option, value in named.items() if value}

    def matches(self, names: Sequence[str], is_label: Callable[[str], bool], *, delimited: bool) -> bool:
        """Return whether a file is of this schema.

        Args:
            names: Columns, or the fields of the first line.
            is_label: Tells whether a text is a label of the dataset, and so whether a line is an example.
            delimited: Whether the file is delimited text.
        """
        if not self.columns:
            return set(self.needs) <= set(names)
        surplus = len(names) - len(self.columns)
        if not delimited or surplus < 0 or (surplus and self.extra == "error"):
            return False
        return is_label(names[self.columns.index(self.label)])

    def described(self) -> str:
        """Describe the columns, for messages."""
        if self.columns:
            return f"{self.title}: {', '.join(self.columns)}, without a header"
        return f"{self.title}: columns {', '.join(dict.fromkeys((*self.needs, self.last_column)))}"

    def identity(self) -> list[object]:
        """Return all that decides how records are read, as plain JSON values."""
        return list(astuple(self)[1:])  # all but the title

    def examples(self, record: Record) -> Iterator[SourceExample]:
        """Make the examples of a record: one, or one for each question of a passage.

        Raises:
            ValueError: If a column is missing or holds another type.
        """
        fields, where = record
        if self.is_passage:
            yield from self._passage(record)
        elif self.input:
            references: tuple[str, ...] = ()
            if isinstance(fields.get(self.target), (list, tuple)):
                references = _texts(record, self.target)
            elif fields.get(self.target) is not None:
                references = (_text(record, self.target),)
            yield SourceExample((_text(record, self.input),), references=references, where=where)
        else:
            value = str(fields.get(self.subset_column, ""))
            subset = next((name for piece, name in self.subset_by_piece.items() if piece in value), "")
            texts = tuple(_text(record, name) for name in self.texts) or self._choices(record)
            label = _label(record, self.label)
            yield SourceExample(texts, label, subset=subset, where=where)

    def _choices(self, record: Record) -> tuple[str, ...]:
        """Return document, question and answers."""
        document = " ".join(_text(record, name) for name in self.document)
        question = _text(record, self.question) if self.question else ""
        if isinstance(self.answers, str):
            return (document, question, *_texts(record, self.answers))
        return (document, question, *(_text(record, name) for name in self.answers))

    def _passage(self, record: Record) -> Iterator[SourceExample]:
        fields, where = record
        columns = (self.question, str(self.answers), self.label)
        lists = [fields[name] for name in columns if isinstance(fields.get(name), list)]
        if len(lists) < 3 or len({len(values) for values in lists}) > 1:
            names = f"{self.question}, {self.answers} and {self.label}"
            raise ValueError(
                f"{where}: {names} of different lengths; expected lists with an entry for each question"
            )
        for number, values in enumerate(zip(*lists, strict=True), start=1):
            one = Record({**fields, **dict(zip(columns, values, strict=True))}, f"{where}, question {number}")
            label = _label(one, self.label)
            yield SourceExample(self._choices(one), label, where=one.where)


def _label(record: Record, name: str) -> object:
    """Read the label of a record."""
    value = record.fields.get(name)
    if isinstance(value, (list, tuple, dict)):
        kind = f"{type(value).__name__} ({excerpt(str(value))})"
        raise ValueError(f"{record.where}: label {name!r} is {kind}; expected text")
    return value


def _text(record: Record, name: str) -> str:
    """Read a text of a record, without spaces around it; words in lists are joined by spaces.

    A number, which formats with types have for a text of digits, is its text. A missing text is empty.
    """
    fields, where = record
    if name not in fields:
        raise ValueError(f"{where}: fields {', '.join(fields) or 'none'}; expected {name!r}")
    try:
        text = _as_text(fields[name])
    except TypeError as error:
        raise ValueError(f"{where}: field {name!r} is {error}; expected text") from error
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{where}: field {name!r} with half a surrogate pair; expected Unicode text"
            ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _as_text(value: object) -> str:
    """Return a value as text, or raise a TypeError that describes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return " ".join(map(_as_text, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{type(value).__name__} ({excerpt(str(value))})")


def _texts(record: Record, name: str) -> tuple[str, ...]:
    """Read the texts of a list in a record."""
    values = record.fields.get(name)
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"{record.where}: field {name!r} is {type(values).__name__}; expected a list of texts"
        )
    return tuple(_text(Record({name: value}, record.where), name) for value in values)


@dataclass(frozen=True)
class FileSource:
    """Examples of files of one schema.

    Args:
        files: The files, each with the subset of its examples.
        schema: Their schema.
    """

    files: tuple[tuple[RecordFile, str], ...]
    schema: RecordSchema

    @property
    def title(self) -> str:
        return self.schema.title

    @property
    def label_place(self) -> str:
        """Column of the labels and the columns that the first file has, for messages."""
        column = f"column {self.schema.last_column!r}" if self.schema.last_column else "a column of labels"
        first = self.files[0][0]
        return f"{column} in {first.path}, whose columns are {', '.join(self.schema.columns or first.names)}"

    def identity(self) -> object:
        first = self.files[0][0]
        reading = [*self.schema.identity(), first.format, *(first.dialect or ())]
        checksums = file_checksums([file.path for file, _ in self.files])
        return [reading, checksums, [subset for _, subset in self.files]]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        for file, subset in self.files:
            spellings = self.schema.spellings(file)
            for record in file.records(self.schema.columns, self.schema.extra, on_bad_record):
                if spellings:
                    fields = {spellings.get(name, name): value for name, value in record.fields.items()}
                    record = record._replace(fields=fields)
                for example in self.schema.examples(record):
                    yield example if example.subset or not subset else example._replace(subset=subset)


@dataclass(frozen=True)
class LinePairSource:
    """Examples of two files: each line of one is the input, the same line of the other the answer.

    Args:
        inputs: File of the inputs.
        targets: File of the answers.
    """

    inputs: Path
    targets: Path
    title = "two files, line by line"

    def identity(self) -> object:
        return file_checksums([self.inputs, self.targets])

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        lines = zip_longest(text_lines(self.inputs), text_lines(self.targets))
        for number, (source, target) in enumerate(lines, start=1):
            if source is None or target is None:
                files = (self.inputs, self.targets) if source is None else (self.targets, self.inputs)
                raise ValueError(
                    f"{files[0]}: ends after line {number - 1}; expected as many lines as {files[1]} has"
                )
            where = f"{self.inputs}, line {number}"
            yield SourceExample((source[1].strip(),), references=(target[1].strip(),), where=where)


def file_checksums(paths: Sequence[Path]) -> list[str]:
    """Return the checksum of each file, from a cache; of many files, one checksum of all."""
    if len(paths) < _MANY_FILES:
        memo = FileMemo(cache_folder() / "files")
        return [memo.checksum(path) for path in paths]
    checksum = hashlib.blake2b(digest_size=16)
    for path in paths:
        checksum.update(hashlib.blake2b(path.read_bytes(), digest_size=16).digest())
    return [checksum.hexdigest()]
