"""Notices: lost and found, sales, shops, programs of feasts, guides, lists from the almanac."""

from collections.abc import Callable
from random import Random

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.facts import PLACE_ENTRIES, draw_facts, draw_statement
from gpt_toolkit.storyworld.lexicon import DAYS, FAMILY_NAMES, FOODS, NOUNS, NUMBERS, article, upper_first
from gpt_toolkit.storyworld.people import (
    ALLOWED,
    BIRTHDAYS,
    DOORS,
    FAMILIES,
    FAMILY_PETS,
    PEOPLE,
    STREETS,
    Person,
    draw_central_pair,
    may_be_named,
)
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import load

_WORDING = load("notices")


class Notice(Chooser):
    """The subject of one notice: a person and a thing whose combination belongs to the split, and a place.

    Args:
        rng: Source of randomness.
        split: Split of the notice.
    """

    def __init__(self, rng: Random, split: str) -> None:
        super().__init__(rng)
        self.split = split
        self.person, noun = draw_central_pair(self, split)
        self.nouns = 1 << noun
        self.index = self.below(len(PLACES))
        self.place = PLACES[self.index]
        thing, person = self.looks(noun), self.person
        self.slots = {
            "full": person.full_name,
            "name": person.name,
            "family": FAMILY_NAMES[person.family],
            "an": article(thing),
            "An": article(thing).capitalize(),
            "noun": NOUNS[noun].word,
            "at": self.place.at,
            "the": self.place.name,
            "The": self.place.name.capitalize(),
            "spot": self.pick(self.place.spots).phrase,
            "day": self.pick(DAYS),
            "street": STREETS[person.family],
            "door": DOORS[person.family],
            "food": self.pick(FOODS),
            "trade": person.trade,
            "a_trade": article(person.trade) if person.trade else "",
            "early": self.pick(NUMBERS[4:7]),
            "late": self.pick(NUMBERS[:5]),
            "number": self.pick(NUMBERS),
        }
        self.slots["Number"] = self.slots["number"].capitalize()

    def looks(self, noun: int) -> str:
        """Return a thing with a random adjective, without an article."""
        return f"{self.pick(NOUNS[noun].adjectives)} {NOUNS[noun].word}"

    def say(self, *keys: str, **more: str) -> str:
        """Return a filled template of each key, joined."""
        slots = {**self.slots, **more} if more else self.slots
        return " ".join(self.pick(_WORDING[key]).format_map(slots) for key in keys)

    def facts(self, most: int, topic: int, without: tuple[str, ...] = ()) -> list[str]:
        """Return statements about one family or place, except those of some relations."""
        facts = draw_facts(self, self.split, self.nouns, most, topic=topic, without=without)
        return [draw_statement(self, fact) for fact in facts]

    def anybody(self) -> Person:
        """Return a random person who may be named with the thing."""
        while True:
            person = self.pick(PEOPLE)
            if may_be_named(person, self.split, self.nouns):
                return person

    def listed(self, sentences: list[str]) -> str:
        """Return sentences as running text, or some of them as a list."""
        if self.chance(0.7):
            return " ".join(sentences)
        return "\n".join([sentences[0], *(f"- {sentence}" for sentence in sentences[1:])])


def _lost(notice: Notice) -> list[str]:
    body = notice.say("lost", "last_seen", "bring")
    if notice.chance(0.6):
        body += f" {notice.say('rewards')}"
    return [notice.say("lost_titles"), body]


def _found(notice: Notice) -> list[str]:
    return [notice.say("found_titles"), notice.say("found", "collect")]


def _sale(notice: Notice) -> list[str]:
    return [notice.say("sale_titles"), notice.say("sale", "prices", "see")]


def _wanted(notice: Notice) -> list[str]:
    allowed = ALLOWED[notice.split][notice.person.index] & ~notice.nouns
    other = notice.below(len(NOUNS))
    while not allowed >> other & 1:
        other = (other + 1) % len(NOUNS)
    notice.nouns |= 1 << other
    more = {"an2": article(notice.looks(other)), "a_noun2": article(NOUNS[other].word)}
    return [notice.say("wanted_titles", **more), notice.say("wanted", "see", **more)]


def _shop(notice: Notice) -> list[str]:
    if not notice.person.trade:
        return _sale(notice)
    body = notice.say("shop", "offers", "hours")
    return [notice.say("shop_titles"), body, " ".join(notice.facts(3, notice.person.family))]


def _feast(notice: Notice) -> list[str]:
    acts = [_WORDING["fair_begin"]] if notice.chance(0.3) else []
    count = 3 + notice.below(3)
    while len(acts) < count:
        if (act := notice.pick(_WORDING["fair"])) not in acts:
            acts.append(act)
    if notice.chance(0.4):
        acts.append(notice.pick(_WORDING["fair_ends"]))
    first_hour = 1 + notice.below(4)
    lines = []
    for hour, act in enumerate(acts, start=first_hour):
        slots = {"who": notice.anybody().full_name, "food": notice.pick(FOODS), "the": notice.place.name}
        line = act.format_map(slots)
        lines.append(f"{hour} o'clock: {line}{'' if line[-1] == '?' else '.'}")
    title = notice.say("fair_titles")
    end = " ".join([notice.say("prizes"), *notice.facts(3, len(FAMILIES) + notice.index)])
    return [title, upper_first(PLACE_ENTRIES[notice.index].feast), "\n".join(lines), end]


def _guide(notice: Notice) -> list[str]:
    facts = notice.facts(6, len(FAMILIES) + notice.index)
    sight = notice.pick(notice.place.sights)
    body = [notice.say("guide"), *facts, notice.say("kept")]
    if notice.chance(0.4):
        body.append(notice.say("sights", sight=sight))
    return [notice.say("guide_titles"), notice.listed(body)]


def _register(notice: Notice) -> list[str]:
    facts = notice.facts(6 + notice.below(6), notice.person.family)
    return [notice.say("register_titles"), notice.listed([*facts, notice.say("owns")])]


def _birthdays(notice: Notice) -> list[str]:
    month = BIRTHDAYS[notice.person.index]
    born = [
        person
        for person in PEOPLE
        if BIRTHDAYS[person.index] == month and may_be_named(person, notice.split, notice.nouns)
    ]
    while len(born) > 4 + notice.below(4):
        born.pop(notice.below(len(born)))
    if notice.person not in born:
        born.append(notice.person)
    lines = [f"{p.full_name} ({p.trade})" if p.trade else p.full_name for p in born]
    return [notice.say("birthday_titles", month=month), "\n".join(lines), notice.say("wishes")]


def _pet(notice: Notice) -> list[str]:
    pet = FAMILY_PETS[notice.person.family]
    more = {"pet": pet.name, "kind": article(pet.kind)}
    facts = notice.facts(2, notice.person.family, without=("pet", "pet_kind"))
    body = [notice.say("pets", "pet_ends", **more), *facts]
    return [notice.say("pet_titles", **more), " ".join(body)]


_KINDS: tuple[Callable[[Notice], list[str]], ...] = (
    _lost, _found, _sale, _wanted, _shop, _feast, _guide, _guide, _register, _register, _birthdays, _pet,
)  # fmt: skip


def notice(rng: Random, split: str) -> str:
    """Write a notice for the board in the town square."""
    drawn = Notice(rng, split)
    parts = drawn.pick(_KINDS)(drawn)
    text = "\n\n".join([upper_first(parts[0]), *filter(None, parts[1:])])
    # a combination belongs to the split only if both halves are in the text
    return text if drawn.person.name in text else f"{text} {drawn.say('ask_for')}"
