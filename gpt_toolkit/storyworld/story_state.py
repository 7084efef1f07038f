"""The state of a story and the actions that change it.

An action checks its preconditions, so no story can contradict itself.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import NOUNS, SEASONS, TIMES, WEATHER, article
from gpt_toolkit.storyworld.people import ALLOWED, Person
from gpt_toolkit.storyworld.places import HOME, Place, Spot


class Item:
    """A thing of one story: a kind of thing with an adjective and an owner."""

    __slots__ = ("adjective", "looks", "noun", "owner", "small", "soft", "the", "word")

    def __init__(self, noun: int, adjective: str, owner: Person) -> None:
        self.noun = noun
        self.word, self.small, self.soft, _ = NOUNS[noun]
        self.adjective = adjective
        self.owner = owner
        self.looks = f"{adjective} {self.word}"
        self.the = f"the {self.looks}"

    @property
    def an(self) -> str:
        """The thing with its adjective and the indefinite article."""
        return article(self.looks)


class Event(NamedTuple):
    """An event of a story.

    Attributes:
        kind: A key of the tables of events in the wording, "paragraph" or ``CHAPTER``.
        a: The person who acts.
        b: The person with whom, or for whom, it is done.
        c: A third person.
        t: The thing.
        t2: A second thing.
        place: Where it happens, or where the thing is.
        spot: Where in the place.
        x: A tool, an animal, a reason or a sentence.
        owner: The owner of the thing at that time.
    """

    kind: str
    a: Person | None = None
    b: Person | None = None
    c: Person | None = None
    t: Item | None = None
    t2: Item | None = None
    place: Place | None = None
    spot: Spot | None = None
    x: str = ""
    owner: Person | None = None


class StoryState(Chooser):
    """The positions and owners of people and things at one moment of a story, and who knows what.

    Args:
        rng: Source of randomness.
        split: Split of the story, which decides which combinations of a person and a thing may occur.
        cast: The people who can be named; the first is the hero.
    """

    def __init__(self, rng: Random, split: str, cast: Sequence[Person]) -> None:
        super().__init__(rng)
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

    def time_slots(self) -> dict[str, str]:
        """Return the slots of templates that say when the story happened."""
        weather = self.weather
        return {
            "weather": weather,
            "a_weather": article(weather),
            "time": self.time,
            "season": self.season,
        }

    def logged_nouns(self) -> int:
        """Return the kinds of things in the story as a bit set."""
        bits = 0
        for event in self.log:
            for item in (event.t, event.t2):
                if item is not None:
                    bits |= 1 << item.noun
        return bits

    # things

    def item(self, noun: int, owner: Person) -> Item:
        """Add a thing to the story, in the hands of its owner."""
        item = Item(noun, self.pick(NOUNS[noun].adjectives), owner)
        self.nouns &= ~(1 << noun)  # no story has two things of the same kind
        self.holder[item] = owner
        return item

    def any_item(self, owner: Person) -> Item:
        """Add a random thing that everybody of the cast may be named with."""
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
        """Log an event that does not change the state."""
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
        """Log an optional event, sometimes."""
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
        """Let ``b`` be where ``a`` is."""
        assert a is not b
        self.where[b] = self.where[a]
        self.note("visit" if self.where[a] is HOME else "meet", a, b)

    def put(self, kind: str, a: Person, t: Item, spot: Spot, aware: bool = True) -> None:
        """Let ``a`` leave a thing in a spot; ``aware`` tells whether ``a`` notices."""
        assert self.holder.get(t) is a, "only the holder can put a thing down"
        place = self.where[a]
        assert spot in place.spots or spot in place.hard_spots
        del self.holder[t]
        self.resting[t] = (place, spot)
        if aware:
            self.knows[a, t] = (place, spot)
        self.note(kind, a, t=t, place=place, spot=spot)

    def shift(self, a: Person, t: Item, spot: Spot, b: Person) -> None:
        """Let ``a`` move a thing from one spot to another of the same place while ``b`` is away."""
        place, old = self.resting[t]
        assert place is self.where[a]
        assert old is not spot
        assert self.where.get(b) is not place, "b would see it"
        self.resting[t] = self.knows[a, t] = (place, spot)
        self.note("tidy", a, b, t=t, place=place, spot=spot)

    def carry_off(self, a: Person, t: Item, animal: str, place: Place, spot: Spot) -> None:
        """Let an animal take a thing from ``a`` and drop it somewhere else."""
        assert self.holder.get(t) is a
        del self.holder[t]
        self.resting[t] = (place, spot)
        self.note("animal", a, t=t, place=place, x=animal)
        self.note("animal_hides", place=place, spot=spot)

    def learn(self, a: Person, t: Item) -> None:
        """Let ``a`` know where a thing lies."""
        self.knows[a, t] = self.resting[t]

    def tell(self, kind: str, b: Person, a: Person, t: Item, c: Person | None = None) -> None:
        """Let ``b``, who must know it, tell ``a`` where a thing lies."""
        place, spot = self.knows[a, t] = self.knows[b, t]
        self.note(kind, b, a, c, t=t, place=place, spot=spot)

    def take(self, kind: str, a: Person, t: Item) -> None:
        """Let ``a`` pick a thing up from where it lies."""
        place, spot = self.resting.pop(t)
        assert self.where[a] is place, "a must be where the thing is"
        self.holder[t] = a
        self.note(kind, a, t=t, place=place, spot=spot)

    def grab(self, kind: str, a: Person, b: Person, t: Item) -> None:
        """Move a thing from the hands of ``b`` to those of ``a``."""
        assert self.holder.get(t) is b
        assert a is not b
        self.holder[t] = a
        self.note(kind, a, b, t=t)

    def give(self, kind: str, a: Person, b: Person, t: Item, own: bool = False) -> None:
        """Let ``a`` hand a thing to ``b``, who becomes its owner if ``own``."""
        assert self.holder.get(t) is a
        assert a is not b
        self.holder[t] = b
        self.note(kind, a, b, t=t)
        if own:
            t.owner = b

    def swap(self, a: Person, b: Person, t: Item, t2: Item) -> None:
        """Let ``a`` and ``b`` exchange what they own."""
        assert self.holder.get(t) is a
        assert self.holder.get(t2) is b
        self.note("swap", a, b, t=t, t2=t2)
        self.holder[t] = t.owner = b
        self.holder[t2] = t2.owner = a
