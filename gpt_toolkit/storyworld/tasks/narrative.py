"""Passages for reading and for story endings: a day of a few people, told with the phrases of the stories."""

from collections.abc import Iterable
from random import Random

from gpt_toolkit.storyworld.events import Event, Item, State
from gpt_toolkit.storyworld.tasks.draw import Draw
from gpt_toolkit.storyworld.teller import Teller
from gpt_toolkit.storyworld.telling import sentence
from gpt_toolkit.storyworld.templates import count_sentences
from gpt_toolkit.storyworld.world import Person


class Day(State):
    """A state of people drawn for one row, the first of whom belongs to the row's thing in its split alone.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test".
        others: How many people there are besides the hero.
    """

    def __init__(self, rng: Random, split: str, others: int) -> None:
        self.draw = Draw(rng, split)
        hero = self.draw.hero

        def known(person: Person) -> bool:
            # the narrator introduces people as kin, friend or by their trade
            return bool(person.trade) or person.age == hero.age

        cast = [hero, *(self.draw.person(known) for _ in range(others))]
        super().__init__(rng, split, cast)
        self.shuffled = self.draw.shuffled

    def central(self) -> Item:
        """Bring the thing of the row into the day, in the hands of the hero; before any other thing."""
        return self.item(self.draw.thing.noun, self.hero)

    def exchange(self, people: Iterable[Person]) -> None:
        """Let a thing pass between two of ``people``, if one has any: given, lent, taken, swapped or back."""
        a, b = self.shuffled(tuple(people))[:2]
        held = [item for item in self.holder if self.holder[item] is a]
        borrowed = [item for item in held if item.owner is not a]
        own = [item for item in held if item.owner is a]
        if borrowed:
            item = self.pick(borrowed)
            self.give("give_back", a, item.owner, item)
        elif own:
            item = self.pick(own)
            wanted = [other for other in self.holder if self.holder[other] is b is other.owner]
            kind = self.pick(("give", "lend", "prank", "swap") if wanted else ("give", "lend", "prank"))
            if kind == "swap":
                self.swap(a, b, item, self.pick(wanted))
            elif kind == "give":
                self.give("give", a, b, item, own=True)
            else:
                self.grab(kind, b, a, item)


def narrate(state: State, events: Iterable[Event], most: int) -> str:
    """Tell events in one paragraph; again, in other words, while it has more than ``most`` sentences."""
    told = [event for event in events if event.kind != "paragraph"]
    while True:
        teller = Teller(state)
        text = " ".join(sentence(teller, event) for event in told)
        if count_sentences(text) <= most:
            return text


def the(item: Item) -> str:
    """A thing with its article."""
    return f"the {item.adjective} {item.word}"
