"""Facts of the valley for a document: such as it may state in its split, and in a sentence of its own."""

from collections.abc import Collection
from random import Random

from gpt_toolkit.storyworld.events import State
from gpt_toolkit.storyworld.facts import FACTS, TOPICS, Fact, statements
from gpt_toolkit.storyworld.lexicon import NOUNS, words
from gpt_toolkit.storyworld.world import ALLOWED, CENTRAL, PEOPLE, Person

_LOWERED = frozenset(
    words("The On From Everybody Nobody In After Close Visitors People There Every What By It One As A An")
)


def nouns_of(state: State) -> int:
    """The kinds of things in a story, as bits."""
    bits = 0
    for event in state.log:
        for item in (event.t, event.t2):
            if item is not None:
                bits |= 1 << item.noun
    return bits


def may_be_named(person: Person, split: str, nouns: int) -> bool:
    """Whether a person may occur in a document of a split together with things."""
    return not nouns & ~ALLOWED[split][person.index]


def draw_facts(
    rng: Random,
    split: str,
    nouns: int,
    count: int,
    avoid: Collection[int] = (),
    topic: int | None = None,
    without: Collection[str] = (),
) -> list[Fact]:
    """Facts about one family or one place.

    Args:
        rng: Source of all that is left to chance.
        split: Of the document.
        nouns: The things that it names, as bits; whoever is held out with one of them is not named.
        count: How many at most; a topic may have fewer.
        avoid: Families about which it would be odd to be told.
        topic: Which topic; None: that of a random fact.
        without: Relations that the document states anyway.
    """
    while True:
        about = FACTS[int(rng.random() * len(FACTS))].topic if topic is None else topic
        if about in avoid:
            continue
        allowed = [
            fact
            for fact in TOPICS[about]
            if fact.relation not in without
            and all(may_be_named(person, split, nouns) for person in fact.people)
        ]
        drawn: list[Fact] = []
        while allowed and len(drawn) < count:
            fact = allowed.pop(int(rng.random() * len(allowed)))
            if all(fact.key != other.key for other in drawn):  # a wife and her husband are said once
                drawn.append(fact)
        if drawn or topic is not None:
            return drawn


def state_fact(rng: Random, fact: Fact) -> str:
    """A fact in a sentence."""
    options = statements(fact)
    return options[int(rng.random() * len(options))]


def within(sentence: str) -> str:
    """A statement as it continues a sentence: a name keeps its capital letter."""
    first = sentence.split(" ", 1)[0]
    return sentence[0].lower() + sentence[1:] if first in _LOWERED else sentence


def central_pair(rng: Random, split: str) -> tuple[Person, int]:
    """A person and a kind of thing whose combination belongs to the split."""
    while True:
        person = PEOPLE[int(rng.random() * len(PEOPLE))]
        if central := CENTRAL[split][person.index]:
            return person, central[int(rng.random() * len(central))]


def looks(rng: Random, noun: int) -> str:
    """A thing with an adjective, without an article."""
    adjectives = NOUNS[noun].adjectives
    return f"{adjectives[int(rng.random() * len(adjectives))]} {NOUNS[noun].word}"
