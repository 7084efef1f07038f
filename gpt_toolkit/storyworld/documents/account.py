"""Reports of a story in the first, the second or the third person."""

from collections.abc import Iterator
from operator import attrgetter

from gpt_toolkit.storyworld.lexicon import FOODS, SHELTERS, article, upper_first
from gpt_toolkit.storyworld.people import Person, address, kinship
from gpt_toolkit.storyworld.realize import COMMON_SLOTS, Realizer, Slot, Templates
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.story_state import Event, Item
from gpt_toolkit.storyworld.wording import load, words

_WORDING = load("account_events")
_OPTIONAL = frozenset(words(_WORDING["optional"]))


def reported_kind(event: Event) -> str:
    """Return the kind under which an account reports an event; "" for what no account mentions."""
    kind = event.kind.partition("_")[0] if event.kind.startswith(("need_", "use_")) else event.kind
    return kind if kind in Account.templates.by_kind else ""


class Account(Realizer):
    """A report of the events of a story.

    Args:
        state: The simulated story.
        narrator: The person called "I", if any.
        reader: The person called "you", if any.
    """

    def __init__(self, state: Story, narrator: Person | None = None, reader: Person | None = None) -> None:
        super().__init__(state)
        self.narrator, self.reader = narrator, reader
        self.known: set[Item] = set()

    def reported(self) -> Iterator[tuple[Event, str]]:
        """Yield the events that the account mentions, each with its sentence."""
        has_begun = False
        for event in self.state.log:
            kind = reported_kind(event)
            if kind and not (event.kind in _OPTIONAL and self.random() < 0.4):
                yield event, self.sentence(event, "begin" if kind == "travel" and not has_begun else kind)
                has_begun = True

    def sentences(self) -> list[str]:
        """Return the sentences of the account."""
        return [sentence for _, sentence in self.reported()]

    def sentence(self, event: Event, kind: str) -> str:
        """Return one event, reported as one of some kind, in a sentence."""
        template = self.pick(self.clear_templates(event, kind))
        text = self.fill(template, event)
        if self.subject is None:
            self.pronouns = 0
        return upper_first(text)

    # people

    def pronoun(self, person: Person) -> str:
        """Return the pronoun for a person, who may be the narrator or the reader."""
        return self.form(person, "I", "you", "she", "he")

    def form(self, person: Person, first: str, second: str, female: str, male: str) -> str:
        """Return a pronoun, or a verb that agrees with one."""
        if person is self.narrator:
            return first
        return second if person is self.reader else female if person.female else male

    def named(self, person: Person) -> str:
        """Return the name, with an introduction if the reader has not met the person."""
        self.people.append(person)
        if person in self.introduced:
            return person.name
        self.introduced.add(person)
        if self.narrator is not None and (word := kinship(self.narrator, person)):
            return f"my {word} {person.name}"
        if self.reader is not None and (word := kinship(self.reader, person)):
            return f"your {word} {person.name}"
        hero = self.state.hero
        if self.narrator is None:
            if person is hero:
                return person.full_name
            if hero in self.introduced and (word := kinship(hero, person)):
                owner = hero.his if self.subject is hero else f"{hero.name}'s"
                return f"{owner} {word} {person.name}"
        if person.trade:
            return f"{person.name} the {person.trade}"
        return person.full_name if self.narrator is None else person.name

    def called(self, person: Person, first: str) -> str:
        """Return ``first`` ("I" or "me") for the narrator, "you" for the reader, or a name."""
        if person is self.narrator:
            return first
        return "you" if person is self.reader else self.named(person)

    def possessive(self, person: Person) -> str:
        """Return "my", "your", or the possessive of a name."""
        if person is self.narrator:
            return "my"
        return "your" if person is self.reader else f"{self.named(person)}'s"

    def actor(self) -> str:
        """Return the person who acts: a pronoun of the third person where it is clear."""
        a = self.event.a
        assert a is not None
        self.subject = a
        is_clear = (
            a in self.last_people
            and a not in (self.narrator, self.reader)
            and self.pronouns < 2
            and not self.people
            and all(p is a or self.pronoun(p) != self.pronoun(a) for p in self.last_people)
        )
        if is_clear and self.random() < 0.7:
            self.pronouns += 1
            self.people.append(a)
            return a.he
        self.pronouns = 0
        return self.called(a, "I")

    # things

    def thing(self) -> str:
        """Return the thing, with its adjective and its owner while the reader does not know it."""
        item, owner = self.event.t, self.event.owner
        assert item is not None
        assert owner is not None
        if item not in self.known:
            return self.owned(owner, item)
        if owner in (self.narrator, self.reader) and self.random() < 0.6:
            return f"{self.possessive(owner)} {item.word}"
        return f"the {item.word}"

    def owned(self, owner: Person, item: Item) -> str:
        """Return a thing with its owner and adjective."""
        self.known.add(item)
        return f"{self.possessive(owner)} {item.looks}"

    def described(self, item: Item, phrase: str) -> str:
        """Return a phrase that makes a thing known."""
        self.known.add(item)
        return phrase


def _form(role: str, first: str, second: str, female: str, male: str) -> Slot:
    get = attrgetter(f"event.{role}")
    return lambda account: account.form(get(account), first, second, female, male)


def _person(role: str, first: str) -> Slot:
    get = attrgetter(f"event.{role}")
    return lambda account: account.called(get(account), first)


def _described(role: str, attribute: str) -> Slot:
    get, phrase = attrgetter(f"event.{role}"), attrgetter(f"event.{role}.{attribute}")
    return lambda account: account.described(get(account), phrase(account))


def _owned(role: str) -> Slot:
    get = attrgetter("event.b", f"event.{role}")
    return lambda account: account.owned(*get(account))


def _tool(account: Account) -> str:
    event = account.event
    return event.spot.tool if event.spot is not None and event.spot.tool else event.x


_SLOTS = COMMON_SLOTS | {
    "a": Account.actor,
    "A": _person("a", "I"),
    "ao": _person("a", "me"),
    "he": _form("a", "I", "you", "she", "he"),
    "him": _form("a", "me", "you", "her", "him"),
    "his": _form("a", "my", "your", "her", "his"),
    "was": _form("a", "was", "were", "was", "was"),
    "b": _person("b", "me"),
    "B": _person("b", "I"),
    "bhe": _form("b", "I", "you", "she", "he"),
    "bhis": _form("b", "my", "your", "her", "his"),
    "bposs": lambda account: account.possessive(account.event.b),
    "c": _person("c", "me"),
    "C": _person("c", "I"),
    "c_noun": lambda account: f"{account.possessive(account.event.c)} {account.event.t.word}",
    "t": Account.thing,
    "an": _described("t", "an"),
    "an2": _described("t2", "an"),
    "the_t": _described("t", "the"),
    "the_t2": _described("t2", "the"),
    "b_t": _owned("t"),
    "b_t2": _owned("t2"),
    "noun": attrgetter("event.t.word"),
    "tool": _tool,
    "atool": lambda account: article(_tool(account)),
    "food": lambda account: account.pick(FOODS),
    "shelter": lambda account: account.pick(SHELTERS),
}
Account.templates = Templates(_WORDING["events"], _SLOTS)


def participants(state: Story) -> tuple[Person, ...]:
    """Return the people whom an account of the story mentions, the hero first."""
    people = [state.hero]
    for event in state.log:
        if reported_kind(event):
            people += [person for person in event[1:4] if isinstance(person, Person)]
    return tuple(dict.fromkeys(people))


def draw_narrator_and_reader(state: Story) -> tuple[Person, Person]:
    """Draw who tells the story, mostly the hero, and to whom, mostly a person who was not there."""
    present = participants(state)
    narrator = state.hero if state.chance(0.6) else state.pick(present)
    absent = [person for person in state.cast if person not in present]
    if not absent or state.chance(0.2):
        # every document about the hero names the hero, if only in the greeting
        is_named = address(narrator, state.hero) == state.hero.name
        absent = [p for p in state.cast if p is not narrator and (p is not state.hero or is_named)]
    return narrator, state.pick(absent)
