"""Stories whose sentences are aligned with their events, and long stories of several chapters."""

import re
from collections.abc import Container
from functools import reduce
from operator import and_
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.narrator import Narrator
from gpt_toolkit.storyworld.people import ALLOWED
from gpt_toolkit.storyworld.plots import broken, chest, errand, gift, simulate, stray
from gpt_toolkit.storyworld.scenes import Cast, Story
from gpt_toolkit.storyworld.story_state import Event, StoryState
from gpt_toolkit.storyworld.wording import load

CHAPTER = "chapter"
"""The kind of event at which a new chapter begins. It has no template, because stories have one chapter."""
_CHAPTERS = load("benchmarks")["chapters"]
_FULL_STOP = re.compile(r'(?<=\.)\s+(?="?[A-Z])|(?<=\.")\s+(?="?[A-Z])')
_WORD = re.compile(r"\w+(?:-\w+)*")
# plots that can follow others: those in which the hero does not love one thing above all
_LATER_PLOTS = (gift, errand, broken, stray, chest)


class AlignedText(NamedTuple):
    """The text of one event: a sentence, seldom two or three, and whether a paragraph starts there."""

    event: Event
    text: str
    starts_paragraph: bool


def tell_aligned(state: StoryState) -> list[AlignedText]:
    """Tell a story in the words of ``storyworld.story``, aligned with its events."""
    narrator = Narrator(state)
    told: list[AlignedText] = []
    starts_paragraph = False
    for event in state.log:
        if event.kind == "paragraph":
            starts_paragraph = True
            continue
        if event.kind == CHAPTER:
            text = state.pick(_CHAPTERS)
            narrator.start_over()  # no "she" refers to the chapter before
        else:
            text = narrator.sentence(event)
        told.append(AlignedText(event, text, starts_paragraph or event.kind == CHAPTER))
        starts_paragraph = False
    return told


def join(told: list[AlignedText]) -> str:
    """Join aligned texts, with an empty line between paragraphs."""
    text = "".join(("\n\n" if part.starts_paragraph else " ") + part.text for part in told)
    return text.strip()


def split_sentences(text: str) -> list[str]:
    """Split the text of an event at its full stops, but not inside a quotation."""
    sentences: list[str] = []
    for piece in _FULL_STOP.split(text):
        if sentences and sentences[-1].count('"') % 2:
            sentences[-1] += " " + piece
        else:
            sentences.append(piece)
    return sentences


def mentions(text: str, vocabulary: Container[str]) -> list[str]:
    """Return the words of a text that are in the vocabulary, in order and with repetitions."""
    return [word for word in _WORD.findall(text) if word in vocabulary]


def simulate_chapters(rng: Random, split: str, chapters: int) -> Story:
    """Simulate a long story: one hero in several plots, with other people in each.

    A chapter has about 12 sentences.

    Args:
        rng: Source of randomness.
        split: Split of the person and the thing of the first chapter. No chapter has a combination that
            belongs to another held-out split.
        chapters: Number of plots; those after the first are all different.
    """
    story = simulate(rng, split)
    later = [plot for plot in _LATER_PLOTS if plot is not chest or story.hero.age != "elder"]
    for _ in range(chapters - 1):
        _recast(story, split)
        plot = later.pop(story.below(len(later)))
        begin = len(story.log)
        story.note(CHAPTER)
        plot(story)
        opening = next(i for i in range(begin, len(story.log)) if story.log[i].kind == "paragraph")
        story.log[begin + 1 : opening + 1] = []
    return story


def _allowed_with_all(split: str, people: tuple[int, ...]) -> int:
    return reduce(and_, (ALLOWED[split][person] for person in people))


def _recast(story: Story, split: str) -> None:
    """Replace the people around the hero by others who may meet all things so far, and choose a new thing."""
    seen = _allowed_with_all(split, tuple(person.index for person in story.cast)) & ~story.nouns
    while True:
        people = Cast(story.pick, story.hero)
        allowed = _allowed_with_all(split, tuple(person.index for person in people.people()))
        if not seen & ~allowed and (left := story.nouns & allowed):
            break
    story.people = people
    story.cast = tuple(dict.fromkeys((*story.cast, *people.people())))
    story.nouns, story.borrowed = left, None
    story.central = story.pick([noun for noun in range(len(NOUNS)) if left >> noun & 1])
