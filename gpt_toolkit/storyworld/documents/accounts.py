"""A story that happened, reported by somebody: in the first, the second or the third person."""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.documents.account_deeds import GIVING
from gpt_toolkit.storyworld.documents.account_phrases import LOSING
from gpt_toolkit.storyworld.english import article, upper_first
from gpt_toolkit.storyworld.events import Event, Item
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, FOODS, SHELTERS, words
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.world import Person, kinship

SIDE = frozenset(
    words("origin search unknown thank reward return_tool secret delight sorry forgive ask rain yours")
)
"""The kinds of events without which an account is still complete."""
AB, AC, BC = 1, 2, 4


class Template(NamedTuple):
    """A sentence with slots: at even positions text, at odd positions the name of a slot."""

    pieces: tuple[str, ...]
    needs: int  # the pairs of persons who must not answer to the same pronoun


def _parse(source: str) -> Template:
    pieces = tuple(re.split(r"\{(\w+)\}", source))
    slots = set(pieces[1::2])
    has_b, has_c = bool(slots & {"b", "B", "bposs", "b_t2", "b_t"}), bool(slots & {"c", "C", "c_noun"})
    needs = 0
    if slots & {"he", "him", "his"}:
        needs |= (AB if has_b else 0) | (AC if has_c else 0)
    if slots & {"bhe", "bhim", "bhis"}:
        needs |= (AB if slots & {"a", "A", "ao"} else 0) | (BC if has_c else 0)
    return Template(pieces, needs)


TEMPLATES = {kind: tuple(map(_parse, sources)) for kind, sources in {**LOSING, **GIVING}.items()}
_BY_NEEDS = {
    kind: tuple(tuple(t for t in templates if not t.needs & ~apart) for apart in range(8))
    for kind, templates in TEMPLATES.items()
}


def reported_kind(event: Event) -> str:
    """The entry of ``TEMPLATES`` for an event: one for all tools; "" for what no account mentions."""
    kind = event.kind.partition("_")[0] if event.kind.startswith(("need_", "use_")) else event.kind
    return kind if kind in TEMPLATES else ""


class Account:
    """Reports the events of a story.

    Args:
        state: The story, already happened.
        rng: Source of all that is left to chance.
        narrator: Who is "I"; None: nobody.
        reader: Who is "you"; None: nobody.
    """

    def __init__(
        self, state: Story, rng: Random, narrator: Person | None = None, reader: Person | None = None
    ) -> None:
        self.state, self.random = state, rng.random
        self.narrator, self.reader = narrator, reader
        self.introduced: set[Person] = set()
        self.known: set[Item] = set()
        self.last_people: set[Person] = set()
        self.pronouns = 0

    def pick(self, options: Sequence[str]) -> str:
        """One of ``options``."""
        return options[int(self.random() * len(options))]

    def told(self) -> Iterator[tuple[Event, str]]:
        """The events that the account mentions, each with its sentence."""
        begun = False
        for event in self.state.log:
            kind = reported_kind(event)
            if kind and not (event.kind in SIDE and self.random() < 0.4):
                yield event, self.sentence(event, "begin" if kind == "travel" and not begun else kind)
                begun = True

    def sentence(self, event: Event, kind: str) -> str:
        """Report one event."""
        options = _BY_NEEDS[kind][self._apart(event)]
        pieces = options[int(self.random() * len(options))].pieces
        self.event = event
        self.people: set[Person] = set()
        self.subject: Person | None = None
        out = list(pieces)
        for index in range(1, len(out), 2):
            out[index] = _SLOTS[out[index]](self)
        if self.subject is None:
            self.pronouns = 0
        self.last_people = self.people
        return upper_first("".join(out))

    def _apart(self, event: Event) -> int:
        """The pairs of persons of an event whom no pronoun can confuse."""
        kinds = [self._pronoun_kind(person) for person in (event.a, event.b, event.c)]
        apart = 0
        for bit, (first, second) in ((AB, (0, 1)), (AC, (0, 2)), (BC, (1, 2))):
            if kinds[first] != kinds[second]:
                apart |= bit
        return apart

    def _pronoun_kind(self, person: Person | None) -> str:
        if person is None:
            return ""
        if person is self.narrator:
            return "I"
        return "you" if person is self.reader else "she" if person.female else "he"

    # words for people

    def form(self, person: Person | None, first: str, second: str, female: str, male: str) -> str:
        """A pronoun, or a verb that agrees with one."""
        assert person is not None
        if person is self.narrator:
            return first
        return second if person is self.reader else female if person.female else male

    def named(self, person: Person | None) -> str:
        """The name, said so that the reader knows who it is."""
        assert person is not None
        self.people.add(person)
        if person in self.introduced:
            return person.name
        self.introduced.add(person)
        return self._introduction(person)

    def _introduction(self, person: Person) -> str:
        if self.narrator is not None and (word := kinship(self.narrator, person)):
            return f"my {word} {person.name}"
        if self.reader is not None and (word := kinship(self.reader, person)):
            return f"your {word} {person.name}"
        hero = self.state.hero
        if self.narrator is None:
            if person is hero:
                return f"{person.name} {FAMILY_NAMES[person.family]}"
            if hero in self.introduced and (word := kinship(hero, person)):
                if self.subject is hero:
                    return f"{'her' if hero.female else 'his'} {word} {person.name}"
                return f"{hero.name}'s {word} {person.name}"
        if person.trade:
            return f"{person.name} the {person.trade}"
        return f"{person.name} {FAMILY_NAMES[person.family]}" if self.narrator is None else person.name

    def as_object(self, person: Person | None) -> str:
        """Me, you, or a name."""
        if person is not None and person is self.narrator:
            return "me"
        return "you" if person is not None and person is self.reader else self.named(person)

    def as_subject(self, person: Person | None) -> str:
        """I, you, or a name."""
        if person is not None and person is self.narrator:
            return "I"
        return "you" if person is not None and person is self.reader else self.named(person)

    def whose(self, person: Person | None) -> str:
        """My, your, or the possessive of a name."""
        assert person is not None
        if person is self.narrator:
            return "my"
        if person is self.reader:
            return "your"
        return f"{self.named(person)}'s"

    def actor(self) -> str:
        """Who acts: a pronoun of the third person where it is clear."""
        a = self.event.a
        self.subject = a
        clear = (
            a in self.last_people
            and a not in (self.narrator, self.reader)
            and self.pronouns < 2
            and not self.people
            and all(p is a or self._pronoun_kind(p) != self._pronoun_kind(a) for p in self.last_people)
        )
        if clear and a is not None and self.random() < 0.7:
            self.pronouns += 1
            self.people.add(a)
            return "she" if a.female else "he"
        self.pronouns = 0
        return self.as_subject(a)

    # words for things

    def thing(self) -> str:
        """The thing, with its looks and its owner as long as they are new."""
        item, owner = self.event.t, self.event.owner
        assert item is not None
        if item not in self.known:
            self.known.add(item)
            return f"{self.whose(owner)} {item.adjective} {item.word}"
        if owner in (self.narrator, self.reader) and self.random() < 0.6:
            return f"{self.whose(owner)} {item.word}"
        return f"the {item.word}"

    def new(self, item: Item | None) -> str:
        """The thing with the indefinite article."""
        assert item is not None
        self.known.add(item)
        return f"{article(item.adjective)} {item.word}"

    def the(self, item: Item | None) -> str:
        """The thing with its looks."""
        assert item is not None
        self.known.add(item)
        return f"the {item.adjective} {item.word}"

    def of(self, person: Person | None, item: Item | None) -> str:
        """Somebody's thing with its looks."""
        assert item is not None
        self.known.add(item)
        return f"{self.whose(person)} {item.adjective} {item.word}"


def _tool(account: Account) -> str:
    event = account.event
    return event.spot.tool if event.spot is not None and event.spot.tool else event.x


def _place(field: str) -> Callable[[Account], str]:
    def slot(account: Account) -> str:
        assert account.event.place is not None
        return str(getattr(account.event.place, field))

    return slot


def _spot(account: Account) -> str:
    assert account.event.spot is not None
    return account.event.spot.phrase


def _word(account: Account) -> str:
    assert account.event.t is not None
    return account.event.t.word


_SLOTS: dict[str, Callable[[Account], str]] = {
    "a": Account.actor,
    "A": lambda account: account.as_subject(account.event.a),
    "ao": lambda account: account.as_object(account.event.a),
    "he": lambda account: account.form(account.event.a, "I", "you", "she", "he"),
    "him": lambda account: account.form(account.event.a, "me", "you", "her", "him"),
    "his": lambda account: account.form(account.event.a, "my", "your", "her", "his"),
    "was": lambda account: account.form(account.event.a, "was", "were", "was", "was"),
    "b": lambda account: account.as_object(account.event.b),
    "B": lambda account: account.as_subject(account.event.b),
    "bhe": lambda account: account.form(account.event.b, "I", "you", "she", "he"),
    "bhis": lambda account: account.form(account.event.b, "my", "your", "her", "his"),
    "bposs": lambda account: account.whose(account.event.b),
    "c": lambda account: account.as_object(account.event.c),
    "C": lambda account: account.as_subject(account.event.c),
    "c_noun": lambda account: f"{account.whose(account.event.c)} {_word(account)}",
    "t": Account.thing,
    "an": lambda account: account.new(account.event.t),
    "an2": lambda account: account.new(account.event.t2),
    "the_t": lambda account: account.the(account.event.t),
    "the_t2": lambda account: account.the(account.event.t2),
    "b_t": lambda account: account.of(account.event.b, account.event.t),
    "b_t2": lambda account: account.of(account.event.b, account.event.t2),
    "noun": _word,
    "at": _place("at"),
    "to": _place("to"),
    "the": _place("name"),
    "spot": _spot,
    "why": lambda account: account.event.x,
    "animal": lambda account: account.event.x,
    "x": lambda account: account.event.x,
    "tool": _tool,
    "atool": lambda account: article(_tool(account)),
    "food": lambda account: account.pick(FOODS),
    "shelter": lambda account: account.pick(SHELTERS),
}
