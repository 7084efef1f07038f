"""The narrator of stories: words for people and things, given what the reader has just been told."""

from collections.abc import Iterable
from operator import attrgetter

from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, FOODS, JUNK, LATE, SHELTERS, article
from gpt_toolkit.storyworld.people import Person, address, kinship
from gpt_toolkit.storyworld.realize import COMMON_SLOTS, Realizer, Slot, Templates, count_sentences, in_form
from gpt_toolkit.storyworld.story_state import Event, Item, StoryState
from gpt_toolkit.storyworld.wording import load, words

_WORDING = load("story_events")
LINKS: tuple[str, ...] = _WORDING["links"]
_LINKED = frozenset(words(_WORDING["linked"]))
OPTIONAL = frozenset(words(_WORDING["optional"]))
"""Kinds of events without which a story is complete."""
MOST_SENTENCES = 20


class Narrator(Realizer):
    """A narrator in the third person, who uses a pronoun only where it can mean one person.

    Args:
        state: The simulated story.
    """

    def __init__(self, state: StoryState) -> None:
        super().__init__(state)
        self.hero = state.hero
        self.start_over()

    def start_over(self) -> None:
        """Forget the last sentence, so that the next one refers to nothing in it."""
        self.last_subject: Person | None = None
        self.last_people = []
        self.last_item: Item | None = None

    def sentence(self, event: Event) -> str:
        """Return one event in a sentence, seldom in two or three."""
        options = self.clear_templates(event, event.kind)
        template = self.pick(options)
        if template.b_first and event.b not in self.introduced:
            template = self.pick(options)  # "her friend Tom" needs the hero before it: try once more
        self.has_a = False
        self.item: Item | None = None
        link = ""
        if event.kind in _LINKED and template.pieces[:2] == ("", "a") and self.chance(0.2):
            link = self.pick(LINKS) + " "
        text = link + self.fill(template, event)
        self.last_subject, self.last_item = self.subject, self.item
        if text[0] == '"':
            return '"' + text[1].upper() + text[2:]
        return text[0].upper() + text[1:]

    # people

    def named(self, person: Person) -> str:
        """Return the name, with an introduction if the reader has not met the person."""
        self.people.append(person)
        if person in self.introduced:
            return person.name
        self.introduced.add(person)
        hero = self.hero
        if person is hero:
            return person.name
        word = kinship(hero, person) or ("friend" if person.age == hero.age else "")
        if not word or (word == "friend" and person.trade and self.chance(0.5)):
            return f"{person.name} the {person.trade}"
        if self.event.a is hero and (self.has_a or self.last_people == [hero]):
            return f"{hero.his} {word} {person.name}"
        self.people.append(hero)
        return f"{hero.name}'s {word} {person.name}"

    def actor(self) -> str:
        """Return the acting person: a pronoun where it is clear, otherwise the name."""
        a = self.event.a
        assert a is not None
        self.has_a = True
        if self.subject is a:
            return a.he
        self.subject = a
        if a is self.last_subject and self.pronouns < 2 and not self.people:
            female = a.female
            for other in self.last_people:
                if other is not a and other.female is female:
                    break
            else:
                if self.chance(0.75):
                    self.pronouns += 1
                    self.people.append(a)
                    return a.he
        self.pronouns = 0
        return self.named(a)

    def actor_by_name(self) -> str:
        """Return the acting person by name."""
        a = self.event.a
        assert a is not None
        self.has_a, self.subject, self.pronouns = True, a, 0
        return self.named(a)

    def second(self) -> str:
        """Return the second person."""
        assert self.event.b is not None
        return self.named(self.event.b)

    def parent(self) -> str:
        """Return the second person, whom the sentence itself introduces."""
        b = self.event.b
        assert b is not None
        self.people.append(b)
        self.introduced.add(b)
        return b.name

    def third(self) -> str:
        """Return the third person, with an introduction that also fits direct speech."""
        c = self.event.c
        assert c is not None
        self.people.append(c)
        if c in self.introduced:
            return c.name
        self.introduced.add(c)
        return f"{c.name} the {c.trade}" if c.trade else c.full_name

    def addressed(self, is_reply: bool) -> str:
        """Return how the first person addresses the second, or the reverse in a reply."""
        a, b = self.event.a, self.event.b
        assert a is not None
        assert b is not None
        return address(b, a) if is_reply else address(a, b)

    # things

    def thing(self) -> str:
        """Return the thing, as the narrator calls it."""
        item, owner = self.event.t, self.event.owner
        assert item is not None
        assert owner is not None
        self.item = item
        chance = self.random()
        if chance < 0.4:
            return item.the
        if chance < 0.7:
            return f"the {item.word}"
        if owner is not self.event.a:
            if owner in self.people:
                return f"the {item.word}"
            self.people.append(owner)
            return f"{owner.name}'s {item.word}" if owner in self.introduced else f"the {item.word}"
        for other in self.people:
            if other.female is owner.female and other is not owner:
                return f"the {item.word}"
        return f"{owner.his if self.has_a else 'the'} {item.word}"

    def thing_or_it(self) -> str:
        """Return the thing, or "it" when the last sentence named it."""
        if self.last_item is self.event.t and self.chance(0.7):
            self.item = self.event.t
            return "it"
        return self.thing()

    def spoken_thing(self) -> str:
        """Return the thing, as the first person calls it when speaking to the second."""
        item, owner = self.event.t, self.event.owner
        assert item is not None
        self.item = item
        determiner = "my" if owner is self.event.a else "your" if owner is self.event.b else "the"
        return f"{determiner} {item.word}"

    def noun(self) -> str:
        """Return the noun of the thing, sometimes with its adjective."""
        item = self.event.t
        assert item is not None
        self.item = item
        return item.looks if self.random() < 0.4 else item.word


def _item(attribute: str, capital: bool = False) -> Slot:
    """Return a slot for the thing in some form, which counts as naming the thing."""
    get = attrgetter(attribute)

    def slot(narrator: Narrator) -> str:
        item = narrator.item = narrator.event.t
        return str(get(item)).capitalize() if capital else str(get(item))

    return slot


def _gendered(role: str, female: str, male: str) -> Slot:
    return in_form(role, lambda person: female if person.female else male)


def _falling(narrator: Narrator) -> str:
    return "snow" if narrator.state.season == "winter" else narrator.pick(("rain", "pour", "hail"))


def _second_capitalized(narrator: Narrator) -> str:
    name = narrator.second()
    return name[0].upper() + name[1:]


_SLOTS = COMMON_SLOTS | {
    "a": Narrator.actor,
    "A": Narrator.actor_by_name,
    "aposs": lambda narrator: f"{narrator.actor_by_name()}'s",
    "he": attrgetter("event.a.he"),
    "him": attrgetter("event.a.him"),
    "his": attrgetter("event.a.his"),
    "himself": _gendered("a", "herself", "himself"),
    "hers": _gendered("a", "hers", "his"),
    "girl": _gendered("a", "girl", "boy"),
    "woman": _gendered("a", "woman", "man"),
    "woman_plural": _gendered("a", "women", "men"),
    "daughter": _gendered("a", "daughter", "son"),
    "trait": attrgetter("event.a.trait"),
    "a_trait": in_form("a.trait", article),
    "surname": in_form("a.family", FAMILY_NAMES.__getitem__),
    "atrade": attrgetter("event.a.trade"),
    "a_atrade": in_form("a.trade", article),
    "b": Narrator.second,
    "b_cap": _second_capitalized,
    "B": Narrator.parent,
    "b_again": attrgetter("event.b.he"),
    "bposs": lambda narrator: f"{narrator.second()}'s",
    "bhe": attrgetter("event.b.he"),
    "bhim": attrgetter("event.b.him"),
    "bhis": attrgetter("event.b.his"),
    "btrade": attrgetter("event.b.trade"),
    "voc": lambda narrator: narrator.addressed(is_reply=False),
    "bvoc": lambda narrator: narrator.addressed(is_reply=True),
    "c": Narrator.third,
    "t": Narrator.thing,
    "it": Narrator.thing_or_it,
    "n": Narrator.noun,
    "an": _item("an"),
    "an_cap": _item("an", capital=True),
    "adjn": _item("looks"),
    "noun": _item("word"),
    "n_cap": _item("word", capital=True),
    "t_ba": Narrator.spoken_thing,
    "the_t2": attrgetter("event.t2.the"),
    "an2": attrgetter("event.t2.an"),
    "noun2": attrgetter("event.t2.word"),
    "tool": attrgetter("event.x"),
    "atool": in_form("x", article),
    "food": lambda narrator: narrator.pick(FOODS),
    "junk": lambda narrator: narrator.pick(JUNK),
    "shelter": lambda narrator: narrator.pick(SHELTERS),
    "late": lambda narrator: narrator.pick(LATE),
    "pour": _falling,
    "weather": attrgetter("state.weather"),
    "a_weather": lambda narrator: article(narrator.state.weather),
    "time": attrgetter("state.time"),
    "season": attrgetter("state.season"),
}
Narrator.templates = Templates(_WORDING["events"], _SLOTS)


def tell(state: StoryState) -> str:
    """Tell a simulated story in at most ``MOST_SENTENCES`` sentences.

    A story that is too long is retold with fewer optional events.
    """
    skip = 0.0
    while True:
        narrator = Narrator(state)
        paragraphs: list[list[str]] = [[]]
        for event in state.log:
            if event.kind == "paragraph":
                paragraphs.append([])
            elif not (skip and event.kind in OPTIONAL and state.random() < skip):
                paragraphs[-1].append(narrator.sentence(event))
        text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)
        if count_sentences(text) <= MOST_SENTENCES:
            return text
        skip = 0.5 if skip == 0.0 else 1.0


def narrate(state: StoryState, events: Iterable[Event], most: int) -> str:
    """Tell events in one paragraph, and again in other words while it has more than ``most`` sentences."""
    told = [event for event in events if event.kind != "paragraph"]
    while True:
        narrator = Narrator(state)
        text = " ".join(narrator.sentence(event) for event in told)
        if count_sentences(text) <= most:
            return text
