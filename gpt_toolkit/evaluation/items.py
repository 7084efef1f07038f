"""Items of benchmarks: a type for each kind of benchmark, and the conversion of records into items."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

Fields: TypeAlias = Mapping[str, Any]

GAP: Final = "XXXXX"
"""Placeholder of the missing word in a :class:`Cloze` query."""

TAIL_BYTES = 5_000_000
"""Size of the usual test part of enwik8 and text8."""


class Items(NamedTuple):
    """Items of a benchmark.

    Attributes:
        items: Items, each of one of the types below.
        origin: Their origin, such as the file and its variant.
        warnings: What a user should know of them.
        examples_from: Where these other items are, for messages.
        left_out: Number of records that are not items, by reason.
        read_examples: Reads other items to draw examples in context from; empty: the items themselves.
    """

    items: Sequence[Any]
    origin: str
    warnings: Sequence[str] = ()
    read_examples: Callable[[], Sequence[Any]] = tuple
    examples_from: str = ""
    left_out: Mapping[str, int] = MappingProxyType({})


class LastWord(NamedTuple):
    """A passage whose last word is to be predicted (LAMBADA)."""

    text: str
    tokenized: bool = False
    """Spaces stand around every token, as in the original LAMBADA file."""


class Cloze(NamedTuple):
    """A sentence with ``GAP`` for a missing word, after a story (Children's Book Test)."""

    context: tuple[str, ...]
    query: str
    answer: int
    candidates: tuple[str, ...]
    tokenized: bool = False
    """Spaces stand around every token, as in the published files."""


class Schema(NamedTuple):
    """A sentence with an ambiguous pronoun (Winograd schemas, DPRD)."""

    beginnings: tuple[str, ...]
    """For each reading, the sentence up to and including the text in place of the pronoun."""
    rest: str
    answer: int


class Conversation(NamedTuple):
    """Questions about a story, each asked after the ones before it (CoQA)."""

    story: str
    questions: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    """Human answers to each question; the first belongs to the conversation."""


class Summary(NamedTuple):
    """An article and its highlights, one a line (CNN/Daily Mail)."""

    article: str
    highlights: str


class Translation(NamedTuple):
    """A sentence in two languages."""

    source: str
    target: str


class Question(NamedTuple):
    """A question without a text, and its accepted answers."""

    question: str
    answers: tuple[str, ...]


class Labelled(NamedTuple):
    """A text and its class."""

    text: str
    answer: int


class Choice(NamedTuple):
    """A context and several continuations; for RACE the context is document and question."""

    context: str
    options: tuple[str, ...]
    answer: int


class HellaSwag(NamedTuple):
    """A scene and four endings."""

    activity: str
    context_a: str
    context_b: str
    context: str
    endings: tuple[str, ...]
    answer: int


class MinimalPair(NamedTuple):
    """An acceptable sentence and one that differs from it and is not (BLiMP)."""

    sentences: tuple[str, str]
    group: str
    """Phenomenon that the pair is about."""
    answer: int = 0


class Document(NamedTuple):
    """A text whose likelihood is measured, as in the file."""

    text: str
    goes_on: bool = False
    """The next line of the file belongs to another document."""


# Texts

_POSSESSIVES = ("my", "his", "her", "our", "their")
_LOWERED = ("A", "An", "The", "She", "He", "It", "They", "My", "His", "Her", "Their")


def replace_pronoun(left: str, pronoun: str, rest: str, options: Sequence[str], answer: int) -> Schema:
    """Return a sentence with each option in place of the pronoun.

    Options are in lower case within the sentence, and have 's for a possessive pronoun. Trinh and Le (2018)
    and lm-eval 0.4.13 (wsc273) do the same.
    """
    left = left.rstrip()
    beginnings = []
    for option in options:
        option = " ".join(option.split())
        if pronoun.lower() in _POSSESSIVES:
            option += "'s"
        first = option.split()[0]
        if first in _LOWERED and left and not left.endswith("."):
            option = option.replace(first, first.lower())
        beginnings.append(f"{left} {option}".strip())
    return Schema(tuple(beginnings), rest.strip(), answer)


def is_title(line: str) -> bool:
    """Return True if a line of WikiText begins an article."""
    heading = line.replace("= = =", "===").replace("= =", "==").strip()
    return heading.startswith("= ") and heading.endswith(" =")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text with their line ends; only a line feed ends a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def split_articles(lines: Sequence[str]) -> list[Document]:
    """Return lines of WikiText with their ends as documents that begin at an article's title."""
    articles: list[list[str]] = [[]]
    for line in lines:
        if is_title(line) and any(map(str.strip, articles[-1])):
            articles.append([])
        articles[-1].append(line)
    return [Document("".join(article), article is not articles[-1]) for article in articles]


def tail(data: bytes) -> Document:
    """Return the last bytes as a document that begins at a character."""
    data = data[-TAIL_BYTES:]
    while data and data[0] & 0xC0 == 0x80:
        data = data[1:]
    return Document(data.decode())


# Records of the Hugging Face hub, of files, of the built-in world and of supervised datasets

ConvertAll: TypeAlias = Callable[[Iterable[Fields]], Sequence[Any]]


def last_word(record: Fields) -> LastWord:
    """Convert a record of OpenAI's LAMBADA."""
    return LastWord(record["text"])


def summary(record: Fields) -> Summary:
    """Convert a record of CNN/Daily Mail."""
    return Summary(record["article"], record["highlights"])


def question(record: Fields) -> Question:
    """Convert a record of NQ-open."""
    return Question(record["question"], _texts("answer", record["answer"]))


def replaced_schema(record: Fields) -> Schema:
    """Convert a record of WSC273 as llm-foundry has it, with the pronoun already replaced."""
    beginnings, gold = _texts("context_options", record["context_options"]), record["gold"]
    if not 0 <= gold < len(beginnings):
        raise ValueError(f"gold: {gold}; expected 0 to {len(beginnings) - 1}; correct the record")
    return Schema(beginnings, record["continuation"].strip(), gold)


def hellaswag(record: Fields) -> HellaSwag:
    """Convert a record of HellaSwag."""
    activity, context_a, context_b, context = (
        str(record[name] or "") for name in ("activity_label", "ctx_a", "ctx_b", "ctx")
    )
    endings = _texts("endings", record["endings"])
    return HellaSwag(activity, context_a, context_b, context, endings, _index(record["label"], endings))


def piqa(record: Fields) -> Choice:
    """Convert a record of PIQA."""
    options = (record["sol1"], record["sol2"])
    return Choice(f"Question: {record['goal']}\nAnswer:", options, _index(record["label"], options))


def arc(record: Fields) -> Choice:
    """Convert a record of ARC, in the form of the hub or of the published files."""
    question, choices = record["question"], record.get("choices")
    if choices is None:  # a published file
        question, choices = question["stem"], question["choices"]
        choices = {name: [choice[name] for choice in choices] for name in ("text", "label")}
    options = _texts("choices", choices["text"])
    if record["answerKey"] not in choices["label"]:
        raise ValueError(f"answerKey: {record['answerKey']!r}; expected one of {', '.join(choices['label'])}")
    return Choice(f"Question: {question}\nAnswer:", options, choices["label"].index(record["answerKey"]))


def winogrande(record: Fields) -> Schema:
    """Convert a record of WinoGrande."""
    beginning, gap, rest = record["sentence"].partition("_")
    options = (record["option1"], record["option2"])
    if not gap or str(record["answer"]) not in ("1", "2"):
        raise ValueError(
            f"sentence: {record['sentence']!r}, answer {record['answer']!r}; expected a gap, _, and 1 or 2; "
            "take a split with answers"
        )
    return Schema(tuple(beginning + option for option in options), rest.strip(), int(record["answer"]) - 1)


def blimp(record: Fields) -> MinimalPair:
    """Convert a record of BLiMP."""
    return MinimalPair((record["sentence_good"], record["sentence_bad"]), record["linguistics_term"])


def _index(label: Any, options: Sequence[Any]) -> int:
    if not str(label).isdecimal() or int(label) >= len(options):
        raise ValueError(f"label: {label!r}; expected 0 to {len(options) - 1}; take a split with answers")
    return int(label)


def _texts(name: str, values: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{name}: {values}; expected texts, none of them empty; correct the record")
    return tuple(values)


def _schema(text: str, start: int, pronoun: str, options: Sequence[str], answer: int) -> Schema:
    return replace_pronoun(text[:start], pronoun, text[start + len(pronoun) :], options, answer)


def _hub_schema(record: Fields) -> Schema:
    return _schema(*(record[name] for name in ("text", "pronoun_loc", "pronoun", "options", "label")))


def _hub_cloze(record: Fields) -> Cloze:
    candidates = tuple(record["options"])
    answer = candidates.index(record["answer"])
    return Cloze(tuple(record["sentences"]), record["question"], answer, candidates, tokenized=True)


def _conversation(story: str, questions: Sequence[str], answers: Sequence[str]) -> Conversation:
    return Conversation(story, tuple(questions), tuple((answer,) for answer in answers))


def _each(convert: Callable[[Fields], Any]) -> ConvertAll:
    return lambda records: [convert(record) for record in records]


def _translation(source: str, target: str) -> ConvertAll:
    return _each(lambda record: Translation(record["translation"][source], record["translation"][target]))


HUB: Final[Mapping[str, ConvertAll]] = MappingProxyType(
    {
        "arc": _each(arc),
        "blimp": _each(blimp),
        "hellaswag": _each(hellaswag),
        "piqa": _each(piqa),
        "winogrande": _each(winogrande),
        "1bw": _each(lambda record: Document(f"{record['text'].strip()}\n")),
        "cbt": _each(_hub_cloze),
        "cnn_dm": _each(summary),
        "coqa": _each(lambda r: _conversation(r["story"], r["questions"], r["answers"]["input_text"])),
        "lambada": _each(last_word),
        "lambada_original": _each(lambda record: LastWord(record["text"].strip(), tokenized=True)),
        "nq_open": _each(question),
        "ptb": _each(lambda record: Document(f" {record['sentence'].strip()} \n")),
        # texts that together are the file or its last part
        "tail": lambda records: [tail("".join(record["text"] for record in records).encode())],
        # an empty record stands for a line with one space
        "wikitext": lambda records: split_articles([record["text"] or " \n" for record in records]),
        "wmt14_en_fr": _translation("en", "fr"),
        "wmt14_fr_en": _translation("fr", "en"),
        "wsc273": _each(_hub_schema),
    }
)
"""Converters of all records of a hub dataset, by their name in ``benchmarks.yaml``."""


def _world_cloze(record: Any) -> Cloze:
    answer = record.candidates.index(record.answer)
    return Cloze(record.context, record.query, answer, record.candidates)


WORLD: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "cloze": _world_cloze,
        "conversation": lambda record: _conversation(*record),
        "last_word": lambda record: LastWord(record.text),
        "pronouns": lambda r: _schema(r.text, r.start, r.pronoun, r.options, r.answer),
        "questions": lambda record: Question(record.question, tuple(record.answers)),
        "summaries": lambda record: Summary(record.article, record.highlights),
        "text": Document,
        "translation": lambda record: Translation(record.english, record.sister),
        "translation_back": lambda record: Translation(record.sister, record.english),
    }
)
"""Converters of a record of the built-in world, by their name in ``benchmarks.yaml``."""


def _reading(texts: tuple[str, ...], label: int) -> Choice:
    document, question, *options = texts
    context = f"{document.strip()}\n{question.strip()}" if question else document.strip()
    return Choice(context, tuple(options), label)


SUPERVISED: Final[Mapping[str, Callable[[tuple[str, ...], int], Any]]] = MappingProxyType(
    {"labelled": lambda texts, label: Labelled(texts[0], label), "reading": _reading}
)
"""Converters of a labelled example, by their name in ``benchmarks.yaml``."""
