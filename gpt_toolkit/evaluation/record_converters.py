"""Conversion of records into items: records of the hub, of the built-in world and of supervised datasets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from gpt_toolkit.evaluation.items import (
    Choice,
    Cloze,
    Conversation,
    Document,
    Labelled,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
    replace_pronoun,
    split_articles,
)

Record: TypeAlias = Mapping[str, Any]
ConvertAll: TypeAlias = Callable[[Iterable[Record]], Sequence[Any]]


TAIL_BYTES = 5_000_000
"""Size of the usual test part of enwik8 and text8."""


def tail(data: bytes) -> Document:
    """Return the last bytes as a document that begins at a character."""
    data = data[-TAIL_BYTES:]
    while data and data[0] & 0xC0 == 0x80:
        data = data[1:]
    return Document(data.decode())


def last_word(record: Record) -> LastWord:
    """Convert a record of OpenAI's LAMBADA."""
    return LastWord(record["text"])


def summary(record: Record) -> Summary:
    """Convert a record of CNN/Daily Mail."""
    return Summary(record["article"], record["highlights"])


def question(record: Record) -> Question:
    """Convert a record of NQ-open."""
    return Question(record["question"], tuple(record["answer"]))


def replaced_schema(record: Record) -> Schema:
    """Convert a record of WSC273 as llm-foundry has it, with the pronoun already replaced."""
    return Schema(tuple(record["context_options"]), record["continuation"].strip(), record["gold"])


# The Hugging Face hub


def _each(convert: Callable[[Record], Any]) -> ConvertAll:
    return lambda records: [convert(record) for record in records]


def _wikitext(records: Iterable[Record]) -> list[Document]:
    """Convert lines; an empty record stands for a line with one space."""
    return split_articles([record["text"] or " \n" for record in records])


def _tail(records: Iterable[Record]) -> list[Document]:
    """Convert records whose texts together are the file or its last part."""
    return [tail("".join(record["text"] for record in records).encode())]


def _schema(record: Record) -> Schema:
    text, start, pronoun = record["text"], record["pronoun_loc"], record["pronoun"]
    rest = text[start + len(pronoun) :]
    return replace_pronoun(text[:start], pronoun, rest, record["options"], record["label"])


def _cloze(record: Record) -> Cloze:
    candidates = tuple(record["options"])
    answer = candidates.index(record["answer"])
    return Cloze(tuple(record["sentences"]), record["question"], answer, candidates, tokenized=True)


def _conversation(record: Record) -> Conversation:
    answers = tuple((answer,) for answer in record["answers"]["input_text"])
    return Conversation(record["story"], tuple(record["questions"]), answers)


def _translation(source: str, target: str) -> ConvertAll:
    return _each(lambda record: Translation(record["translation"][source], record["translation"][target]))


HUB: Final[Mapping[str, ConvertAll]] = MappingProxyType(
    {
        "1bw": _each(lambda record: Document(f"{record['text'].strip()}\n")),
        "cbt": _each(_cloze),
        "cnn_dm": _each(summary),
        "coqa": _each(_conversation),
        "lambada": _each(last_word),
        "lambada_original": _each(lambda record: LastWord(record["text"].strip(), tokenized=True)),
        "nq_open": _each(question),
        "ptb": _each(lambda record: Document(f" {record['sentence'].strip()} \n")),
        "tail": _tail,
        "wikitext": _wikitext,
        "wmt14_en_fr": _translation("en", "fr"),
        "wmt14_fr_en": _translation("fr", "en"),
        "wsc273": _each(_schema),
    }
)
"""Converters of all records of a hub dataset, by their name in ``benchmarks.yaml``."""


# Storyworld


def _world_pronoun(record: Any) -> Schema:
    rest = record.text[record.start + len(record.pronoun) :]
    return replace_pronoun(record.text[: record.start], record.pronoun, rest, record.options, record.answer)


def _world_cloze(record: Any) -> Cloze:
    answer = record.candidates.index(record.answer)
    return Cloze(record.context, record.query, answer, record.candidates)


def _world_conversation(record: Any) -> Conversation:
    answers = tuple((answer,) for answer in record.answers)
    return Conversation(record.story, tuple(record.questions), answers)


WORLD: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "cloze": _world_cloze,
        "conversation": _world_conversation,
        "last_word": lambda record: LastWord(record.text),
        "pronouns": _world_pronoun,
        "questions": lambda record: Question(record.question, tuple(record.answers)),
        "summaries": lambda record: Summary(record.article, record.highlights),
        "text": Document,
        "translation": lambda record: Translation(record.english, record.sister),
        "translation_back": lambda record: Translation(record.sister, record.english),
    }
)
"""Converters of a record of the built-in world, by their name in ``benchmarks.yaml``."""


# Supervised datasets


def _labelled(texts: tuple[str, ...], label: int) -> Labelled:
    return Labelled(texts[0], label)


def _reading(texts: tuple[str, ...], label: int) -> Choice:
    document, question, *options = texts
    context = f"{document.strip()}\n{question.strip()}" if question else document.strip()
    return Choice(context, tuple(options), label)


SUPERVISED: Final[Mapping[str, Callable[[tuple[str, ...], int], Any]]] = MappingProxyType(
    {"labelled": _labelled, "reading": _reading}
)
"""Converters of a labelled example, by their name in ``benchmarks.yaml``."""
