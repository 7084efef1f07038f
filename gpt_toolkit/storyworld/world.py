"""The lasting facts of the world: who lives in the valley, how they are related, what is held out.

These facts do not depend on the seed of a story: Mara has the same mother in every document. What
changes from story to story (who is where, who holds what, where a thing lies) is the state in ``events``.
"""

from dataclasses import dataclass
from typing import NamedTuple

from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, FEMALE_NAMES, MALE_NAMES, NOUNS, PETS, TRADES, TRAITS

SPLITS = ("train", "validation", "test")
HELD_OUT_ONE_IN = (
    20  # ours: one (person, thing) pair of 20 is kept for validation, and another one of 20 for test
)
_MASK = (1 << 64) - 1


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """A person of the valley."""

    index: int
    name: str
    female: bool
    age: str  # "child", "adult" or "elder"
    family: int
    trade: str
    trait: str


class Pet(NamedTuple):
    """The animal of a family."""

    name: str
    kind: str


def mix(*numbers: int) -> int:
    """Hash integers to 64 bits, the same on every machine (steps of splitmix64's finalizer, ours)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def _people() -> tuple[Person, ...]:
    """Six people for each family: a grandparent, a father, a mother and three children."""
    names = {True: iter(FEMALE_NAMES), False: iter(MALE_NAMES)}
    people: list[Person] = []
    for family in range(len(FAMILY_NAMES)):
        odd = family % 2 == 1
        for place, female in enumerate((odd, False, True, not odd, odd, (family // 2) % 2 == 0)):
            index = len(people)
            age = ("elder", "adult", "adult", "child", "child", "child")[place]
            trade = TRADES[(family * 2 + place) % len(TRADES)] if age != "child" else ""
            people.append(
                Person(
                    index,
                    next(names[female]),
                    female,
                    age,
                    family,
                    trade,
                    TRAITS[mix(1, index) % len(TRAITS)],
                )
            )
    return tuple(people)


PEOPLE = _people()
FAMILIES = tuple(PEOPLE[start : start + 6] for start in range(0, len(PEOPLE), 6))
FAMILY_PETS = tuple(Pet(name, kind) for name, kind in PETS)


def kinship(of: Person, who: Person) -> str:
    """What ``who`` is to ``of``: "mother", "brother" and so on, "" when they are not of one family.

    The grandparent of a family is a parent of its father.
    """
    if of.family != who.family or of is who:
        return ""
    a, b = of.index % 6, who.index % 6
    if a >= 3:
        words = (
            "grandmother grandfather" if b == 0 else "mother father" if b < 3 else "sister brother"
        ).split()
    elif b >= 3:
        words = ("granddaughter grandson" if a == 0 else "daughter son").split()
    elif a == 0:
        words = ["daughter-in-law", "son"]
    elif b == 0:
        words = ["mother", "father"] if a == 1 else ["mother-in-law", "father-in-law"]
    else:
        words = ["wife", "husband"]
    return words[0 if who.female else 1]


def split_of(person: int, noun: int) -> str:
    """The split to which the combination of a person and a kind of thing belongs, by their indices."""
    rest = mix(2, person, noun) % HELD_OUT_ONE_IN
    return "validation" if rest == 0 else "test" if rest == 1 else "train"


def _allowed() -> dict[str, tuple[int, ...]]:
    """For each split and person, a bit for each noun that may occur in the same story."""
    return {
        split: tuple(
            sum(1 << noun for noun in range(len(NOUNS)) if split_of(person.index, noun) in ("train", split))
            for person in PEOPLE
        )
        for split in SPLITS
    }


def _central() -> dict[str, tuple[tuple[int, ...], ...]]:
    """For each split and person, the nouns that can be at the center of a story about that person."""
    return {
        split: tuple(
            tuple(noun for noun in range(len(NOUNS)) if split_of(person.index, noun) == split)
            for person in PEOPLE
        )
        for split in SPLITS
    }


ALLOWED = _allowed()
CENTRAL = _central()
