"""The lasting facts of the valley as triples, how they are asked for and how they are stated.

For two facts of five the question form is held out: no document for training asks for them, while their
statements occur in documents of every split. A model that answers such a question has therefore read the
fact and not the question (GPT-2 §3.8 and its worry about memorized questions).
"""

from functools import cache
from typing import NamedTuple

from gpt_toolkit.storyworld.almanac import BIRTHDAYS, DOORS, PLACE_ENTRIES, STREETS
from gpt_toolkit.storyworld.english import article, upper_first
from gpt_toolkit.storyworld.fact_phrases import RELATIONS
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.world import FAMILIES, FAMILY_PETS, PEOPLE, Person, mix

HELD_OUT_OF = 5  # ours: of five facts, one is asked for in validation only and one in test only


class Fact(NamedTuple):
    """A triple of the lasting world.

    ``people`` are those whom it names, ``topic`` is the family (0 to 19) or the place (20 and above) that it
    is about, ``key`` is what decides about its split: husband and wife share one.
    """

    relation: str
    subject: str
    object: str
    people: tuple[Person, ...]
    topic: int
    key: int

    @property
    def split(self) -> str:
        """The split in whose documents it is asked for; train facts are asked for in every split."""
        rest = self.key % HELD_OUT_OF
        return "validation" if rest == 0 else "test" if rest == 1 else "train"


def _facts_of_family(family: int) -> list[Fact]:
    people, name, pet = FAMILIES[family], FAMILY_NAMES[family], FAMILY_PETS[family]
    facts: list[Fact] = []

    def add(relation: str, subject: str, object_: str, *named: Person, key: int = 0) -> None:
        about = named[0].index if named else 1000 + family
        salt = key or 1 + list(RELATIONS).index(relation)
        facts.append(Fact(relation, subject, object_, named, family, mix(31, salt, about)))

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
    couple = 100 + family
    facts.append(Fact("husband", mother.name, father.name, (mother, father), family, mix(31, couple)))
    facts.append(Fact("wife", father.name, mother.name, (father, mother), family, mix(31, couple)))
    add("street", name, STREETS[family])
    add("door", name, DOORS[family])
    add("pet", name, pet.name)
    add("pet_kind", pet.name, article(pet.kind))
    return facts


def _facts_of_place(index: int) -> list[Fact]:
    place, entry, topic = PLACES[index], PLACE_ENTRIES[index], len(FAMILIES) + index
    values = {
        "river": entry.river,
        "feast": entry.feast,
        "next": PLACES[entry.next].name,
        "keeper": entry.keeper.name,
        "emblem": entry.emblem,
        "known_for": entry.known_for,
    }
    order = list(RELATIONS)
    return [
        Fact(
            relation,
            place.name,
            value,
            (entry.keeper,) if relation == "keeper" else (),
            topic,
            mix(32, order.index(relation), index),
        )
        for relation, value in values.items()
    ]


TOPICS: tuple[tuple[Fact, ...], ...] = (
    *(tuple(_facts_of_family(family)) for family in range(len(FAMILIES))),
    *(tuple(_facts_of_place(index)) for index in range(len(PLACES))),
)
"""The facts about each family, and then about each place."""
FACTS: tuple[Fact, ...] = tuple(fact for topic in TOPICS for fact in topic)
"""Every fact."""

_BY_NAME = {person.name: person for person in PEOPLE}
_AT = {place.name: place.at for place in PLACES}


@cache
def _slots(fact: Fact) -> dict[str, str]:
    subject, object_ = fact.subject, fact.object
    person = _BY_NAME.get(subject)
    female = person is not None and person.female
    return {
        "s": subject,
        "S": upper_first(subject),
        "full": f"{subject} {FAMILY_NAMES[person.family]}" if person else "",
        "o": object_,
        "O": upper_first(object_),
        "a_o": article(object_),
        "he": "she" if female else "he",
        "him": "her" if female else "him",
        "his": "her" if female else "his",
        "at": _AT.get(subject, ""),
        "family": FAMILY_NAMES[fact.topic] if fact.topic < len(FAMILIES) else "",
    }


@cache
def questions(fact: Fact) -> tuple[str, ...]:
    """The ways to ask for the object of a fact."""
    return tuple(phrase.format_map(_slots(fact)) for phrase in RELATIONS[fact.relation].questions)


@cache
def statements(fact: Fact) -> tuple[str, ...]:
    """The sentences that state a fact."""
    return tuple(phrase.format_map(_slots(fact)) for phrase in RELATIONS[fact.relation].statements)


def answers(fact: Fact) -> tuple[str, ...]:
    """What counts as the answer to the questions of a fact; the first is how documents put it."""
    if fact.relation == "river":
        return (f"the {fact.object}", fact.object)
    if fact.relation in ("father", "mother", "grandfather", "grandmother", "husband", "wife", "keeper"):
        return (fact.object, f"{fact.object} {FAMILY_NAMES[_BY_NAME[fact.object].family]}")
    if fact.relation == "feast":
        return (fact.object, f"on {fact.object}")
    if fact.relation in ("birthday", "street"):
        return (fact.object, f"in {fact.object}")
    return (fact.object,)


def asked_in_training(fact: Fact) -> bool:
    """Whether documents for training may ask for a fact."""
    return fact.split == "train"
