"""Pronouns that only the sense can resolve, in pairs that differ in one word, after Winograd (GPT-2 §3.4).

Two people of one gender, a thing that passes between them, and a pronoun for one of them. The stories of the
valley teach who of the two it must be: whoever lent the ladder receives it, whoever borrowed it returns it. A
pair of rows shares every word but one, and that word turns the answer round; so no rule that looks at names,
their order or their number can be right more than once in a pair.
"""

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, Protocol, TypeVar

from gpt_toolkit.storyworld.english import article
from gpt_toolkit.storyworld.lexicon import FOODS, LATE, NOUNS, TIMES
from gpt_toolkit.storyworld.places import OBSTACLES, PLACES
from gpt_toolkit.storyworld.world import ALLOWED, CENTRAL, PEOPLE, Person

Choice = TypeVar("Choice")
_PRONOUN = re.compile(r"\{([pP])\}")


class Pick(Protocol):
    """Chooses one of a sequence."""

    def __call__(self, options: Sequence[Choice], /) -> Choice: ...


class Pronoun(NamedTuple):
    """A text with a pronoun at character ``start``, and the two names for which it can stand."""

    text: str
    pronoun: str
    options: tuple[str, str]
    answer: int
    start: int


class _Schema(NamedTuple):
    """What happens between ``{a}`` and ``{b}``, and what is then said of one of them as ``{p}`` or ``{P}``.

    Attributes:
        a_first: Tellings that name ``{a}`` first.
        b_first: Tellings of the same that name ``{b}`` first.
        endings: Sentences about one of them, each with the word that makes it ``{a}`` and the one that makes
            it ``{b}``, for the slot ``{w}``.
    """

    a_first: tuple[str, ...]
    b_first: tuple[str, ...]
    endings: tuple[tuple[str, str, str], ...]


SCHEMAS = (
    _Schema(
        ("{a} lent {the} to {b} for one day.", "{a} had {an} and lent it to {b} until evening."),
        (
            "{b} borrowed {an} from {a} for one day.",
            "{b} begged so long that {a} lent out {the} until evening.",
        ),
        (
            ("{Late}, {p} {w} it back.", "got", "gave"),
            ("In the end {p} {w} it safely.", "received", "returned"),
        ),
    ),
    _Schema(
        (
            "{a} owned {atool} and was glad to lend it to {b}.",
            '"I have {atool} at home," said {a} to {b}. "You may use it."',
        ),
        (
            "{b} ran to {a} and came back with {atool}.",
            '"May I borrow your {tool}?" {b} asked {a}, who agreed at once.',
        ),
        (
            ("{Late}, {p} {w} the {tool}, and all was well.", "received", "returned"),
            ("As a reward for the {tool}, {p} {w} {food}.", "received", "brought"),
        ),
    ),
    _Schema(
        ("{a} had no idea where {the} was, until {b} came with it.", "So {a} got {the} back from {b}."),
        (
            "{b} gave {the} back to {a}.",
            '"I have brought you your {noun}," said {b}, and {a} took it gladly.',
        ),
        (
            ("{P} had {w} it {spot}.", "lost", "found"),
            ("As a reward, {p} {w} {food}.", "brought", "received"),
        ),
    ),
    _Schema(
        ('"Have you seen my {noun}?" {a} asked {b}.', "{a} told {b} about the missing {noun}."),
        ('"{b}, where is my {noun}?" asked {a}.', '"{b}, I have lost my {adjn}," said {a}.'),
        (("{P} had {w} it {elsewhere}.", "lost", "seen"),),
    ),
    _Schema(
        ("For a joke, {a} took {the} away from {b}.", "{a} could not resist a prank and hid {the} of {b}."),
        ("{b} had {an}, but for a joke {a} took it.", "{b} did not notice that {a} took {the} for a joke."),
        (
            ("For a moment {p} was very {w}.", "ashamed", "angry"),
            ('{P} said, "I am very {w}."', "sorry", "angry"),
        ),
    ),
    _Schema(
        ("{a} gave {the} to {b}.", "{a} put {an} into the hands of {b}."),
        ("{b} received {an} from {a}.", "{b} got {an}, and it came from {a}."),
        (
            ("{P} had {w} it {shop} before.", "bought", "admired"),
            ("{Late}, {p} was happy to have {w} the {noun}.", "given", "received"),
        ),
    ),
    _Schema(
        (
            "{a} brought {the} to {b}, and after an hour it was whole again.",
            "{a} came to {b} with {an} that was damaged.",
        ),
        ("{b} looked at the damaged {noun} of {a}.", "{b} mended {the} of {a} with glue and patience."),
        (("It was {p} who had {w} it.", "damaged", "repaired"),),
    ),
    _Schema(
        ("{a} gave {the} to {b} and got {the2} in return.", "So {a} and {b} traded: {the} for {the2}."),
        ("{b} took {the} and handed {the2} to {a}.", "{b} got {the} from {a}, who got {the2} for it."),
        (
            ("{Late}, {p} had the {w}.", "{noun2}", "{noun}"),
            ("From that day on, {p} never let the {w} out of sight.", "{noun2}", "{noun}"),
        ),
    ),
    _Schema(
        ("For a few pennies {a} bought {an} from {b}.", "After long bargaining, {a} bought {the} from {b}."),
        ("{b} sold {an} to {a} at a fair price.", "{b} had {an} for sale, and {a} paid for it."),
        (
            ("{Late}, {p} looked at the {w} once more and smiled.", "{noun}", "money"),
            ("So {p} went home with the {w}.", "{noun}", "money"),
        ),
    ),
)
"""Ours: nine things that happen between two people in the stories, in the words of the stories."""
OPENINGS = (
    "",
    "It was {a_weather} {time}. ",
    "One {weather} {time}, {x} met {y} {at}. ",
    "{x} went {to}, and there was {y}. ",
)
_SHOPS = ("at the market", "in the town square", "at the harbor", "at the inn", "in the workshop")
_WEATHER = ("rainy", "windy", "sunny", "misty", "mild", "hot", "chilly", "golden")


def pronouns(rng: Random, split: str, second: bool) -> Pronoun:
    """Draw one row of a pair.

    Args:
        rng: In the same state for both rows of a pair.
        split: "train", "validation" or "test": one of the two people and the thing meet in no other split.
        second: Which row of the pair.
    """

    def pick(options: Sequence[Choice]) -> Choice:
        return options[int(rng.random() * len(options))]

    a, b, nouns = _people(pick, split)
    slots = _slots(pick, a, b, nouns)
    schema = pick(SCHEMAS)
    telling = pick(OPENINGS) + pick(schema.a_first if rng.random() < 0.5 else schema.b_first)
    ending, *word_for = pick(schema.endings)
    answers = [a.name, b.name]
    if rng.random() < 0.5:
        answers.reverse()
    options = (a.name, b.name) if rng.random() < 0.5 else (b.name, a.name)
    answer = answers[second]
    slots["w"] = word_for[answer == b.name].format_map(slots)
    before, slot, after = _PRONOUN.split(f"{telling} {ending}")
    pronoun = "she" if a.female else "he"
    pronoun = pronoun.capitalize() if slot == "P" else pronoun
    before = before.format_map(slots)
    return Pronoun(
        before + pronoun + after.format_map(slots), pronoun, options, options.index(answer), len(before)
    )


def _people(pick: Pick, split: str) -> tuple[Person, Person, tuple[int, int]]:
    """Two people of one gender and of different families, and two kinds of things that they may meet with."""
    while True:
        a, b = pick(PEOPLE), pick(PEOPLE)
        both = ALLOWED[split][a.index] & ALLOWED[split][b.index]
        central = [noun for noun in CENTRAL[split][pick((a, b)).index] if both >> noun & 1]
        if a.female is b.female and a.family != b.family and central:
            break
    first = pick(central)
    others = [noun for noun in range(len(NOUNS)) if noun != first and both >> noun & 1]
    return a, b, (first, pick(others))


def _slots(pick: Pick, a: Person, b: Person, nouns: tuple[int, int]) -> dict[str, str]:
    (noun, adjective), (noun2, adjective2) = (
        (NOUNS[index].word, pick(NOUNS[index].adjectives)) for index in nouns
    )
    place, tool, weather = pick(PLACES), pick(tuple(OBSTACLES.values())), pick(_WEATHER)
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
