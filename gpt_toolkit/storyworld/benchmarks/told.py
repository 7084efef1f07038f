"""A story told event by event, so that a benchmark knows which sentence tells what."""

import re
from collections.abc import Container
from typing import NamedTuple

from gpt_toolkit.storyworld.events import Event, State
from gpt_toolkit.storyworld.teller import Teller
from gpt_toolkit.storyworld.telling import sentence

_FULL_STOP = re.compile(r'(?<=\.)\s+(?="?[A-Z])|(?<=\.")\s+(?="?[A-Z])')
_WORD = re.compile(r"\w+(?:-\w+)*")
CHAPTER = "chapter"
"""The kind of event at which a new chapter begins; it has no template, because stories have one chapter."""
_CHAPTERS = (
    "A week went by.",
    "The next day was quiet, but not for long.",
    "Some days later, there was something new to tell.",
    "Not long after that, it all began again.",
    "And the next adventure was already waiting.",
)


class Told(NamedTuple):
    """What was said of one event: a sentence, seldom two or three, and whether a paragraph starts there."""

    event: Event
    text: str
    starts_paragraph: bool


def tell_events(state: State) -> list[Told]:
    """Tell a story that has happened in the words of ``storyworld.story``, and keep its events apart."""
    teller = Teller(state)
    told: list[Told] = []
    starts_paragraph = False
    for event in state.log:
        if event.kind == "paragraph":
            starts_paragraph = True
            continue
        if event.kind == CHAPTER:
            text = state.pick(_CHAPTERS)
            teller.last_subject, teller.last_people = None, []  # no "she" reaches across a chapter
            teller.last_item = None
        else:
            text = sentence(teller, event)
        told.append(Told(event, text, starts_paragraph or event.kind == CHAPTER))
        starts_paragraph = False
    return told


def join(told: list[Told]) -> str:
    """The running text of told events; a blank line stands between paragraphs."""
    text = "".join(("\n\n" if part.starts_paragraph else " ") + part.text for part in told)
    return text.strip()


def split_sentences(text: str) -> list[str]:
    """Cut what was said of an event at its full stops; a quotation is never cut open."""
    sentences: list[str] = []
    for piece in _FULL_STOP.split(text):
        if sentences and sentences[-1].count('"') % 2:
            sentences[-1] += " " + piece
        else:
            sentences.append(piece)
    return sentences


def mentions(text: str, vocabulary: Container[str]) -> list[str]:
    """The words of a text that are in the vocabulary, in order and with repetitions."""
    return [word for word in _WORD.findall(text) if word in vocabulary]
