"""The state of a story and the actions that change it.

An action checks its preconditions, so no story can contradict itself.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeVar

from gpt_toolkit.storyworld.lexicon import NOUNS, SEASONS, TIMES, WEATHER
from gpt_toolkit.storyworld.places import HOME, Place, Spot
from gpt_toolkit.storyworld.world import ALLOWED, Person

Choice = TypeVar("Choice")


class Item:
    """A thing of one story: a kind of thing, told apart by an adjective, with its owner."""

    __slots__ = ("adjective", "noun", "owner", "small", "word")

    def __init__(self, noun: int, adjective: str, owner: Person) -> None:
        self.noun = noun
        self.word = NOUNS[noun].word
        self.small = NOUNS[noun].small
        self.adjective = adjective
        self.owner = owner


class Event(NamedTuple):
    """Something that happened: who did it, with whom, with what and where."""

    kind: str
    a: Person | None = None
    b: Person | None = None
    c: Person | None = None
    t: Item | None = None
    t2: Item | None = None
    place: Place | None = None
    spot: Spot | None = None
    x: str = ""
    owner: Person | None = None  # whose the thing was at that time


class State:
    """Who is where, who holds what, what lies where and who knows it, at one moment of a story.

    Args:
        rng: Source of all that is left to chance.
        split: Decides which combinations of a person and a thing may occur.
        cast: The people who can be named; the first is the hero.
    """

    def __init__(self, rng: Random, split: str, cast: Sequence[Person]) -> None:
        self.random = rng.random
        self.cast = tuple(cast)
        self.hero = cast[0]
        self.season = SEASONS[self.below(4)]
        self.weather = self.pick(WEATHER[SEASONS.index(self.season)])
        self.time = TIMES[self.below(3)]
        self.where: dict[Person, Place] = {}
        self.holder: dict[Item, Person] = {}
        self.resting: dict[Item, tuple[Place, Spot]] = {}
        self.knows: dict[tuple[Person, Item], tuple[Place, Spot]] = {}
        self.broken: set[Item] = set()
        self.log: list[Event] = []
        self.nouns = ~0
        for person in cast:
            self.nouns &= ALLOWED[split][person.index]

    # chance

    def below(self, bound: int) -> int:
        """A random number from 0 to ``bound - 1``."""
        return int(self.random() * bound)

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of ``options``."""
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    # things

    def item(self, noun: int, owner: Person) -> Item:
        """Bring a thing into the story, in the hands of its owner."""
        item = Item(noun, self.pick(NOUNS[noun].adjectives), owner)
        self.nouns &= ~(1 << noun)  # no story has two things of the same kind
        self.holder[item] = owner
        return item

    def any_item(self, owner: Person) -> Item:
        """Bring some thing into the story that everybody of the cast may be told with."""
        noun = self.below(len(NOUNS))
        while not self.nouns >> noun & 1:
            noun = (noun + 1) % len(NOUNS)
        return self.item(noun, owner)

    # actions

    def note(
        self,
        kind: str,
        a: Person | None = None,
        b: Person | None = None,
        c: Person | None = None,
        t: Item | None = None,
        t2: Item | None = None,
        place: Place | None = None,
        spot: Spot | None = None,
        x: str = "",
    ) -> None:
        """Record an event, which by itself leaves the state as it is."""
        self.log.append(Event(kind, a, b, c, t, t2, place, spot, x, t.owner if t is not None else None))

    def maybe(
        self,
        kind: str,
        a: Person | None = None,
        b: Person | None = None,
        t: Item | None = None,
        place: Place | None = None,
        x: str = "",
    ) -> None:
        """Record, sometimes, an event without which the story is complete."""
        if self.random() < 0.45:
            self.note(kind, a, b, t=t, place=place, x=x)

    def go(
        self, kind: str, a: Person, place: Place, b: Person | None = None, t: Item | None = None, x: str = ""
    ) -> None:
        """Move ``a``, and ``b`` if given, to a place."""
        assert self.where.get(a) is not place, "already there"
        self.where[a] = place
        if b is not None:
            self.where[b] = place
        self.note(kind, a, b, t=t, place=place, x=x)

    def meet(self, a: Person, b: Person) -> None:
        """``b`` turns out to be where ``a`` is."""
        assert a is not b
        self.where[b] = self.where[a]
        self.note("visit" if self.where[a] is HOME else "meet", a, b)

    def put(self, kind: str, a: Person, t: Item, spot: Spot, aware: bool = True) -> None:
        """``a`` leaves a thing in a spot; ``aware`` says whether ``a`` knows."""
        assert self.holder.get(t) is a, "only the holder can put a thing down"
        place = self.where[a]
        assert spot in place.spots or spot in place.hard_spots
        del self.holder[t]
        self.resting[t] = (place, spot)
        if aware:
            self.knows[a, t] = (place, spot)
        self.note(kind, a, t=t, place=place, spot=spot)

    def shift(self, a: Person, t: Item, spot: Spot, b: Person) -> None:
        """``a`` moves a thing from one spot to another of the same place while ``b`` is away."""
        place, old = self.resting[t]
        assert place is self.where[a]
        assert old is not spot
        assert self.where.get(b) is not place, "whoever is there would see it"
        self.resting[t] = self.knows[a, t] = (place, spot)
        self.note("tidy", a, b, t=t, place=place, spot=spot)

    def carry_off(self, a: Person, t: Item, animal: str, place: Place, spot: Spot) -> None:
        """An animal takes a thing from ``a`` and drops it somewhere else."""
        assert self.holder.get(t) is a
        del self.holder[t]
        self.resting[t] = (place, spot)
        self.note("animal", a, t=t, place=place, x=animal)
        self.note("animal_hides", place=place, spot=spot)

    def learn(self, a: Person, t: Item) -> None:
        """``a`` comes to know where a thing lies."""
        self.knows[a, t] = self.resting[t]

    def tell(self, kind: str, b: Person, a: Person, t: Item, c: Person | None = None) -> None:
        """``b`` tells ``a`` where a thing lies, and must know it."""
        place, spot = self.knows[a, t] = self.knows[b, t]
        self.note(kind, b, a, c, t=t, place=place, spot=spot)

    def take(self, kind: str, a: Person, t: Item) -> None:
        """``a`` picks a thing up from where it lies."""
        place, spot = self.resting.pop(t)
        assert self.where[a] is place, "one must be where the thing is"
        self.holder[t] = a
        self.note(kind, a, t=t, place=place, spot=spot)

    def grab(self, kind: str, a: Person, b: Person, t: Item) -> None:
        """A thing that ``b`` holds comes into the hands of ``a``."""
        assert self.holder.get(t) is b
        assert a is not b
        self.holder[t] = a
        self.note(kind, a, b, t=t)

    def give(self, kind: str, a: Person, b: Person, t: Item, own: bool = False) -> None:
        """``a`` hands a thing to ``b``, who becomes its owner if ``own``."""
        assert self.holder.get(t) is a
        assert a is not b
        self.holder[t] = b
        self.note(kind, a, b, t=t)
        if own:
            t.owner = b

    def swap(self, a: Person, b: Person, t: Item, t2: Item) -> None:
        """``a`` and ``b`` exchange what they own."""
        assert self.holder.get(t) is a
        assert self.holder.get(t2) is b
        self.note("swap", a, b, t=t, t2=t2)
        self.holder[t] = t.owner = b
        self.holder[t2] = t2.owner = a
