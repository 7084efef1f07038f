"""Reading, RACE in small: a passage, a question and four answers that all occur in the passage.

Things change hands, are put somewhere and moved, people go from place to place; the question is about the
state that results, or about one of several people who did alike.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.events import Item
from gpt_toolkit.storyworld.places import PLACES_IN, Place, Spot
from gpt_toolkit.storyworld.tasks.narrative import Day, narrate, the
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask
from gpt_toolkit.storyworld.world import Person

MOST_SENTENCES = 12
PASSED = 0.7
"""Ours: share of questions about what did not stay where it was first."""


class Asked(NamedTuple):
    """A question, the right answer and the wrong ones."""

    question: str
    right: str
    wrong: Sequence[str]


def draw(rng: Random, split: str) -> Labelled:
    """Make a row."""
    return simulate(rng, split)[1]


def simulate(rng: Random, split: str) -> tuple[Day, Labelled]:
    """Make a row, and give the state at the end of its passage too."""
    day = Day(rng, split, 3)
    day.note("setting")
    asked = day.pick((_exchanging, _hiding, _outing))(day)
    while True:  # not every way of telling an outing says why
        passage = narrate(day, day.log, MOST_SENTENCES)
        wrong = [answer for answer in asked.wrong if _named(answer, passage)]
        if len(wrong) >= 3 and _named(asked.right, passage):
            break
    answers = [asked.right, *day.shuffled(wrong)[:3]]
    order = day.shuffled(range(4))
    return day, Labelled((passage, asked.question, *(answers[place] for place in order)), order.index(0))


def _named(answer: str, passage: str) -> bool:
    """Whether a passage names what an answer names, be it "to the mill" for "at the mill"."""
    return answer.removeprefix("the ").split(" the ")[-1] in passage


def _exchanging(day: Day) -> Asked:
    """Four people with a thing each, which change hands; who has, who owns, who owned, what has somebody?"""
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
    names = [person.name for person in cast]
    kind = day.below(4)
    if kind == 3:
        single = [person for person in cast if [*day.holder.values()].count(person) == 1]
        if single:
            person = day.pick(single)
            right = next(item for item in items if day.holder[item] is person)
            wrong = [the(item) for item in items if item is not right]
            what = day.pick(("What does {} have at the end?", "Which thing is with {} at the end?"))
            return Asked(what.format(person.name), the(right), wrong)
        kind = 0
    whose = (day.holder, {item: item.owner for item in items}, owned)[kind]
    passed = [item for item in items if any(item in (event.t, event.t2) for event in day.log[before:])]
    asked = passed if day.chance(PASSED) else items
    person = day.pick([person for person in cast if any(whose[item] is person for item in asked)])
    item = day.pick([item for item in asked if whose[item] is person])
    question = day.pick(
        (
            ("Who has {} at the end?", "Who is left with {}?", "With whom is {} at the end?"),
            ("To whom does {} belong at the end?", "Who is the owner of {} at the end?"),
            ("To whom did {} belong at the beginning?", "Who was the first owner of {}?"),
        )[kind]
    )
    return Asked(question.format(the(item)), person.name, [name for name in names if name != person.name])


def _hiding(day: Day) -> Asked:
    """Three things are put away, some are moved; where is one, where was it, where is it thought to be?"""
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
    spot, question = (
        (day.resting[item][1], ("Where is {} at the end?", "Where does {} lie at the end?")),
        (first[item], ("Where was {} put first?", "Where did {} lie in the beginning?")),
        (day.knows[item.owner, item][1], (f"Where does {item.owner.name} believe {{}} to be?",)),
    )[kind]
    told = dict.fromkeys(event.spot.phrase for event in day.log if event.spot is not None)
    wrong = [phrase for phrase in told if phrase != spot.phrase]
    return Asked(day.pick(question).format(the(item)), spot.phrase, wrong)


def _outing(day: Day) -> Asked:
    """Four people go to four places, and some go on; where is somebody, why did somebody go, who went?"""
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
        # every wrong answer is the last or an earlier place of somebody
        wrong = [place.at for _, place, _ in trips if place.at != right]
        return Asked(f"Where is {person.name} at the end?", right, wrong)
    person, place, reason = day.pick(trips)
    if kind == 1:
        wrong = [other for _, _, other in trips if other != reason]
        return Asked(f"Why did {person.name} go {place.to}?", reason, wrong)
    names = [other.name for other in goers if other is not person]
    return Asked(day.pick((f"Who went {place.to}?", f"Who wanted {reason}?")), person.name, names)


READING = LabelledTask("reading", "multiple_choice", (), "accuracy", "RACE", draw)
