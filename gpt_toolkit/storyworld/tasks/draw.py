"""Who and what one row is about: people and things that its split allows to be told together."""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.world import ALLOWED, CENTRAL, PEOPLE, Person

Choice = TypeVar("Choice")


class Thing(NamedTuple):
    """A thing of one row: a kind of thing and an adjective."""

    noun: int
    word: str
    adjective: str

    @property
    def the(self) -> str:
        """The thing with its article."""
        return f"the {self.adjective} {self.word}"


class Draw:
    """Chance for one row.

    The hero and the thing of a row belong together in its split alone: a validation row is about a person
    and a kind of thing that no training row and no training story brings together. Everybody and everything
    else in the row is such that the split may bring them together.

    Args:
        rng: Source of all that is left to chance; only ``random()`` is used, for it never changed.
        split: "train", "validation" or "test".
    """

    def __init__(self, rng: Random, split: str) -> None:
        self.random, self.split = rng.random, split
        allowed, central = ALLOWED[split], CENTRAL[split]
        self.hero = PEOPLE[self.below(len(PEOPLE))]
        while not central[self.hero.index]:
            self.hero = PEOPLE[self.below(len(PEOPLE))]
        self.people = [self.hero]
        noun = self.pick(central[self.hero.index])
        self.told = 1 << noun
        self.free = allowed[self.hero.index] & ~self.told
        self.thing = self._of_kind(noun)

    def below(self, bound: int) -> int:
        """A random number from 0 to ``bound - 1``."""
        return int(self.random() * bound)

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of ``options``."""
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def shuffled(self, options: Iterable[Choice]) -> list[Choice]:
        """All of ``options`` in any order."""
        return shuffled(self.random, options)

    def person(self, fits: Callable[[Person], bool] | None = None) -> Person:
        """Somebody new in this row; of those that fit, if it is said which."""
        allowed, told = ALLOWED[self.split], self.told
        while True:
            person = PEOPLE[int(self.random() * len(PEOPLE))]
            if person in self.people or told & ~allowed[person.index] or (fits and not fits(person)):
                continue
            self.people.append(person)
            self.free &= allowed[person.index]
            return person

    def another(self) -> Thing:
        """A thing of a kind that is new in this row."""
        noun = self.below(len(NOUNS))
        while not self.free >> noun & 1:
            noun = (noun + 1) % len(NOUNS)
        self.told |= 1 << noun
        self.free &= ~(1 << noun)
        return self._of_kind(noun)

    def _of_kind(self, noun: int) -> Thing:
        return Thing(noun, NOUNS[noun].word, self.pick(NOUNS[noun].adjectives))


def sentence(text: str, mark: str = ".") -> str:
    """A clause as a sentence: a capital in front, a mark behind."""
    return text[0].upper() + text[1:] + mark


def shuffled(random: Callable[[], float], options: Iterable[Choice]) -> list[Choice]:
    """All of ``options`` in any order, by ``random()`` alone."""
    rest = list(options)
    for last in range(len(rest) - 1, 0, -1):
        other = int(random() * (last + 1))
        rest[last], rest[other] = rest[other], rest[last]
    return rest
