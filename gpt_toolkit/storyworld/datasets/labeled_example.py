"""Labeled examples, the datasets that they belong to, and the people and things that an example may name."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.people import ALLOWED, CENTRAL, PEOPLE, Person


class LabeledExample(NamedTuple):
    """A labeled example.

    Attributes:
        texts: One text (classification), two (entailment, similarity, graded), or context, question ("" for
            none) and the answers (multiple choice).
        target: Index of the class, index of the right answer, or a grade from 0 to 5.
        genre: Genre of the premise, for entailment.
    """

    texts: tuple[str, ...]
    target: int | float
    genre: str = ""


@dataclass(frozen=True)
class Dataset:
    """A Storyworld counterpart of a dataset of GPT-1's Table 1.

    Args:
        name: Name of the dataset.
        kind: Type of the task.
        labels: Names of the classes, by index; empty for multiple choice.
        metric: Metric of the published dataset.
        counterpart: Name of the published dataset.
        draw: Function that draws an example of a split.
        splits: Names of the splits.
    """

    name: str
    kind: Literal["classification", "entailment", "similarity", "graded", "multiple_choice"]
    labels: tuple[str, ...]
    metric: Literal["matthews", "accuracy", "f1", "pearson"]
    counterpart: str
    draw: Callable[[Random, str], LabeledExample]
    splits: tuple[str, ...] = ("train", "validation", "test")


class Thing(NamedTuple):
    """A thing of one example: a kind of thing and an adjective."""

    noun: int
    word: str
    adjective: str
    the: str  # with its article and adjective


class ExampleChooser(Chooser):
    """Random choices for one example.

    The combination of the hero and the thing belongs to the split. No other person or thing of the example
    makes a combination that belongs to another held-out split.

    Args:
        rng: Source of randomness.
        split: "train", "validation" or "test".
    """

    def __init__(self, rng: Random, split: str) -> None:
        super().__init__(rng)
        pick, central = self.pick, CENTRAL[split]
        hero = pick(PEOPLE)
        while not central[hero.index]:
            hero = pick(PEOPLE)
        noun = pick(central[hero.index])
        self.split, self.hero, self.people = split, hero, [hero]
        self.named = 1 << noun
        self.free = ALLOWED[split][hero.index] & ~self.named
        self.thing = self._of_kind(noun)

    def person(self, fits: Callable[[Person], bool] | None = None) -> Person:
        """Return a person who is new in this example and fits, if a condition is given."""
        allowed, named = ALLOWED[self.split], self.named
        while True:
            person = PEOPLE[int(self.random() * len(PEOPLE))]
            if person in self.people or named & ~allowed[person.index] or (fits and not fits(person)):
                continue
            self.people.append(person)
            self.free &= allowed[person.index]
            return person

    def another_thing(self) -> Thing:
        """Return a thing of a kind that is new in this example."""
        noun = self.below(len(NOUNS))
        while not self.free >> noun & 1:
            noun = (noun + 1) % len(NOUNS)
        self.named |= 1 << noun
        self.free &= ~(1 << noun)
        return self._of_kind(noun)

    def _of_kind(self, noun: int) -> Thing:
        word, _, _, adjectives = NOUNS[noun]
        adjective = self.pick(adjectives)
        return Thing(noun, word, adjective, f"the {adjective} {word}")
