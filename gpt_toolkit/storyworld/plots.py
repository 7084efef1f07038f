"""Plots: functions that let a cast act in the state of a story until its goal is reached."""

from collections.abc import Callable
from random import Random

from gpt_toolkit.storyworld.lexicon import BIG_THIEVES, SMALL_THIEVES
from gpt_toolkit.storyworld.people import FAMILY_PETS
from gpt_toolkit.storyworld.places import HOME
from gpt_toolkit.storyworld.scenes import Story


def lost(s: Story) -> None:
    """Let the hero lose the thing, which a friend may have seen fall."""
    hero, friend, kin = s.hero, s.people.friend, s.people.kin
    t = s.item(s.central, hero)
    s.opening(t)
    place = s.other_place()
    s.walk("go", place, t)
    spot = s.pick(place.spots)
    seen = s.chance(0.6)
    if seen:
        s.meet(hero, friend)
        s.maybe("play", hero, friend)
    forgot = not t.small or s.chance(0.4)
    s.put("leave" if forgot else "drop", hero, t, spot, aware=forgot)
    if seen:
        s.learn(friend, t)
        s.note("saw_hide", friend, t=t)
    s.go("home", hero, HOME)
    s.note("miss", hero, t=t)
    s.maybe("sad", hero, t=t)
    s.look_around(t, HOME)
    s.where[kin] = HOME
    if s.chance(0.6):
        s.note("ask", hero, kin, t=t)
        s.note("unknown", kin, hero, friend if seen else s.people.helper, t=t)
    told = seen and not (forgot and s.chance(0.4))
    if told:
        s.meet(hero, friend)
        s.note("ask", hero, friend, t=t)
        s.tell("tell", friend, hero, t)
    elif forgot:
        s.note("remember", hero, t=t, place=place, spot=spot)
    else:
        s.where[s.people.helper] = HOME
        s.learn(s.people.helper, t)
        s.meet(hero, s.people.helper)
        s.tell("tell", s.people.helper, hero, t)
    s.recover(t)
    if told:
        s.thank(hero, friend)
    s.settle("final", hero, t)


def snatched(s: Story) -> None:
    """Let an animal carry the thing off, mostly to where one needs a tool."""
    hero, friend = s.hero, s.people.friend
    t = s.item(s.central, hero)
    s.opening(t)
    first = s.other_place()
    s.walk("go", first, t)
    with_friend = s.chance(0.5)
    if with_friend:
        s.meet(hero, friend)
        s.maybe("play", hero, friend)
    goal = s.other_place(first)
    while not goal.hard_spots:
        goal = s.other_place(first)
    spot = s.pick(goal.hard_spots if s.chance(0.8) else goal.spots)
    if s.chance(0.5):
        pet = FAMILY_PETS[friend.family if with_friend else hero.family]
        animal = f"{pet.name} the {pet.kind}"
    else:
        wild = s.pick(SMALL_THIEVES if t.small else BIG_THIEVES)
        animal = f"a {wild}"
    s.carry_off(hero, t, animal, goal, spot)
    if with_friend:
        s.note("chase", friend)
    s.note("sad", hero, t=t)
    if not with_friend:
        s.meet(hero, friend)
        s.note("ask", hero, friend, t=t)
    s.learn(friend, t)
    s.tell("tell", friend, hero, t)
    s.recover(t)
    s.thank(hero, friend)
    s.settle("final", hero, t)


def prank(s: Story) -> None:
    """Let a joker hide the thing. A witness tells, or the joker confesses."""
    hero, joker, witness = s.hero, s.people.friend, s.people.kin
    t = s.item(s.central, hero)
    s.opening(t)
    place = s.other_place()
    s.walk("go", place, t)
    s.meet(hero, joker)
    s.maybe("play", hero, joker)
    s.grab("prank", joker, hero, t)
    spot = s.pick(place.spots)
    s.put("hide", joker, t, spot)
    seen = s.chance(0.5)
    if seen:
        s.where[witness] = place
        s.learn(witness, t)
        s.note("saw_hide", witness, t=t)
    s.note("miss", hero, t=t)
    s.look_around(t, place)
    s.maybe("sad", hero, t=t)
    if seen:
        s.note("ask", hero, witness, t=t)
        s.tell("tell_who", witness, hero, t, joker)
    else:
        s.note("ask", hero, joker, t=t)
        s.tell("confess", joker, hero, t)
    s.recover(t)
    s.note("sorry", joker, hero)
    s.note("forgive", hero, joker)
    s.settle("final", hero, t)


def moved(s: Story) -> None:
    """Let a relative move the thing, which the hero left at home and looks for in the old spot."""
    hero, tidier = s.hero, s.people.kin
    t = s.item(s.central, hero)
    s.opening(t)
    old = s.pick(HOME.spots)
    s.put("put", hero, t, old)
    place = s.other_place()
    s.go("go_plain", hero, place, x=s.pick(place.reasons))
    s.maybe("sight", place=place, x=s.sight(place))
    if s.chance(0.6):
        s.meet(hero, s.people.friend)
        s.note("play", hero, s.people.friend)
    s.where[tidier] = HOME
    new = s.pick(HOME.hard_spots if s.chance(0.3) else HOME.spots)
    while new is old:
        new = s.pick(HOME.spots)
    s.shift(tidier, t, new, hero)
    s.note("paragraph")
    s.go("home", hero, HOME)
    s.note("expect", hero, t=t, place=HOME, spot=old)
    s.maybe("sad", hero, t=t)
    s.look_around(t, HOME, old)
    s.note("ask", hero, tidier, t=t)
    s.tell("explain", tidier, hero, t)
    s.recover(t)
    s.maybe("sorry", tidier, hero)
    s.settle("final", hero, t)


def gift(s: Story) -> None:
    """Let the hero get a present, hide it until the birthday, and give it away."""
    hero, child, maker, confidant = s.hero, s.people.kin, s.people.helper, s.people.friend
    s.opening()
    s.note("birthday", hero, child)
    place = s.other_place()
    s.walk("travel", place)
    s.where[maker] = place
    t = s.item(s.central, maker)
    s.buy_or_make(hero, maker, t)
    t.owner = hero
    s.go("home", hero, HOME)
    spot = s.pick(HOME.spots)
    s.put("hide", hero, t, spot)
    s.where[child] = HOME
    s.maybe("almost", hero, child, t=t)
    if s.chance(0.5):
        s.where[confidant] = HOME
        s.learn(confidant, t)
        s.note("secret", hero, confidant, t=t, place=HOME, spot=spot)
    s.note("paragraph")
    s.take("fetch", hero, t)
    s.maybe("wrap", hero, t=t)
    s.give("give", hero, child, t, own=True)
    s.note("delight", child, t=t)
    s.maybe("thank", child, hero)
    s.settle("final_given", child, t)


def errand(s: Story) -> None:
    """Let the hero bring a relative's thing to another person."""
    hero, sender, receiver = s.hero, s.people.kin, s.people.helper
    s.opening()
    t = s.item(s.central, sender)
    s.note("errand", hero, sender, receiver, t=t)
    s.grab("agree", hero, sender, t)
    place = s.other_place()
    s.walk("travel", place)
    spot = s.pick(place.spots)
    s.put("leave", hero, t, spot)
    if s.chance(0.5):
        s.meet(hero, s.people.friend)
        s.note("play", hero, s.people.friend)
    else:
        s.note("rain", hero)
    s.take("took_again", hero, t)
    goal = s.other_place(place)
    s.note("paragraph")
    s.walk("travel", goal, t)
    s.meet(hero, receiver)
    s.give("give", hero, receiver, t, own=True)
    s.note("delight", receiver, t=t)
    s.note("thank", receiver, hero)
    s.maybe("reward", receiver, hero)
    s.settle("final_given", receiver, t)


def swapping(s: Story) -> None:
    """Let the hero trade twice: the owner of the wanted thing wants what a third person has."""
    hero, friend, third = s.hero, s.people.friend, s.people.helper
    mine = s.item(s.central, hero)
    wanted, between = s.any_item(friend), s.any_item(third)
    s.opening(mine)
    place = s.other_place()
    s.walk("go", place, mine)
    s.meet(hero, friend)
    s.note("wish", hero, friend, t=mine, t2=wanted)
    s.note("refuse", friend, hero, t=wanted, t2=between)
    goal = s.other_place(place)
    s.walk("travel", goal, mine)
    s.meet(hero, third)
    s.note("refuse_owner", third, hero, t=mine, t2=between)
    s.swap(hero, third, mine, between)
    s.note("paragraph")
    s.walk("travel", place, between)
    s.swap(hero, friend, between, wanted)
    s.maybe("delight", hero, t=wanted)
    s.settle("final_swap", hero, wanted, *((third, mine) if s.chance(0.5) else (friend, between)))


def broken(s: Story) -> None:
    """Let the hero borrow the thing, break it, have it mended and tell the truth."""
    hero, owner, mender = s.hero, s.people.friend, s.people.helper
    t = s.item(s.central, owner)
    s.opening()
    place = s.other_place()
    s.walk("travel", place)
    s.meet(hero, owner)
    s.note("has_thing", owner, t=t)
    s.grab("lend", hero, owner, t)
    goal = s.other_place(place)
    s.walk("go", goal, t)
    s.broken.add(t)
    s.note("tear" if t.soft else "break", hero, t=t, x=f"a {s.pick(BIG_THIEVES)}")
    s.note("fear", hero, c=owner, t=t)
    s.note("paragraph")
    s.meet(hero, mender)
    s.note("mend", mender, t=t)
    s.broken.discard(t)
    s.maybe("work", hero, mender)
    s.walk("travel", place, t)
    s.give("give_back", hero, owner, t)
    s.note("truth", hero, owner, t=t)
    s.note("forgive", owner, hero)
    s.settle("final_safe", owner, t)


def chest(s: Story) -> None:
    """Let an old relative give the hero a locked chest, whose key must be found by a hint."""
    hero, elder = s.hero, s.people.elder
    s.opening()
    s.where[elder] = HOME
    s.note("box", hero, elder)
    place = s.other_place()
    spot = s.pick(place.spots)
    s.note("hint", elder, x=s.sight(place), place=place)
    s.walk("travel", place)
    if s.chance(0.5):
        s.meet(hero, s.people.friend)
        s.note("play", hero, s.people.friend)
    wrong = s.pick(place.spots)
    if wrong is not spot:
        s.note("search", hero, place=place, spot=wrong)
    s.note("key", hero, place=place, spot=spot)
    s.note("paragraph")
    s.go("home", hero, HOME)
    t = s.item(s.central, elder)
    s.grab("open", hero, elder, t)
    t.owner = hero
    s.note("yours", hero, elder, t=t)
    s.note("delight", hero, t=t)
    s.maybe("thank", hero, elder)
    s.settle("final_given", hero, t)


def stray(s: Story) -> None:
    """Let the hero find a thing, ask whose it is, and bring it back."""
    hero, adviser, owner = s.hero, s.people.kin, s.people.friend
    t = s.item(s.central, owner)
    s.opening()
    place = s.other_place()
    s.where[owner] = place
    spot = s.pick(place.spots)
    del s.holder[t]
    s.resting[t] = (place, spot)
    s.walk("go_plain", place)
    s.take("find_new", hero, t)
    s.maybe("wonder", hero, t=t)
    s.meet(hero, adviser)
    s.note("ask_whose", hero, adviser, t=t)
    s.note("not_mine", adviser, hero, owner, t=t)
    goal = s.other_place(place)
    s.note("paragraph")
    s.walk("travel", goal, t)
    s.meet(hero, owner)
    s.give("give_back", hero, owner, t)
    s.maybe("relief", owner, t=t)
    s.note("thank", owner, hero)
    s.maybe("reward", owner, hero)
    s.settle("final", owner, t)


PLOTS: tuple[Callable[[Story], None], ...] = (
    lost, snatched, prank, moved, gift, errand, swapping, broken, chest, stray,
)  # fmt: skip


def simulate(rng: Random, split: str) -> Story:
    """Simulate one story of a split."""
    story = Story(rng, split)
    plot = story.pick(PLOTS)
    if plot is chest and story.hero.age == "elder":
        plot = moved  # no relative is old enough to have kept a chest for a grandparent
    plot(story)
    return story
