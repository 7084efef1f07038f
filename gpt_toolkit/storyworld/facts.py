"""The lasting facts of the valley as triples, and how documents ask for them and state them.

For two facts of five the question is held out: no training document asks it, while documents of every split
state the fact. A model that answers it has read the fact and not the question (GPT-2 §3.8 and its concern
about memorized questions).
"""

from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, MONTHS, article, upper_first
from gpt_toolkit.storyworld.people import (
    BIRTHDAYS,
    DOORS,
    FAMILIES,
    FAMILY_PETS,
    PEOPLE,
    PERSON_BY_NAME,
    STREETS,
    Person,
    may_be_named,
    mix,
    split_by_hash,
)
from gpt_toolkit.storyworld.places import EMBLEMS, KNOWN_FOR, PLACES
from gpt_toolkit.storyworld.wording import load, words

HELD_OUT_OF = 5  # tuned here: of five facts, one is asked for in validation only and one in test only
_WORDING = load("facts")
_RIVERS = words(load("names_and_things")["rivers"])
# words that lose their capital letter inside a sentence; names keep it
_LOWERED = frozenset(
    words("The On From Everybody Nobody In After Close Visitors People There Every What By It One As A An")
)


class Relation(NamedTuple):
    """The phrases of one relation."""

    questions: tuple[str, ...]
    statements: tuple[str, ...]


class PlaceEntry(NamedTuple):
    """The attributes of a place."""

    river: str
    feast: str
    next: int  # the place that follows on the ring road, as an index of ``PLACES``
    keeper: Person
    emblem: str
    known_for: str


class Fact(NamedTuple):
    """A triple of the lasting world.

    Attributes:
        relation: A key of ``RELATIONS``.
        subject: Name of the person, family, animal or place.
        object: The answer to the questions of the fact.
        people: The people whom it names.
        topic: The family (0 to 19) or the place (20 and above) that it is about.
        key: Hash that decides the split; the two facts of a marriage share it.
    """

    relation: str
    subject: str
    object: str
    people: tuple[Person, ...]
    topic: int
    key: int

    @property
    def split(self) -> str:
        """The split whose documents ask for it. Documents of every split ask for train facts."""
        return split_by_hash(self.key, HELD_OUT_OF)


def _kin_relation(word: str) -> Relation:
    def insert(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.replace("{kin}", word) for line in lines)

    return Relation(insert(_WORDING["kin"]["questions"]), insert(_WORDING["kin"]["statements"]))


RELATIONS = {word: _kin_relation(word) for word in words(_WORDING["kin_words"])} | {
    name: Relation(table["questions"], table["statements"]) for name, table in _WORDING["relations"].items()
}
_NUMBER = {relation: number for number, relation in enumerate(RELATIONS)}


def _shuffled(salt: int, count: int) -> list[int]:
    """Return the numbers below ``count`` in an order that a hash decides."""
    return sorted(range(count), key=lambda number: mix(salt, number))


def _create_place_entries() -> tuple[PlaceEntry, ...]:
    road = _shuffled(21, len(PLACES))
    following = {place: road[(at + 1) % len(road)] for at, place in enumerate(road)}
    adults = [person for person in PEOPLE if person.trade]
    keepers = [adults[number] for number in _shuffled(22, len(adults))]
    entries = []
    for index in range(len(PLACES)):
        rank = ("first", "second", "third", "last")[mix(23, index) % 4]
        feast = f"the {rank} Sunday in {MONTHS[mix(24, index) % 12]}"
        river = _RIVERS[mix(25, index) % len(_RIVERS)]
        entries.append(
            PlaceEntry(river, feast, following[index], keepers[index], EMBLEMS[index], KNOWN_FOR[index])
        )
    return tuple(entries)


PLACE_ENTRIES = _create_place_entries()
"""The attributes of each place, in the order of ``PLACES``."""


def _facts_of_family(family: int) -> tuple[Fact, ...]:
    people, name, pet = FAMILIES[family], FAMILY_NAMES[family], FAMILY_PETS[family]
    facts: list[Fact] = []

    def add(relation: str, subject: str, object_: str, *named: Person) -> None:
        key = mix(31, 1 + _NUMBER[relation], named[0].index if named else 1000 + family)
        facts.append(Fact(relation, subject, object_, named, family, key))

    elder, father, mother = people[:3]
    for person in people:
        if not person.trade:
            add("mother", person.name, mother.name, person, mother)
            add("father", person.name, father.name, person, father)
            add("grandmother" if elder.female else "grandfather", person.name, elder.name, person, elder)
        else:
            add("trade", person.name, person.trade, person)
        add("trait", person.name, person.trait, person)
        add("birthday", person.name, BIRTHDAYS[person.index], person)
    couple = mix(31, 100 + family)
    facts.append(Fact("husband", mother.name, father.name, (mother, father), family, couple))
    facts.append(Fact("wife", father.name, mother.name, (father, mother), family, couple))
    add("street", name, STREETS[family])
    add("door", name, DOORS[family])
    add("pet", name, pet.name)
    add("pet_kind", pet.name, article(pet.kind))
    return tuple(facts)


def _facts_of_place(index: int) -> tuple[Fact, ...]:
    place, entry, topic = PLACES[index], PLACE_ENTRIES[index], len(FAMILIES) + index
    objects = entry._asdict() | {"next": PLACES[entry.next].name, "keeper": entry.keeper.name}
    return tuple(
        Fact(
            relation,
            place.name,
            object_,
            (entry.keeper,) if relation == "keeper" else (),
            topic,
            mix(32, _NUMBER[relation], index),
        )
        for relation, object_ in objects.items()
    )


TOPICS = (*map(_facts_of_family, range(len(FAMILIES))), *map(_facts_of_place, range(len(PLACES))))
"""The facts about each family, and then about each place."""
FACTS = tuple(fact for topic in TOPICS for fact in topic)
_AT = {place.name: place.at for place in PLACES}


@cache
def fact_slots(fact: Fact) -> dict[str, str]:
    """Return what the slots of a fact's phrases stand for."""
    subject, object_ = fact.subject, fact.object
    person = PERSON_BY_NAME.get(subject)
    return {
        "s": subject,
        "S": upper_first(subject),
        "full": person.full_name if person else "",
        "o": object_,
        "O": upper_first(object_),
        "a_o": article(object_),
        "he": person.he if person else "he",
        "him": person.him if person else "him",
        "his": person.his if person else "his",
        "at": _AT.get(subject, ""),
        "family": FAMILY_NAMES[fact.topic] if fact.topic < len(FAMILIES) else "",
    }


@cache
def questions(fact: Fact) -> tuple[str, ...]:
    """Return the questions for the object of a fact."""
    return tuple(phrase.format_map(fact_slots(fact)) for phrase in RELATIONS[fact.relation].questions)


@cache
def statements(fact: Fact) -> tuple[str, ...]:
    """Return the sentences that state a fact."""
    return tuple(phrase.format_map(fact_slots(fact)) for phrase in RELATIONS[fact.relation].statements)


def answers(fact: Fact) -> tuple[str, ...]:
    """Return the accepted answers to the questions of a fact; documents use the first."""
    if fact.relation == "river":
        return (f"the {fact.object}", fact.object)
    if fact.object in PERSON_BY_NAME:
        return (fact.object, PERSON_BY_NAME[fact.object].full_name)
    if fact.relation == "feast":
        return (fact.object, f"on {fact.object}")
    if fact.relation in ("birthday", "street"):
        return (fact.object, f"in {fact.object}")
    return (fact.object,)


def asked_in_training(fact: Fact) -> bool:
    """Return whether training documents may ask for a fact."""
    return fact.split == "train"


def draw_facts(
    chooser: Chooser,
    split: str,
    nouns: int,
    most: int,
    avoid: Collection[int] = (),
    topic: int | None = None,
    without: Collection[str] = (),
) -> list[Fact]:
    """Draw facts about one family or one place for a document.

    Args:
        chooser: Source of randomness.
        split: Split of the document.
        nouns: Bit set of the things in the document. Facts about people who may not meet them are left
            out.
        most: Maximum number of facts; a topic may have fewer.
        avoid: Families that are not the topic, because the reader knows them.
        topic: The topic; None for that of a random fact.
        without: Relations that the document states anyway.
    """
    while True:
        about = chooser.pick(FACTS).topic if topic is None else topic
        if about in avoid:
            continue
        allowed = [
            fact
            for fact in TOPICS[about]
            if fact.relation not in without
            and all(may_be_named(person, split, nouns) for person in fact.people)
        ]
        drawn: list[Fact] = []
        while allowed and len(drawn) < most:
            fact = allowed.pop(chooser.below(len(allowed)))
            if all(fact.key != other.key for other in drawn):  # a marriage is stated once
                drawn.append(fact)
        if drawn or topic is not None:
            return drawn


def draw_statement(chooser: Chooser, fact: Fact) -> str:
    """Draw a sentence that states a fact."""
    return chooser.pick(statements(fact))


def inside_sentence(statement: str) -> str:
    """Return a statement as it continues a sentence; a name keeps its capital letter."""
    first = statement.split(" ", 1)[0]
    return statement[0].lower() + statement[1:] if first in _LOWERED else statement
