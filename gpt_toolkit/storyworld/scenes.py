"""The cast of a story, and the scenes that several plots share."""

from collections.abc import Callable
from random import Random

from gpt_toolkit.storyworld.lexicon import FAIR_WEATHER, NOT_MADE
from gpt_toolkit.storyworld.people import ALLOWED, CENTRAL, FAMILIES, PEOPLE, Person
from gpt_toolkit.storyworld.places import HOME, PLACES_IN, Place, Spot
from gpt_toolkit.storyworld.story_state import Item, StoryState


class Cast:
    """The people of one story: a hero, relatives, a friend of the same age and a helper.

    Args:
        pick: Function that chooses one of a sequence.
        hero: The person whom the story is about.
    """

    def __init__(self, pick: Callable[[tuple[Person, ...]], Person], hero: Person) -> None:
        family = FAMILIES[hero.family]
        self.hero = hero
        self.parent = pick(family[1:3]) if hero.age == "child" else family[3]
        others = tuple(p for p in family if p is not hero and p is not self.parent)
        self.kin = pick(others)
        self.elder = family[0] if hero is not family[0] else self.kin
        while (friend := pick(PEOPLE)).family == hero.family or friend.age != hero.age:
            pass
        self.friend = friend
        while (helper := pick(PEOPLE)).family in (hero.family, friend.family) or not helper.trade:
            pass
        self.helper = helper

    def people(self) -> tuple[Person, ...]:
        """Return all of them, the hero first, without repetition."""
        return tuple(dict.fromkeys((self.hero, self.parent, self.kin, self.elder, self.friend, self.helper)))


class Story(StoryState):
    """A state with a cast and a thing at the center, and the scenes that several plots share.

    Args:
        rng: Source of randomness.
        split: Split of the story.
    """

    def __init__(self, rng: Random, split: str) -> None:
        random = rng.random

        def pick(options: tuple[Person, ...]) -> Person:
            return options[int(random() * len(options))]

        while True:
            hero = pick(PEOPLE)
            if hero.age != "child" and random() < 0.5:
                continue
            self.people = Cast(pick, hero)
            nouns = ~0
            for person in self.people.people():
                nouns &= ALLOWED[split][person.index]
            central = [noun for noun in CENTRAL[split][hero.index] if nouns >> noun & 1]
            if central and nouns.bit_count() > 5:
                break
        super().__init__(rng, split, self.people.people())
        self.central = self.pick(central)
        self.open_places = PLACES_IN[self.season]
        self.fair = self.weather in FAIR_WEATHER
        self.borrowed: tuple[Person, str] | None = None

    def other_place(self, *not_these: Place) -> Place:
        """Return a place outside the house, except the given ones."""
        while (place := self.pick(self.open_places)) in not_these:
            pass
        return place

    def sight(self, place: Place) -> str:
        """Return a sentence about a place that fits the weather of the day."""
        return self.pick(place.sights if self.fair else place.dull_sights)

    def opening(self, t: Item | None = None) -> None:
        """Log the time and the hero, in either order, and the owner of the thing."""
        hero, people = self.hero, self.people
        self.where[hero] = HOME
        first = self.chance(0.6)
        if first:
            self.note("setting")
        if hero.age == "child":
            self.note("hero_child", hero, people.parent)
        else:
            self.note("hero_adult", hero)
        if t is not None:
            self.note("owns", hero, t=t)
            if self.chance(0.5):
                giver = people.elder if self.chance(0.6) else people.kin
                self.note("origin", hero, giver, t=t)
        if not first:
            self.note("setting")
        self.note("paragraph")

    def walk(self, kind: str, place: Place, t: Item | None = None, b: Person | None = None) -> None:
        """Let the hero go somewhere and perhaps look around."""
        self.go(kind, self.hero, place, b, t, self.pick(place.reasons))
        self.maybe("sight", place=place, x=self.sight(place))

    def look_around(self, t: Item, place: Place, not_here: Spot | None = None) -> None:
        """Let the hero search one wrong spot of a place."""
        spot = self.pick(place.spots)
        if spot is not not_here and self.resting.get(t) != (place, spot):
            self.note("search", self.hero, t=t, place=place, spot=spot)

    def recover(self, t: Item) -> None:
        """Let the hero go where the thing lies, borrow a tool if the spot needs one, and take it."""
        hero, (place, spot) = self.hero, self.resting[t]
        if self.where[hero] is not place:
            self.note("paragraph")
            with_friend = self.where.get(self.people.friend) is self.where[hero] and self.chance(0.6)
            if with_friend:
                self.walk("travel_with", place, t, self.people.friend)
            else:
                self.walk("travel", place, t)
        if spot.tool:
            lender = self.people.helper
            self.note(f"need_{spot.tool}", hero, t=t, place=place, spot=spot)
            self.note("borrow", hero, lender, t=t, x=spot.tool)
            self.borrowed = (lender, spot.tool)
            self.take(f"use_{spot.tool}", hero, t)
        else:
            self.take("find", hero, t)
        self.maybe("relief", hero, t=t)

    def buy_or_make(self, a: Person, b: Person, t: Item) -> None:
        """Let ``a`` buy a thing from ``b``, or make it with the help of ``b`` if it can be made."""
        can_be_made = NOT_MADE.isdisjoint((t.adjective, t.word))
        self.grab("make" if can_be_made and self.chance(0.5) else "buy", a, b, t)

    def thank(self, a: Person, b: Person) -> None:
        """Let ``a`` sometimes thank ``b`` if they are in the same place."""
        if self.where.get(a) is self.where.get(b):
            self.maybe("thank", a, b)

    def settle(self, kind: str, a: Person, t: Item, b: Person | None = None, t2: Item | None = None) -> None:
        """Return a borrowed tool and end with the owner of the thing."""
        if self.borrowed:
            lender, tool = self.borrowed
            self.note("return_tool", self.hero, lender, x=tool)
            self.maybe("reward", self.hero, lender)
        self.maybe("wet")
        self.note("paragraph")
        assert t.owner is a
        assert self.holder[t] is a
        assert t2 is None or (t2.owner is b and self.holder[t2] is b)
        self.note(kind, a, b, t=t, t2=t2)
        self.maybe("end")
