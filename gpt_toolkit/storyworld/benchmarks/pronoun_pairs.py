"""Pronouns that only the meaning can resolve, in pairs that differ in one word, after Winograd (GPT-2 §3.4).

Two people of one gender, a thing that passes between them, and a pronoun for one of them. The stories of the
valley teach who it must be: the lender of a ladder receives it, the borrower returns it. A pair of examples
shares every word but one, and that word reverses the answer. So no rule that looks at names, their order or
their number can be right more than once in a pair.
"""

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import FOODS, LATE, NOUNS, TIMES, article
from gpt_toolkit.storyworld.people import ALLOWED, CENTRAL, PEOPLE, Person
from gpt_toolkit.storyworld.places import PLACES, TOOLS
from gpt_toolkit.storyworld.wording import halves, load, words

_PRONOUN = re.compile(r"\{([pP])\}")


class Pronoun(NamedTuple):
    """A text with a pronoun at character ``start``, and the two names for which it can stand."""

    text: str
    pronoun: str
    options: tuple[str, str]
    answer: int
    start: int


class Schema(NamedTuple):
    """An event between ``{a}`` and ``{b}``, and a sentence about one of them as ``{p}`` or ``{P}``.

    Attributes:
        a_first: Sentences that name ``{a}`` first.
        b_first: Sentences with the same meaning that name ``{b}`` first.
        endings: Sentences about one of them, with the words for the slot ``{w}`` that make it ``{a}``, and
            ``{b}``.
    """

    a_first: tuple[str, ...]
    b_first: tuple[str, ...]
    endings: tuple[tuple[str, ...], ...]


_WORDING = load("benchmarks")["pronouns"]
SCHEMAS = tuple(
    Schema(**table | {"endings": tuple(map(halves, table["endings"]))}) for table in _WORDING["schemas"]
)
_OPENINGS: tuple[str, ...] = _WORDING["openings"]
_SHOPS: tuple[str, ...] = _WORDING["shops"]
_WEATHER = words(_WORDING["weather"])


def pronouns(rng: Random, split: str, is_second: bool) -> Pronoun:
    """Draw one example of a pair.

    Args:
        rng: Source of randomness, in the same state for both examples of a pair.
        split: Split of the combination of one of the two people and the thing.
        is_second: Which example of the pair.
    """
    chooser = Chooser(rng)
    pick, chance = chooser.pick, chooser.chance
    a, b, nouns = _draw_people(chooser, split)
    slots = _draw_slots(chooser, a, b, nouns)
    schema = pick(SCHEMAS)
    telling = pick(_OPENINGS) + pick(schema.a_first if chance(0.5) else schema.b_first)
    ending, *word_for = pick(schema.endings)
    answers = [a.name, b.name]
    if chance(0.5):
        answers.reverse()
    options = (a.name, b.name) if chance(0.5) else (b.name, a.name)
    answer = answers[is_second]
    slots["w"] = word_for[answer == b.name].format_map(slots)
    before, slot, after = _PRONOUN.split(f"{telling} {ending}")
    pronoun = a.he.capitalize() if slot == "P" else a.he
    before = before.format_map(slots)
    text = before + pronoun + after.format_map(slots)
    return Pronoun(text, pronoun, options, options.index(answer), len(before))


def _draw_people(chooser: Chooser, split: str) -> tuple[Person, Person, tuple[int, int]]:
    """Draw two people of one gender and of different families, and two nouns that may occur with both."""
    pick = chooser.pick
    while True:
        a, b = pick(PEOPLE), pick(PEOPLE)
        both = ALLOWED[split][a.index] & ALLOWED[split][b.index]
        central = [noun for noun in CENTRAL[split][pick((a, b)).index] if both >> noun & 1]
        if a.female is b.female and a.family != b.family and central:
            break
    first = pick(central)
    others = [noun for noun in range(len(NOUNS)) if noun != first and both >> noun & 1]
    return a, b, (first, pick(others))


def _draw_slots(chooser: Chooser, a: Person, b: Person, nouns: Sequence[int]) -> dict[str, str]:
    pick = chooser.pick
    (noun, adjective), (noun2, adjective2) = (
        (NOUNS[index].word, pick(NOUNS[index].adjectives)) for index in nouns
    )
    place, tool, weather = pick(PLACES), pick(TOOLS), pick(_WEATHER)
    x, y = pick(((a, b), (b, a)))
    return {
        "a": a.name,
        "b": b.name,
        "x": x.name,
        "y": y.name,
        "noun": noun,
        "adjn": f"{adjective} {noun}",
        "an": f"{article(adjective)} {noun}",
        "the": f"the {adjective} {noun}",
        "noun2": noun2,
        "the2": f"the {adjective2} {noun2}",
        "tool": tool,
        "atool": article(tool),
        "food": pick(FOODS),
        "at": place.at,
        "to": place.to,
        "elsewhere": PLACES[PLACES.index(place) - pick(range(1, len(PLACES)))].at,
        "spot": pick(place.spots).phrase,
        "shop": pick(_SHOPS),
        "Late": pick(LATE),
        "weather": weather,
        "a_weather": article(weather),
        "time": pick(TIMES[:3]),
    }
