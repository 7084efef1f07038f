"""Reading, the counterpart of RACE: a passage, a question and four answers that all occur in the passage.

Things change hands, are put somewhere and moved, people go from place to place. The question is about the
resulting state, or about one of several people who did something similar.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, ExampleChooser, LabeledExample
from gpt_toolkit.storyworld.narrator import narrate
from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.places import PLACES_IN, Place, Spot
from gpt_toolkit.storyworld.story_state import Item, StoryState
from gpt_toolkit.storyworld.wording import load

MOST_SENTENCES = 12
PASSED = 0.7
"""Fraction of questions about what did not stay where it was first (tuned here)."""
_WORDING = load("datasets")["reading"]


class Day(StoryState):
    """The state of a few people drawn for one example.

    Args:
        rng: Source of randomness.
        split: Split of the combination of the hero and the thing.
        others: Number of people besides the hero.
    """

    def __init__(self, rng: Random, split: str, others: int) -> None:
        self.draw = ExampleChooser(rng, split)
        hero = self.draw.hero

        def can_be_introduced(person: Person) -> bool:  # as kin, as a friend or by their trade
            return bool(person.trade) or person.age == hero.age

        cast = [hero, *(self.draw.person(can_be_introduced) for _ in range(others))]
        super().__init__(rng, split, cast)

    def central(self) -> Item:
        """Add the thing of the example, in the hands of the hero; call it before any other thing is added."""
        return self.item(self.draw.thing.noun, self.hero)

    def exchange(self, people: Iterable[Person]) -> None:
        """Let a thing be given, lent, taken, swapped or returned between two of ``people``, if possible."""
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


class Question(NamedTuple):
    """A question, the right answer and the wrong ones."""

    question: str
    right: str
    wrong: Sequence[str]


def draw(rng: Random, split: str) -> LabeledExample:
    """Draw a passage, a question and four answers."""
    return simulate(rng, split)[1]


def simulate(rng: Random, split: str) -> tuple[Day, LabeledExample]:
    """Draw an example, and return the state at the end of its passage as well."""
    day = Day(rng, split, 3)
    day.note("setting")
    asked = day.pick((_exchanging, _hiding, _outing))(day)
    while True:  # not every template for an outing says why
        passage = narrate(day, day.log, MOST_SENTENCES)
        wrong = [answer for answer in asked.wrong if _named(answer, passage)]
        if len(wrong) >= 3 and _named(asked.right, passage):
            break
    answers = [asked.right, *day.shuffled(wrong)[:3]]
    order = day.shuffled(range(4))
    return day, LabeledExample(
        (passage, asked.question, *(answers[place] for place in order)), order.index(0)
    )


def _named(answer: str, passage: str) -> bool:
    """Return whether a passage names what an answer names, even as "to the mill" for "at the mill"."""
    return answer.removeprefix("the ").split(" the ")[-1] in passage


def _exchanging(day: Day) -> Question:
    """Let things change hands and ask who has, owns or owned one, or what a person has."""
    cast = day.shuffled(day.cast)
    central = day.central()  # first, so that nothing else is of its kind
    items = [central if person is day.hero else day.any_item(person) for person in cast]
    for item in items:
        day.note("owns", item.owner, t=item)
    owned = {item: item.owner for item in items}
    before = len(day.log)
    for _ in range(3 + day.below(2)):
        day.exchange(cast)
    while len(day.log) == before:
        day.exchange(cast)
    kind = day.below(4)
    if kind == 3:
        single = [person for person in cast if [*day.holder.values()].count(person) == 1]
        if single:
            person = day.pick(single)
            right = next(item for item in items if day.holder[item] is person)
            wrong = [item.the for item in items if item is not right]
            return Question(day.phrase(_WORDING["held"], name=person.name), right.the, wrong)
        kind = 0
    whose = (day.holder, {item: item.owner for item in items}, owned)[kind]
    passed = [item for item in items if any(item in (event.t, event.t2) for event in day.log[before:])]
    asked = passed if day.chance(PASSED) else items
    person = day.pick([person for person in cast if any(whose[item] is person for item in asked)])
    item = day.pick([item for item in asked if whose[item] is person])
    question = day.phrase(_WORDING[("holder", "owner", "first_owner")[kind]], t=item.the)
    return Question(question, person.name, [other.name for other in cast if other is not person])


def _hiding(day: Day) -> Question:
    """Let things be put away and moved, and ask where one is, was, or is believed to be."""
    place = day.pick([place for place in PLACES_IN[day.season] if len(place.spots + place.hard_spots) >= 5])
    spots = day.shuffled(place.spots + place.hard_spots)
    owners = day.shuffled(day.cast[:3])
    tidier = day.cast[3]
    central = day.central()
    items = [central if owner is day.hero else day.any_item(owner) for owner in owners]
    for person in day.cast:
        day.where[person] = place
    first: dict[Item, Spot] = {}
    for item in items:
        day.note("owns", item.owner, t=item)
    for item in items:
        first[item] = spots.pop()
        day.put(day.pick(("put", "put", "hide")), item.owner, item, first[item])
    moved = day.shuffled(items)[: 1 + day.below(2)]
    for item in moved:
        if day.chance(0.5):
            other = day.pick([place for place in PLACES_IN[day.season] if place is not day.where[item.owner]])
            day.go("go_plain", item.owner, other, x=day.pick(other.reasons))
            day.shift(tidier, item, spots.pop(), item.owner)
        else:
            day.take("took_again", item.owner, item)
            day.put("put", item.owner, item, spots.pop())
    item = day.pick(moved if day.chance(PASSED) else items)
    kind = day.below(3)
    spot, key = (
        (day.resting[item][1], "last_spot"),
        (first[item], "first_spot"),
        (day.knows[item.owner, item][1], "believed_spot"),
    )[kind]
    told = dict.fromkeys(event.spot.phrase for event in day.log if event.spot is not None)
    wrong = [phrase for phrase in told if phrase != spot.phrase]
    return Question(day.phrase(_WORDING[key], t=item.the, name=item.owner.name), spot.phrase, wrong)


def _outing(day: Day) -> Question:
    """Let people go to places and ask where a person is, why a person went, or who went."""
    day.note("owns", day.hero, t=day.central())
    open_places = day.shuffled(PLACES_IN[day.season])
    trips: list[tuple[Person, Place, str]] = []
    goers = day.shuffled(day.cast)
    for number in range(5 + day.below(2)):
        person = (
            goers[number] if number < 4 else day.pick([goer for goer in goers if goer is not trips[-1][0]])
        )
        place = open_places[number]
        trips.append((person, place, day.pick(place.reasons)))
        day.go("go_plain", person, place, x=trips[-1][2])
    kind = day.below(3)
    if kind == 0:
        person = day.pick(goers)
        right = day.where[person].at
        # every wrong answer is the last or an earlier place of a person
        wrong = [place.at for _, place, _ in trips if place.at != right]
        return Question(day.phrase(_WORDING["last_place"], name=person.name), right, wrong)
    person, place, reason = day.pick(trips)
    if kind == 1:
        wrong = [other for _, _, other in trips if other != reason]
        return Question(day.phrase(_WORDING["reason"], name=person.name, to=place.to), reason, wrong)
    names = [other.name for other in goers if other is not person]
    return Question(day.phrase(_WORDING["goer"], to=place.to, why=reason), person.name, names)


READING = Dataset("reading", "multiple_choice", (), "accuracy", "RACE", draw)
