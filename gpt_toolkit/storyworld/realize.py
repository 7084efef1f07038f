"""The template engine that turns events into English, and its memory of what the reader knows.

One engine serves two kinds of text. ``narrator.Narrator`` tells a story in the third person;
``documents.account.Account`` reports it in the first, second or third person.
"""

import re
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.story_state import Event, StoryState

AB, AC, BC = 1, 2, 4
"""Bits for the pairs of persons of an event."""
_A_NAMES = frozenset(("a", "A", "ao", "aposs"))
_B_NAMES = frozenset(("b", "B", "b_cap", "bposs", "b_t", "b_t2"))
_C_NAMES = frozenset(("c", "C", "c_noun"))
_A_PRONOUNS = frozenset(("he", "him", "his", "himself", "hers"))
_B_PRONOUNS = frozenset(("bhe", "bhim", "bhis", "b_again"))
_SENTENCE_END = re.compile(r'[.!?]"?(?=\s+"?[A-Z]|\s*$)')

Slot = Callable[[Any], str]
"""Function that returns the words for a slot, given the realizer."""


class Template(NamedTuple):
    """A sentence with slots.

    Attributes:
        pieces: Text at even positions, names of slots at odd positions.
        needs: The pairs of persons whose pronouns must differ, so that no pronoun is ambiguous.
        b_first: The second person is named before the first.
        slots: The odd positions, each with the function that fills it.
    """

    pieces: tuple[str, ...]
    needs: int
    b_first: bool
    slots: tuple[tuple[int, Slot], ...]


def count_sentences(text: str) -> int:
    """Count sentences; a quotation that ends before a capital counts as one."""
    return len(_SENTENCE_END.findall(text))


def parse(source: str, slots: Mapping[str, Slot]) -> Template:
    """Split a template at its slots."""
    pieces = tuple(re.split(r"\{(\w+)\}", source))
    names = pieces[1::2]
    has_a, has_b, has_c = (not group.isdisjoint(names) for group in (_A_NAMES, _B_NAMES, _C_NAMES))
    needs = 0
    if not _A_PRONOUNS.isdisjoint(names):
        needs |= AB * has_b | AC * has_c
    if not _B_PRONOUNS.isdisjoint(names):
        needs |= AB * has_a | BC * has_c
    first_a = next((at for at, name in enumerate(names) if name in _A_NAMES), len(names))
    first_b = next((at for at, name in enumerate(names) if name in _B_NAMES - {"B"}), len(names))
    fillers = tuple((1 + 2 * at, slots[name]) for at, name in enumerate(names))
    return Template(pieces, needs, first_b < first_a, fillers)


class Templates:
    """The templates of each kind of event.

    Args:
        sources: Templates as text, by kind of event.
        slots: The function for each slot.
    """

    def __init__(self, sources: Mapping[str, tuple[str, ...]], slots: Mapping[str, Slot]) -> None:
        self.slots = slots
        self.by_kind = {kind: tuple(parse(line, slots) for line in lines) for kind, lines in sources.items()}
        self.clear = {
            kind: tuple(tuple(t for t in templates if not t.needs & ~differ) for differ in range(8))
            for kind, templates in self.by_kind.items()
        }
        """For each kind and each set of pairs whose pronouns differ, the templates without ambiguity."""


class Realizer:
    """A writer of sentences that remembers what the reader has been told.

    Args:
        state: The simulated story, which is also the source of randomness.
    """

    templates: ClassVar[Templates]

    def __init__(self, state: StoryState) -> None:
        self.state = state
        self.random, self.pick, self.chance = state.random, state.pick, state.chance
        self.introduced: set[Person] = set()
        self.last_people: list[Person] = []
        self.pronouns = 0  # consecutive sentences without the name of their subject

    def pronoun(self, person: Person) -> str:
        """Return the pronoun for a person."""
        return person.he

    def clear_templates(self, event: Event, kind: str) -> tuple[Template, ...]:
        """Return the templates of a kind in which no pronoun could mean two people of the event."""
        a, b, c = event.a, event.b, event.c
        differ = AB | AC | BC  # no template of a kind names a person whom its events do not have
        if b is None and c is None:
            return self.templates.clear[kind][differ]
        for pair, one, other in ((AB, a, b), (AC, a, c), (BC, b, c)):
            if one is not None and other is not None and self.pronoun(one) == self.pronoun(other):
                differ &= ~pair
        return self.templates.clear[kind][differ]

    def fill(self, template: Template, event: Event) -> str:
        """Fill the slots of a template, from left to right."""
        self.event = event
        self.people: list[Person] = []
        self.subject: Person | None = None
        out = list(template.pieces)
        for at, slot in template.slots:
            out[at] = slot(self)
        self.last_people = self.people
        return "".join(out)


def in_form(role: str, form: Callable[[Any], str]) -> Slot:
    """Return a slot for a part of the event, such as "a" or "t", in some form."""
    get = attrgetter(f"event.{role}")
    return lambda realizer: form(get(realizer))


COMMON_SLOTS: dict[str, Slot] = {
    "at": attrgetter("event.place.at"),
    "to": attrgetter("event.place.to"),
    "the": attrgetter("event.place.name"),
    "spot": attrgetter("event.spot.phrase"),
    "why": attrgetter("event.x"),
    "x": attrgetter("event.x"),
    "animal": attrgetter("event.x"),
}
"""Slots that stand for the same in every kind of text."""
