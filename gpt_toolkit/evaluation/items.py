"""Items of benchmarks, one type for each kind of benchmark."""

import re
from collections.abc import Sequence
from typing import NamedTuple

GAP = "XXXXX"
"""Placeholder of the missing word in a :class:`Cloze` query."""


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
    label: int


class Choice(NamedTuple):
    """A context and several continuations; for RACE the context is document and question."""

    context: str
    options: tuple[str, ...]
    answer: int


class Document(NamedTuple):
    """A text whose likelihood is measured, as in the file."""

    text: str
    goes_on: bool = False
    """The next line of the file belongs to another document."""


# Sentences with a replaced pronoun

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


# Articles of WikiText


def is_title(line: str) -> bool:
    """Return True if a line of WikiText begins an article."""
    heading = line.replace("= = =", "===").replace("= =", "==").strip()
    return heading.startswith("= ") and heading.endswith(" =")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text with their line ends; only a line feed ends a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def split_articles(lines: Sequence[str]) -> list[Document]:
    """Return lines with their ends as documents that begin at an article's title."""
    articles: list[list[str]] = [[]]
    for line in lines:
        if is_title(line) and any(map(str.strip, articles[-1])):
            articles.append([])
        articles[-1].append(line)
    return [Document("".join(article), article is not articles[-1]) for article in articles]
