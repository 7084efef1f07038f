"""Schemas: which columns a dataset's files have, and which examples a record becomes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.records import ExtraFields, Record


@dataclass(frozen=True)
class Schema:
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
        part_column: Column that tells the subset of an example; "" if none does.
        part_by_piece: Subset by a piece of that column's value; the first piece found counts.
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
    part_column: str = ""
    part_by_piece: Mapping[str, str] = field(default_factory=dict)

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
    def last_column(self) -> str:
        """Column of the label or of the answer."""
        return self.label or self.target

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
        answers = self.answers if isinstance(self.answers, str) else list(self.answers)
        return [
            *(list(self.texts), list(self.document), self.question, answers, self.is_passage),
            *(self.input, self.target, self.label, list(self.columns), self.extra),
            *(self.part_column, dict(self.part_by_piece)),
        ]

    def examples(self, record: Record) -> Iterator[Example]:
        """Make the examples of a record: one, or one for each question of a passage.

        Raises:
            ValueError: If a column is missing or holds another type.
        """
        fields, where = record
        if self.is_passage:
            yield from self._passage(record)
            return
        if self.input:
            references = self._references(record)
            yield Example((read_text(record, self.input),), None, references=references, where=where)
            return
        part = self._part(fields)
        if self.texts:
            texts = tuple(read_text(record, name) for name in self.texts)
        else:
            texts = (self._document(record), self._question(record), *self._answers(record))
        yield Example(texts, fields.get(self.label), part=part, where=where)

    def _document(self, record: Record) -> str:
        return " ".join(read_text(record, name) for name in self.document)

    def _question(self, record: Record) -> str:
        return read_text(record, self.question) if self.question else ""

    def _answers(self, record: Record) -> tuple[str, ...]:
        if isinstance(self.answers, str):
            return read_texts(record, self.answers)
        return tuple(read_text(record, name) for name in self.answers)

    def _references(self, record: Record) -> tuple[str, ...]:
        if isinstance(record.fields.get(self.target), (list, tuple)):
            return read_texts(record, self.target)
        return (read_text(record, self.target),) if self.target in record.fields else ()

    def _part(self, fields: Mapping[str, Any]) -> str:
        if not self.part_column:
            return ""
        value = str(fields.get(self.part_column, ""))
        return next((part for piece, part in self.part_by_piece.items() if piece in value), "")

    def _passage(self, record: Record) -> Iterator[Example]:
        fields, where = record
        assert isinstance(self.answers, str)
        columns = (self.question, self.answers, self.label)
        lists = [fields[name] for name in columns if isinstance(fields.get(name), list)]
        if len(lists) < 3 or len({len(values) for values in lists}) > 1:
            names = f"{self.question}, {self.answers} and {self.label}"
            raise ValueError(f"{where}: {names} must be lists of one length, with an entry for each question")
        document = self._document(record)
        for number, (question, answers, label) in enumerate(zip(*lists, strict=True), start=1):
            one = Record({self.question: question, self.answers: answers}, f"{where}, question {number}")
            texts = (document, self._question(one), *self._answers(one))
            yield Example(texts, label, where=one.where)


def matching_schema(
    schemas: Sequence[Schema], names: Sequence[str], is_label: Callable[[str], bool], *, delimited: bool
) -> int | None:
    """Return the index of the first schema that a file matches; one with a label column comes first."""
    matching = [i for i, one in enumerate(schemas) if one.matches(names, is_label, delimited=delimited)]
    labeled = [i for i in matching if schemas[i].columns or schemas[i].last_column in names]
    return next(iter(labeled + matching), None)


def read_text(record: Record, name: str) -> str:
    """Read a text of a record, without spaces around it; words in lists are joined by spaces.

    Raises:
        ValueError: If the record has no such field, or the field holds no text.
    """
    fields, where = record
    if name not in fields:
        raise ValueError(f"{where} has no field {name!r}; its fields: {', '.join(fields) or 'none'}")
    value = fields[name]
    if isinstance(value, (list, tuple)):
        value = _join(value)
    if not isinstance(value, str):
        raise ValueError(f"{where}: field {name!r} holds {type(value).__name__} ({value!r}), expected text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{where}: field {name!r} holds half a surrogate pair, not text") from error
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def read_texts(record: Record, name: str) -> tuple[str, ...]:
    """Read the texts of a list in a record.

    Raises:
        ValueError: If the field holds no list of texts.
    """
    values = record.fields.get(name)
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"{record.where}: field {name!r} holds {type(values).__name__}, expected a list of texts"
        )
    return tuple(read_text(Record({name: value}, record.where), name) for value in values)


def _join(words: Sequence[Any]) -> str:
    return " ".join(word if isinstance(word, str) else _join(word) for word in words)
