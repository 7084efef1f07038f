"""The forms in which a set's rows are published: which columns there are, and what a row of them says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from gpt_toolkit.data.pretraining.text_readers import normalize_newlines
from gpt_toolkit.data.supervised.record_readers import Extra, Head


class Raw(NamedTuple):
    """A row before its label is looked up.

    Attributes:
        texts: As ``Example`` has them.
        label: What the file gives as the answer; None where it has no such column.
        where: File and line, for messages.
        part: As ``Example`` has it.
        references: As ``Example`` has them.
    """

    texts: tuple[str, ...]
    label: object
    where: str
    part: str = ""
    references: tuple[str, ...] = ()


Make: TypeAlias = Callable[[Mapping[str, Any], str], Iterable[Raw]]
"""Turns the fields of a record and its place into rows: one, or for a passage one a question."""


@dataclass(frozen=True)
class Form:
    """A form of files.

    Args:
        title: What messages call it.
        needs: Columns without which a file is not of this form.
        make: Turns its records into rows.
        label: Column of the answer; a test file may lack it.
        columns: All columns in order, where files of this form have no header.
        extra: Where a delimited row may have more fields than ``columns``.
    """

    title: str
    needs: tuple[str, ...]
    make: Make
    label: str
    columns: tuple[str, ...] = ()
    extra: Extra = "refused"

    def fits(self, head: Head, known: Callable[[str], bool]) -> bool:
        """Whether a file that begins so is of this form.

        Args:
            head: Beginning of the file.
            known: Whether a text is one of the set's labels; what tells rows from a header.
        """
        if not self.columns:
            return set(self.needs) <= set(head.names)
        surplus = len(head.names) - len(self.columns)
        if head.layout != "delimited" or surplus < 0 or (surplus and self.extra == "refused"):
            return False
        return known(head.names[self.columns.index(self.label)])

    def described(self) -> str:
        """Its columns, for messages."""
        if self.columns:
            return f"{self.title}: {', '.join(self.columns)}, without a header"
        return f"{self.title}: columns {', '.join((*self.needs, self.label))}"


def recognized(forms: Sequence[Form], head: Head, known: Callable[[str], bool]) -> int | None:
    """Which of the forms a file that begins so is of: one whose labels it has, else one for files without."""
    fitting = [i for i, form in enumerate(forms) if form.fits(head, known)]
    labelled = [i for i in fitting if forms[i].columns or forms[i].label in head.names]
    return next(iter(labelled + fitting), None)


def plain(
    title: str,
    texts: Sequence[str],
    label: str,
    *,
    columns: Sequence[str] = (),
    extra: Extra = "refused",
    part: Callable[[Mapping[str, Any]], str] | None = None,
) -> Form:
    """A form that has each text in a column of its own."""

    def make(fields: Mapping[str, Any], where: str) -> Iterable[Raw]:
        values = tuple(text_in(fields, name, where) for name in texts)
        yield Raw(values, fields.get(label), where, part(fields) if part else "")

    return Form(title, tuple(texts), make, label, tuple(columns), extra)


def choice_of_columns(
    title: str, document: Sequence[str], question: str, answers: Sequence[str], label: str
) -> Form:
    """Multiple choice with a column an answer; columns of the document are joined by a space."""

    def make(fields: Mapping[str, Any], where: str) -> Iterable[Raw]:
        context = " ".join(text_in(fields, name, where) for name in document)
        asked = text_in(fields, question, where) if question else ""
        given = (text_in(fields, name, where) for name in answers)
        yield Raw((context, asked, *given), fields.get(label), where)

    return Form(title, (*document, *([question] if question else []), *answers), make, label)


def choice_of_list(
    title: str, document: str, question: str, answers: str, label: str, part_of: str = ""
) -> Form:
    """Multiple choice with all answers in one column, a list; ``part_of`` says which file a row is from."""

    def make(fields: Mapping[str, Any], where: str) -> Iterable[Raw]:
        context = text_in(fields, document, where)
        asked = text_in(fields, question, where) if question else ""
        part = level_of(str(fields.get(part_of, "")))
        yield Raw((context, asked, *texts_in(fields, answers, where)), fields.get(label), where, part)

    return Form(title, (document, *([question] if question else []), answers), make, label)


def passage(title: str, document: str, questions: str, options: str, answers: str) -> Form:
    """Multiple choice with all questions of a passage in one object (the files of RACE)."""

    def make(fields: Mapping[str, Any], where: str) -> Iterable[Raw]:
        context = text_in(fields, document, where)
        asked, given, right = (fields.get(name) for name in (questions, options, answers))
        lists = [value for value in (asked, given, right) if isinstance(value, list)]
        if len(lists) < 3 or len({len(value) for value in lists}) > 1:
            raise ValueError(
                f"{where}: {questions}, {options} and {answers} must be lists of one length, an entry a "
                "question."
            )
        for number, (question, choices, label) in enumerate(zip(*lists, strict=True), start=1):
            place = f"{where}, question {number}"
            one = {questions: question, options: choices}
            yield Raw((context, text_in(one, questions, place), *texts_in(one, options, place)), label, place)

    return Form(title, (document, questions, options, answers), make, answers)


def answered(title: str, source: str, target: str) -> Form:
    """A form whose answer is text: one, or a list of those that count as right."""

    def make(fields: Mapping[str, Any], where: str) -> Iterable[Raw]:
        if isinstance(fields.get(target), (list, tuple)):
            references = texts_in(fields, target, where)
        else:
            references = (text_in(fields, target, where),) if target in fields else ()
        yield Raw((text_in(fields, source, where),), None, where, references=references)

    return Form(title, (source,), make, target)


def level_of(name: str) -> str:
    """RACE's part that a file's name or an example's id speaks of."""
    return next((level for level in ("middle", "high") if level in name), "")


def text_in(fields: Mapping[str, Any], name: str, where: str) -> str:
    """A text of a record, without the white space around it; words in lists are joined by spaces."""
    if name not in fields:
        raise ValueError(f"{where} has no field {name!r}; its fields: {', '.join(fields) or 'none'}.")
    value = fields[name]
    if isinstance(value, (list, tuple)):
        value = _joined(value)
    if not isinstance(value, str):
        raise ValueError(f"{where}: field {name!r} holds {type(value).__name__} ({value!r}), expected text.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{where}: field {name!r} holds half a surrogate pair, which is no text."
            ) from error
    return normalize_newlines(value).strip()


def texts_in(fields: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """The texts of a list in a record."""
    values = fields.get(name)
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{where}: field {name!r} holds {type(values).__name__}, expected a list of texts.")
    return tuple(text_in({name: value}, name, where) for value in values)


def _joined(words: Sequence[Any]) -> str:
    return " ".join(word if isinstance(word, str) else _joined(word) for word in words)
