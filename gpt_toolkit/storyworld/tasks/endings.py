"""Story endings, Story Cloze in small: which of two endings follows from the beginning?

Every kind of story can turn out in two ways, each as often as the other, and has an ending for either. Both
endings are possible by themselves and name who and what the beginning named, so that only the beginning
decides.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.events import Item
from gpt_toolkit.storyworld.lexicon import BIG_THIEVES, LATE, NOUNS, SMALL_THIEVES
from gpt_toolkit.storyworld.places import HOME
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.tasks.draw import sentence, shuffled
from gpt_toolkit.storyworld.tasks.narrative import narrate, the
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask
from gpt_toolkit.storyworld.world import Person

MOST_SENTENCES = 12
HAS = (
    "{late}, {name} fell asleep with {t} beside the pillow",
    "{late}, {name} put {t} in a safe place and locked the drawer",
    "{late}, {name} looked at {t} once more and smiled",
    "{late}, it was {name} who carried {t} home",
    "{late}, {name} showed {t} to all the neighbors",
)
"""Endings in which somebody has a thing."""
WHOLE = (
    "{late}, {name} was glad that {t} was as good as new",
    "{late}, {name} packed {t} up, and nobody could see that anything had ever happened to it",
    "{late}, {name} cleaned {t}, which had no trace of damage",
)
DAMAGED = (
    "{late}, {name} looked sadly at what was left of {t}",
    "{late}, {name} packed up {t}, which was still damaged",
    "{late}, {name} was sorry that {t} could not be used anymore",
)


class Outcome(NamedTuple):
    """The right ending and the wrong one."""

    right: str
    wrong: str


def draw(rng: Random, split: str) -> Labelled:
    """Make a row: the beginning, an empty question and two endings."""
    return simulate(rng, split)[1]


def simulate(rng: Random, split: str) -> tuple[Story, Labelled]:
    """Make a row, and give the state at the end of its beginning too."""
    story = Story(rng, split)
    right, wrong = story.pick(KINDS)(story)
    beginning = narrate(story, story.log, MOST_SENTENCES)
    target = story.below(2)
    endings = (wrong, right) if target else (right, wrong)
    return story, Labelled((beginning, "", *(sentence(ending) for ending in endings)), target)


def _ends(story: Story, options: tuple[str, ...], name: str, item: Item) -> str:
    return story.pick(options).format(late=story.pick(LATE), name=name, t=the(item))


def _between(story: Story) -> Outcome:
    """A thing passes between two friends; who has it in the end?"""
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
    return Outcome(_ends(story, HAS, holder.name, item), _ends(story, HAS, loser.name, item))


def _birthday(story: Story) -> Outcome:
    """A present is bought for one of two people; who has it in the end?"""
    child, other = shuffled(story.random, (story.people.kin, story.people.friend))
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
    return Outcome(_ends(story, HAS, child.name, item), _ends(story, HAS, other.name, item))


def _place(story: Story) -> Outcome:
    """Two things are put away, and one is moved perhaps; where is the first one found?"""
    hero, kin = story.hero, story.people.kin
    item, other = story.item(story.central, hero), story.any_item(kin)
    story.opening(item)
    story.where[kin] = HOME
    first, second = shuffled(story.random, HOME.spots)[:2]
    moved = story.chance(0.5)
    puts: list[Callable[[], None]] = [lambda: story.put("put", hero, item, first)]
    if not moved:
        puts.append(lambda: story.put("put", kin, other, second))
        story.note("has_thing", kin, t=other)
    for put in shuffled(story.random, puts):
        put()
    place = story.other_place()
    story.go("go_plain", hero, place, x=story.pick(place.reasons))
    if moved:
        story.shift(kin, item, second, hero)
    story.maybe("sight", place=place, x=story.sight(place))
    story.go("home", hero, HOME)
    options = (
        "{late}, {name} found {t} {spot}",
        "{late}, {name} took {t}, which lay {spot}",
        "{t} was {spot} when {name} came for it",
    )

    def found(phrase: str) -> str:
        return story.pick(options).format(late=story.pick(LATE), name=hero.name, t=the(item), spot=phrase)

    spots = (second, first) if moved else (first, second)
    return Outcome(found(spots[0].phrase), found(spots[1].phrase))


def _belief(story: Story) -> Outcome:
    """A thing is moved while its owner is away; does the owner know where to look?"""
    hero, kin = story.hero, story.people.kin
    item = story.item(story.central, hero)
    story.opening(item)
    story.where[kin] = HOME
    old, new = shuffled(story.random, HOME.spots)[:2]
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
    options = (
        "without hesitation, {name} went to look for {t} {spot}",
        "when {name} wanted {t}, the first place to look was {spot}",
        "sure of the place, {name} looked for {t} {spot}",
    )

    def looked(phrase: str) -> str:
        return story.pick(options).format(name=hero.name, t=the(item), spot=phrase)

    spots = (new, old) if knows else (old, new)
    return Outcome(looked(spots[0].phrase), looked(spots[1].phrase))


def _damage(story: Story) -> Outcome:
    """A thing is damaged; is it whole in the end?"""
    hero, mender = story.hero, story.people.helper
    item = story.item(story.central, hero)
    story.opening(item)
    place = story.other_place()
    story.walk("go", place, item)
    story.broken.add(item)
    kind = "tear" if NOUNS[item.noun].soft else "break"
    story.note(kind, hero, t=item, x=f"a {story.pick(BIG_THIEVES)}")
    story.meet(hero, mender)
    if story.chance(0.5):
        story.note("mend", mender, t=item)
        story.broken.discard(item)
    else:
        story.note("play", hero, mender)
    story.maybe("wet")
    story.go("home", hero, HOME)
    whole, damaged = _ends(story, WHOLE, hero.name, item), _ends(story, DAMAGED, hero.name, item)
    return Outcome(damaged, whole) if item in story.broken else Outcome(whole, damaged)


def _lender(story: Story) -> Outcome:
    """One of two people lends a tool; to whom does it go back?"""
    lender, other = shuffled(story.random, (story.people.friend, story.people.helper))
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
    options = (
        "{late}, {a} brought the {tool} back to {b}",
        "{late}, the {tool} went back to {b}",
        "{late}, {b} got the {tool} back from {a}",
    )

    def returned(person: Person) -> str:
        text = story.pick(options)
        return text.format(late=story.pick(LATE), a=hero.name, b=person.name, tool=spot.tool)

    return Outcome(returned(lender), returned(other))


KINDS: tuple[Callable[[Story], Outcome], ...] = (_between, _birthday, _place, _belief, _damage, _lender)

ENDINGS = LabelledTask("endings", "multiple_choice", (), "accuracy", "Story Cloze", draw)
