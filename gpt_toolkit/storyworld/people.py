"""The people of the valley, how they are related, and which of them meet which things in which split.

These facts do not depend on the seed of a text: Mara has the same mother in every document.
"""

from dataclasses import dataclass
from typing import NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import (
    COLORS,
    FAMILY_NAMES,
    FEMALE_NAMES,
    MALE_NAMES,
    MONTHS,
    NOUNS,
    TRADES,
    TRAITS,
)
from gpt_toolkit.storyworld.wording import load

SPLITS = ("train", "validation", "test")
HELD_OUT_ONE_IN = 20  # tuned here: one (person, thing) pair of 20 for validation, another one for test
_MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """Hash integers to 64 bits, the same on every machine (steps of splitmix64's finalizer)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def check_split(split: str) -> None:
    """Raise ValueError for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"split: {split!r}; expected one of 'train', 'validation', 'test'")


def split_by_hash(number: int, one_in: int) -> str:
    """Return the split of a hash: one of ``one_in`` is for validation, another one for test."""
    rest = number % one_in
    return "validation" if rest == 0 else "test" if rest == 1 else "train"


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """A person of the valley."""

    index: int
    name: str
    female: bool
    age: str  # "child", "adult" or "elder"
    family: int
    trade: str  # "" for a child
    trait: str
    he: str
    him: str
    his: str

    @property
    def full_name(self) -> str:
        """The name with the family name."""
        return f"{self.name} {FAMILY_NAMES[self.family]}"


class Pet(NamedTuple):
    """The animal of a family."""

    name: str
    kind: str


def _create_people() -> tuple[Person, ...]:
    """Create six people for each family: a grandparent, a father, a mother and three children."""
    names = {True: iter(FEMALE_NAMES), False: iter(MALE_NAMES)}
    people: list[Person] = []
    for family in range(len(FAMILY_NAMES)):
        odd = family % 2 == 1
        for place, female in enumerate((odd, False, True, not odd, odd, (family // 2) % 2 == 0)):
            index = len(people)
            age = ("elder", "adult", "adult", "child", "child", "child")[place]
            trade = TRADES[(family * 2 + place) % len(TRADES)] if age != "child" else ""
            trait = TRAITS[mix(1, index) % len(TRAITS)]
            pronouns = ("she", "her", "her") if female else ("he", "him", "his")
            people.append(Person(index, next(names[female]), female, age, family, trade, trait, *pronouns))
    return tuple(people)


PEOPLE = _create_people()
PERSON_BY_NAME = {person.name: person for person in PEOPLE}
FAMILIES = tuple(PEOPLE[start : start + 6] for start in range(0, len(PEOPLE), 6))
FAMILY_PETS = tuple(Pet(*line.split(": ")) for line in load("names_and_things")["pets"])
STREETS: tuple[str, ...] = load("names_and_things")["streets"]
"""The street of each family."""
DOORS = tuple(COLORS[mix(27, family) % len(COLORS)] for family in range(len(FAMILIES)))
"""The color of the door of each family."""
BIRTHDAYS = tuple(MONTHS[mix(26, person.index) % 12] for person in PEOPLE)
"""The month in which each person was born."""


def kinship(of: Person, who: Person) -> str:
    """Return what ``who`` is to ``of``, such as "mother"; "" when they are not of one family.

    The grandparent of a family is a parent of its father.
    """
    if of.family != who.family or of is who:
        return ""
    a, b = of.index % 6, who.index % 6
    if a >= 3:
        words = "grandmother grandfather" if b == 0 else "mother father" if b < 3 else "sister brother"
    elif b >= 3:
        words = "granddaughter grandson" if a == 0 else "daughter son"
    elif a == 0:
        words = "daughter-in-law son"
    elif b == 0:
        words = "mother father" if a == 1 else "mother-in-law father-in-law"
    else:
        words = "wife husband"
    return words.split()[0 if who.female else 1]


def address(speaker: Person, listener: Person) -> str:
    """Return how a person addresses another: parents and grandparents by their kinship."""
    word = kinship(speaker, listener)
    return word.capitalize() if word in ("mother", "father", "grandmother", "grandfather") else listener.name


def split_of(person: int, noun: int) -> str:
    """Return the split of the combination of a person and a kind of thing, by their indices."""
    return split_by_hash(mix(2, person, noun), HELD_OUT_ONE_IN)


_SPLIT_OF = [[split_of(person.index, noun) for noun in range(len(NOUNS))] for person in PEOPLE]
ALLOWED = {
    split: tuple(
        sum(1 << noun for noun, found in enumerate(row) if found in ("train", split)) for row in _SPLIT_OF
    )
    for split in SPLITS
}
"""For each split and person, a bit for each noun that may occur in the same text."""
CENTRAL = {
    split: tuple(tuple(noun for noun, found in enumerate(row) if found == split) for row in _SPLIT_OF)
    for split in SPLITS
}
"""For each split and person, the nouns that can be at the center of a text about that person."""


def may_be_named(person: Person, split: str, nouns: int) -> bool:
    """Return whether a person may occur in a document of a split with the nouns of a bit set."""
    return not nouns & ~ALLOWED[split][person.index]


def draw_central_pair(chooser: Chooser, split: str) -> tuple[Person, int]:
    """Draw a person and a noun whose combination belongs to the split."""
    while True:
        person = chooser.pick(PEOPLE)
        if central := CENTRAL[split][person.index]:
            return person, chooser.pick(central)
