"""Columns of a custom dataset: named by its options, else known by their names, else by their content."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.label_maps import LETTERS
from gpt_toolkit.data.supervised.record_schema import RecordSchema, column_key
from gpt_toolkit.records import RecordFile

LABELS: Final = (
    *("label", "labels", "gold_label", "target", "class", "category", "sentiment", "emotion", "intent"),
    *("topic", "rating", "stars", "polarity", "score", "grade"),
)
"""Names of columns that hold the label, the preferred one first."""

_TEXTS: Final = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_1", "sentence_2")),
    *(("sentence_a", "sentence_b"), ("text_a", "text_b"), ("text1", "text2"), ("text_1", "text_2")),
    *(("question1", "question2"), ("question_1", "question_2"), ("claim", "evidence"), ("text",)),
    *(("question", "sentence"), ("question", "passage"), ("question", "context"), ("question", "answer")),
    *(("sentence",), ("content",), ("review",), ("tweet",), ("comment",), ("message",), ("body",)),
    *(("utterance",), ("article",), ("document",), ("passage",), ("question",)),
)
"""Names of columns that hold the texts, the preferred ones first."""

_DOCUMENTS: Final = ("passage", "context", "article", "document", "story", "text", "body")
_QUESTIONS: Final = ("question", "query")
_ANSWERS: Final = ("choices", "options", "answers", "endings")
_RIGHT_ANSWERS: Final = ("answer", "answer_key", "answerkey", "gold", "correct", "correct_answer")
_ONE_ANSWER: Final = re.compile(r"([a-h])|(choice|option|answer|ending)_?([a-h]|[0-8])")

_IDS: Final = r"index|idx|id|guid|uuid|.*_id|.*_idx|unnamed:_\d+|__index_level_\d+__"
_NO_TEXTS: Final = re.compile(
    _IDS + r"|date|time|timestamp|datetime|year|.*_date|.*_time|.*_at"
    r"|label_text|label_name|.*_label|author|user|username|user_name|source|url|link|lang|language|split|fold"
)
"""Names of columns that never hold a text by themselves."""

_NO_WORDS: Final = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?%?"  # numbers
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|\d{1,2}:\d{2}(:\d{2})?"  # dates and times
    r"|https?://\S+|\S+@\S+\.\w+|(?=\S*\d)[\w\-]+",  # addresses, and codes such as tt0123
    re.IGNORECASE,
)
_SAMPLE: Final = 200  # records that columns are inferred from; tuned here
_FEW_WORDS: Final = 2.0  # tuned here: a column of as few words holds texts only if most of them differ


@dataclass(frozen=True)
class Columns:
    """Kind and schema of a custom dataset.

    Attributes:
        kind: How examples become sequences.
        schema: Reads the records.
        choices: Answers of an example; 1 unless it is multiple choice.
        inferred: What was inferred, for the user; "" if options named all columns.
        second_text: A second text that options do not name, and that must not tell the label; "" for none.
    """

    kind: Kind
    schema: RecordSchema
    choices: int = 1
    inferred: str = ""
    second_text: str = ""


def infer_columns(options: Mapping[str, Any], file: RecordFile, *, needs_label: bool = True) -> Columns:
    """Map the columns of a file to texts, label and answers.

    Args:
        options: Options of the dataset; those that name columns are read here.
        file: One of its files; columns are inferred from its names, else from its first records.
        needs_label: Whether a file without a column of labels or answers is refused.

    Raises:
        ValueError: If a named column does not exist, or a column cannot be inferred.
    """
    return _Inference(options, file, needs_label).columns()


class _Inference:
    """One call of :func:`infer_columns`."""

    def __init__(self, options: Mapping[str, Any], file: RecordFile, needs_label: bool) -> None:
        self.options, self.path, self.needs_label = options, file.path, needs_label
        has_header = options.get("header", True) or file.format != "delimited"
        numbers = () if has_header else tuple(str(i) for i in range(1, len(file.names) + 1))
        records = [record.fields for record in islice(file.records(numbers), _SAMPLE)]
        if not records:
            raise ValueError(f"{file.path}: a header alone; expected examples")
        self.values: dict[str, list[Any]] = {}  # values that are not missing, by column
        for record in records:
            for name, value in record.items():
                values = self.values.setdefault(name, [])
                if value is not None and value != "":
                    values.append(value)
        self.without_header, self.names = numbers, textwrap.shorten(", ".join(self.values), 300)
        self.notes: list[str] = []

    def columns(self) -> Columns:
        kind: Kind | None = self.options.get("kind")
        if kind == "text" or "input" in self.options or (kind is None and self._is_free_text()):
            return self._free_text()
        if kind == "multiple_choice" or "answers" in self.options or (kind is None and self._is_choice()):
            return self._multiple_choice()
        label = self._label(LABELS)
        texts, is_named = self._texts(label)
        kind = kind or "classification"
        if kind == "similarity" and len(texts) != 2:
            raise ValueError(
                f"{self.path}: text {', '.join(texts)}; expected two for kind {kind}; give text_a and text_b"
            )
        schema = RecordSchema(texts=texts, label=label, columns=self.without_header)
        second = texts[-1] if len(texts) > 1 and not is_named else ""
        return Columns(kind, schema, inferred=self._inferred(*texts, label), second_text=second)

    def _inferred(self, *used: str) -> str:
        """Return what was inferred, with the columns that are not read."""
        if not self.notes:
            return ""
        others = [name for name in self.values if name not in used]
        unused = [repr(name) for name in others if not re.fullmatch(_IDS, column_key(name))]
        return "; ".join([*self.notes, *([f"not used: {', '.join(unused)}"] if unused else [])])

    # ------------------------------------------------------------------ finding columns

    def _named(self, option: str, value: object = None) -> str:
        """Return the column that an option, or one value of its list, names."""
        given = self.options[option] if value is None else value
        name = str(given)
        if isinstance(given, bool):  # YAML's reading of yes, no, on and off
            name = next((spelling for spelling in yaml_spellings(given) if spelling in self.values), name)
        if name in self.values:
            return name
        alike = [column for column in self.values if column_key(column) == column_key(name)]
        if len(alike) == 1:
            return alike[0]
        numbered = " (columns of a file without a header are numbered from 1)"
        raise ValueError(
            f"{self.path}: {option}: no column {name!r}; expected one of "
            f"{self.names}{numbered if self.without_header else ''}"
        )

    def _known(self, *names: str) -> str:
        """Return the column with the first of these names that exists; "" if none does."""
        for name in names:
            alike = [column for column in self.values if column_key(column) == name]
            if len(alike) > 1:
                raise ValueError(
                    f"{self.path}: columns {' and '.join(map(repr, alike))} have one name but for case and "
                    f"spaces; expected one {name}; rename one, or name the column by an option"
                )
            if alike:
                return alike[0]
        return ""

    def _option_or_known(self, option: str, names: Sequence[str], role: str) -> str:
        """Return the column that an option names, else the one with a known name; "" if none exists."""
        if option in self.options:
            return self._named(option)
        if found := self._known(*names):
            self.notes.append(f"the {role} is column {found!r}")
        return found

    # ------------------------------------------------------------------ kinds

    def _is_free_text(self) -> bool:
        given = any(name in self.options for name in ("text", "text_a", "premise", "label", "labels"))
        has_label = self._known("label", "labels")
        has_target = "target" in self.options or self._known("target")
        return bool(not given and not has_label and self._known("input") and has_target)

    def _free_text(self) -> Columns:
        source = self._option_or_known("input", ("input",), "input")
        target = self._option_or_known("target", ("target",), "target")
        if not source or (not target and (self.needs_label or "target" in self.options)):
            missing = "input" if target else "target" if source else "input and target"
            raise ValueError(
                f"{self.path}: no {missing} for kind text; expected each to name a column of {self.names}"
            )
        schema = RecordSchema(input=source, target=target, columns=self.without_header)
        return Columns("text", schema, inferred=self._inferred(source, target))

    def _is_choice(self) -> bool:
        given = any(name in self.options for name in ("text", "text_a", "premise", "input"))
        has_question = "question" in self.options or "document" in self.options or self._known(*_QUESTIONS)
        return bool(not given and has_question and self._known_answers())

    def _known_answers(self) -> tuple[str, ...] | str:
        """Return the column of lists of answers, or the columns of single ones, by their names."""
        lists = self._known(*_ANSWERS)
        if lists and all(isinstance(value, (list, tuple)) for value in self.values[lists]):
            return lists
        families: dict[str, dict[str, str]] = {}
        for name in () if self.without_header else self.values:
            if member := _ONE_ANSWER.fullmatch(column_key(name)):
                families.setdefault(member[2] or "", {})[member[1] or member[3]] = name
        for members in families.values():
            for order in ("abcdefgh", "12345678", "01234567"):
                if len(members) > 1 and set(members) == set(order[: len(members)]):
                    return tuple(members[place] for place in order[: len(members)])
        return ()

    def _multiple_choice(self) -> Columns:
        is_given = "document" in self.options or "question" in self.options
        document = self._option_or_known("document", () if is_given else _DOCUMENTS, "document")
        question = self._option_or_known("question", () if is_given else _QUESTIONS, "question")
        answers = self._answers()
        if not (document or question) or not answers:
            missing = "answers" if document or question else "document or question"
            raise ValueError(
                f"{self.path}: no {missing} for kind multiple_choice; expected an option of this name with a "
                f"column of {self.names}"
            )
        label = self._label((*LABELS[:2], *_RIGHT_ANSWERS, *LABELS[2:]))
        if isinstance(answers, str):
            counts = {len(value) for value in self.values[answers]}
            n_choices = max(counts, default=0)
        else:
            n_choices = len(answers)
        if not 2 <= n_choices <= len(LETTERS):
            raise ValueError(f"{self.path}: {n_choices} answers per example; expected 2 to {len(LETTERS)}")
        schema = RecordSchema(
            document=(document,) if document else (),
            question=question,
            answers=answers,
            label=label,
            columns=self.without_header,
        )
        used = (document, question, label, *((answers,) if isinstance(answers, str) else answers))
        return Columns("multiple_choice", schema, n_choices, self._inferred(*used))

    def _answers(self) -> tuple[str, ...] | str:
        if "answers" not in self.options:
            if answers := self._known_answers():
                names = [answers] if isinstance(answers, str) else answers
                self.notes.append(f"the answers are {', '.join(f'column {name!r}' for name in names)}")
            return answers
        if isinstance(self.options["answers"], (list, tuple)):
            return tuple(self._named("answers", name) for name in self.options["answers"])
        answers = self._named("answers")
        if not all(isinstance(value, (list, tuple)) for value in self.values[answers]):
            raise ValueError(
                f"{self.path}: column {answers!r} without lists; expected a list of answers in each example; "
                "give answers as a list of columns, or a column of lists (.jsonl, .parquet)"
            )
        return answers

    # ------------------------------------------------------------------ label and texts

    def _label(self, names: Sequence[str]) -> str:
        found = self._option_or_known("label", names, "label")
        if not found and self.needs_label:
            raise ValueError(
                f"{self.path}: columns {self.names}; expected one named {', '.join(names[:-1])} or "
                f"{names[-1]}; name the column, as in --data.sets '{{train: {self.path}, label: COLUMN}}'; "
                "if the first line is not a header, also set header: false and number columns from 1"
            )
        if not found:
            self.notes.append("no column holds labels")
        return found

    def _texts(self, label: str) -> tuple[tuple[str, ...], bool]:
        """Return the columns of the texts, and whether options name them."""
        if "text" in self.options:
            return (self._named("text"),), True
        for pair in (("premise", "hypothesis"), ("text_a", "text_b")):
            given = [name for name in pair if name in self.options]
            if len(given) == 1:
                raise ValueError(
                    f"{self.path}: {given[0]} without {pair[1 - pair.index(given[0])]}; expected both"
                )
            if given:
                return (self._named(pair[0]), self._named(pair[1])), True
        for names in _TEXTS:
            texts = tuple(filter(None, map(self._known, names)))
            if len(texts) == len(names) and label not in texts:
                break
        else:
            texts = tuple(name for name in self.values if name != label and self._holds_texts(name))
        if not 1 <= len(texts) <= 2:
            raise ValueError(
                f"{self.path}: {len(texts)} columns look like texts ({', '.join(texts) or 'none'}); expected "
                "one or two; name them with text: NAME, or text_a: NAME and text_b: NAME"
            )
        self.notes.append(f"the text is {' and '.join(f'column {name!r}' for name in texts)}")
        return texts, False

    def _holds_texts(self, name: str) -> bool:
        """Return whether a column of another name looks like texts."""
        values = [value.strip() for value in self.values[name] if isinstance(value, str)]
        if _NO_TEXTS.fullmatch(column_key(name)) or not values or len(values) < len(self.values[name]):
            return False
        if sum(1 for value in values if _NO_WORDS.fullmatch(value)) > len(values) // 2:
            return False
        n_words = sum(len(value.split()) for value in values) / len(values)
        n_different = len(set(values))
        return n_different >= len(values) / 2 or (n_words > _FEW_WORDS and n_different > len(values) / 10)


def yaml_spellings(value: bool) -> Iterator[str]:
    """Yield the words that YAML 1.1 reads as this boolean."""
    for word in ("true", "yes", "on") if value else ("false", "no", "off"):
        yield from (word, word.capitalize(), word.upper())
