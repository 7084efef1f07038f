"""Sentences in English and in Vallic, for both directions, after WMT14 (GPT-2 §3.7)."""

from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.language import english, translate
from gpt_toolkit.storyworld.language.meanings import Speaker
from gpt_toolkit.storyworld.world import PEOPLE

FEWEST_WORDS = 7  # ours: shorter English sentences come again within a few thousand rows


class Translation(NamedTuple):
    """A sentence in English, and in the sister language."""

    english: str
    sister: str


def translation(rng: Random, split: str) -> Translation:
    """Draw a row: a sentence in which something is done to somebody or something, as most of the news are."""
    while True:
        people = [PEOPLE[int(rng.random() * len(PEOPLE))] for _ in range(2)]
        meaning = Speaker(rng, split, people).meaning()
        if meaning.object is None:
            continue
        row = Translation(english(meaning), translate(meaning))
        if row.english.count(" ") >= FEWEST_WORDS - 1:
            return row
