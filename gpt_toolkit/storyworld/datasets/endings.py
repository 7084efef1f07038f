"""Story endings, the counterpart of Story Cloze: which of two endings follows from the beginning?

Every kind of story can turn out in two ways, each as often as the other, and has an ending for either. Both
endings are possible by themselves and name people and things of the beginning, so only the beginning decides.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, LabeledExample
from gpt_toolkit.storyworld.lexicon import BIG_THIEVES, LATE, SMALL_THIEVES, sentence
from gpt_toolkit.storyworld.narrator import narrate
from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.places import HOME
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.story_state import Item
from gpt_toolkit.storyworld.wording import load

MOST_SENTENCES = 12
_WORDING = load("datasets")["endings"]


class Outcome(NamedTuple):
    """The right and the wrong ending of a story."""

    right: str
    wrong: str


def draw(rng: Random, split: str) -> LabeledExample:
    """Draw a beginning, an empty question and two endings."""
    return simulate(rng, split)[1]


def simulate(rng: Random, split: str) -> tuple[Story, LabeledExample]:
    """Draw an example, and return the state at the end of its beginning as well."""
    story = Story(rng, split)
    right, wrong = story.pick(_KINDS)(story)
    beginning = narrate(story, story.log, MOST_SENTENCES)
    target = story.below(2)
    endings = (wrong, right) if target else (right, wrong)
    return story, LabeledExample((beginning, "", *(sentence(ending) for ending in endings)), target)


def _say(story: Story, key: str, **slots: str) -> str:
    template = story.pick(_WORDING[key])
    if key != "looked":  # those endings do not say when
        slots["late"] = story.pick(LATE)
    return story.phrase(template, **slots)


def _has(story: Story, person: Person, item: Item) -> str:
    return _say(story, "has", name=person.name, t=item.the)


def _between(story: Story) -> Outcome:
    """Let a thing pass between two friends. Who has it in the end?"""
    hero, friend = story.hero, story.people.friend
    if story.chance(0.5):
        hero, friend = friend, hero
    owner, item = hero, story.item(story.central, hero)
    if owner is story.hero:
        story.opening(item)
    else:
        story.opening()
    place = story.other_place()
    story.walk("go_plain", place)
    story.meet(story.hero, story.people.friend)
    story.note("has_thing" if owner is not story.hero else "play", owner, friend, t=item)
    back = story.chance(0.5)
    if story.chance(0.5):
        story.give("give", owner, friend, item, own=True)
        story.note("play", friend, owner)
        if back:
            story.grab("prank", owner, friend, item)
    else:
        story.grab("prank", friend, owner, item)
        story.note("play", owner, friend)
        if back:
            story.give("give_back", friend, owner, item)
    holder = story.holder[item]
    loser = friend if holder is owner else owner
    story.maybe("wet")
    return Outcome(_has(story, holder, item), _has(story, loser, item))


def _birthday(story: Story) -> Outcome:
    """Let the hero get a present for one of two people. Who has it in the end?"""
    child, other = story.shuffled((story.people.kin, story.people.friend))
    hero, maker = story.hero, story.people.helper
    story.opening()
    first = story.chance(0.5)
    if first:
        story.note("play", hero, other)
    story.note("birthday", hero, child)
    story.walk("travel", place := story.other_place())
    story.where[maker] = place
    item = story.item(story.central, maker)
    story.buy_or_make(hero, maker, item)
    item.owner = hero
    story.go("home", hero, HOME)
    if not first:
        story.note("play", hero, other)
    story.note("wrap", hero, t=item)
    return Outcome(_has(story, child, item), _has(story, other, item))


def _place(story: Story) -> Outcome:
    """Let a thing be put away and perhaps be moved. Where is it found?"""
    hero, kin = story.hero, story.people.kin
    item, other = story.item(story.central, hero), story.any_item(kin)
    story.opening(item)
    story.where[kin] = HOME
    first, second = story.shuffled(HOME.spots)[:2]
    moved = story.chance(0.5)
    puts: list[Callable[[], None]] = [lambda: story.put("put", hero, item, first)]
    if not moved:
        puts.append(lambda: story.put("put", kin, other, second))
        story.note("has_thing", kin, t=other)
    for put in story.shuffled(puts):
        put()
    place = story.other_place()
    story.go("go_plain", hero, place, x=story.pick(place.reasons))
    if moved:
        story.shift(kin, item, second, hero)
    story.maybe("sight", place=place, x=story.sight(place))
    story.go("home", hero, HOME)
    spots = (second, first) if moved else (first, second)
    return Outcome(*(_say(story, "found", name=hero.name, t=item.the, spot=spot.phrase) for spot in spots))


def _belief(story: Story) -> Outcome:
    """Let a thing be moved while its owner is away. Where does the owner look for it?"""
    hero, kin = story.hero, story.people.kin
    item = story.item(story.central, hero)
    story.opening(item)
    story.where[kin] = HOME
    old, new = story.shuffled(HOME.spots)[:2]
    story.put("put", hero, item, old)
    place = story.other_place()
    story.go("go_plain", hero, place, x=story.pick(place.reasons))
    story.shift(kin, item, new, hero)
    knows = story.chance(0.5)
    story.go("home", hero, HOME)
    if knows:
        story.tell("explain", kin, hero, item)
    else:
        story.note("play", hero, kin)
    spots = (new, old) if knows else (old, new)
    return Outcome(*(_say(story, "looked", name=hero.name, t=item.the, spot=spot.phrase) for spot in spots))


def _damage(story: Story) -> Outcome:
    """Let a thing be damaged and perhaps be mended. Is it whole in the end?"""
    hero, mender = story.hero, story.people.helper
    item = story.item(story.central, hero)
    story.opening(item)
    place = story.other_place()
    story.walk("go", place, item)
    story.broken.add(item)
    kind = "tear" if item.soft else "break"
    story.note(kind, hero, t=item, x=f"a {story.pick(BIG_THIEVES)}")
    story.meet(hero, mender)
    if story.chance(0.5):
        story.note("mend", mender, t=item)
        story.broken.discard(item)
    else:
        story.note("play", hero, mender)
    story.maybe("wet")
    story.go("home", hero, HOME)
    whole, damaged = (_say(story, key, name=hero.name, t=item.the) for key in ("whole", "damaged"))
    return Outcome(damaged, whole) if item in story.broken else Outcome(whole, damaged)


def _lender(story: Story) -> Outcome:
    """Let one of two people lend a tool. Who gets it back?"""
    lender, other = story.shuffled((story.people.friend, story.people.helper))
    hero = story.hero
    item = story.item(story.central, hero)
    story.opening(item)
    place = story.other_place()
    while not place.hard_spots:
        place = story.other_place()
    spot = story.pick(place.hard_spots)
    story.carry_off(hero, item, f"a {story.pick(SMALL_THIEVES if item.small else BIG_THIEVES)}", place, spot)
    first = story.chance(0.5)
    if first:
        story.note("play", hero, other)
    story.walk("travel", place)
    story.note(f"need_{spot.tool}", hero, t=item, place=place, spot=spot)
    story.note("borrow", hero, lender, t=item, x=spot.tool)
    story.borrowed = (lender, spot.tool)
    story.take(f"use_{spot.tool}", hero, item)
    if not first:
        story.note("play", hero, other)
    people = (lender, other)
    return Outcome(*(_say(story, "returned", a=hero.name, b=who.name, tool=spot.tool) for who in people))


_KINDS: tuple[Callable[[Story], Outcome], ...] = (_between, _birthday, _place, _belief, _damage, _lender)

ENDINGS = Dataset("endings", "multiple_choice", (), "accuracy", "Story Cloze", draw)
