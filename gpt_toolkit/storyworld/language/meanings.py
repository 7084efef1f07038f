"""Chance meanings that make sense, held-out combinations kept to their split."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from gpt_toolkit.storyworld.language.grammar import MASS, Meaning, Phrase
from gpt_toolkit.storyworld.language.lexicon import (
    ANIMAL_VERBS,
    ANIMALS,
    BEAST_VERBS,
    COUNTED_FOOD,
    DRINK_VERBS,
    DRINKS,
    FOOD_VERBS,
    GIVING,
    INTRANSITIVE,
    MASS_FOOD,
    MOTION,
    NOUN_LISTS,
    NUMBERS,
    PERSON_VERBS,
    PLACE_NAMES,
    PRONOUNS,
    QUALITIES,
    ROLES,
    THINGS,
    TIMES,
    TOOLS,
    TRANSITIVE,
    VERBS,
)
from gpt_toolkit.storyworld.world import ALLOWED, Person, mix

HELD_OUT_ONE_IN = 10  # ours: one combination of 10 is kept for validation, and another one for test
Choice = TypeVar("Choice")

_NUMBER_OF = {
    word: number
    for number, word in enumerate(
        dict.fromkeys(
            (*VERBS, *(w for g in QUALITIES.values() for w in g), *(w for g in NOUN_LISTS for w in g))
        )
    )
}
_TENSES = ("past", "past", "past", "present", "future")
_NAMED = {person: index for index, person in enumerate(PRONOUNS, start=len(_NUMBER_OF))}


def split_of(meaning: Meaning) -> str:
    """The split to which a meaning belongs, by its verb and object, verb and place, or quality and noun."""
    first, second = meaning.combination
    numbers = [_NUMBER_OF.get(word, _NAMED.get(word, 0)) for word in (first, second)]
    rest = mix(42, *numbers) % HELD_OUT_ONE_IN
    return "validation" if rest == 0 else "test" if rest == 1 else "train"


def _names_an_owner_twice(meaning: Meaning) -> bool:
    """Whether it says "Mara lost Mara's coat" or "gave her her coat", which nobody would."""
    owner = meaning.object.owner if meaning.object is not None else ""
    others = [phrase.head for phrase in (meaning.agent, meaning.recipient) if phrase is not None]
    return owner in others and (owner not in PRONOUNS or owner == others[-1] == "she")


class Speaker:
    """Draws meanings about a few people.

    Args:
        rng: Source of all that is left to chance.
        split: Whose combinations the meanings have.
        people: Who may be named, together with each other and with what they may own.
    """

    def __init__(self, rng: Random, split: str, people: Sequence[Person]) -> None:
        self.random, self.split, self.people = rng.random, split, people
        self.nouns = ~0
        for person in people:
            self.nouns &= ALLOWED[split][person.index]
        self.things = tuple(word for index, word in enumerate(THINGS) if self.nouns >> index & 1)
        self.kinds: tuple[Callable[[], Meaning], ...] = (
            *[self.handling] * 4,
            *[self.giving] * 3,
            *[self.being] * 2,
            self.eating,
            self.meeting,
            self.resting,
            self.moving,
            self.beasts,
        )

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of ``options``."""
        return options[int(self.random() * len(options))]

    def meaning(self) -> Meaning:
        """A meaning whose combination belongs to the split."""
        while True:
            meaning = self.pick(self.kinds)()
            if split_of(meaning) == self.split and not _names_an_owner_twice(meaning):
                return meaning

    # phrases

    def somebody(self) -> Phrase:
        """A person: by name, by role, or a pronoun."""
        draw = self.random()
        if draw < 0.45:
            return Phrase(self.pick(self.people).name)
        if draw < 0.65:
            return Phrase(self.pick(tuple(PRONOUNS)))
        adjective = self.pick(QUALITIES["person"]) if self.random() < 0.25 else ""
        return Phrase(self.pick(ROLES), "the", adjective, plural=self.random() < 0.15)

    def other(self, first: Phrase) -> Phrase:
        """Somebody else than the first."""
        while True:
            phrase = self.somebody()
            same = {first.head, phrase.head}
            if len(same) == 2 and same not in ({"I", "we"}, {"he", "they"}, {"she", "they"}):
                return phrase

    def something(self, nouns: Sequence[str], kind: str) -> Phrase:
        """Something of a class, with what goes with it."""
        head = self.pick(nouns)
        adjective = self.pick(QUALITIES["mass" if head in MASS else kind]) if self.random() < 0.4 else ""
        draw = self.random()
        if draw < 0.2:
            named = self.random() < 0.5
            owner = self.pick(self.people).name if named else self.pick(tuple(PRONOUNS))
            return Phrase(head, "", adjective, owner, head not in MASS and self.random() < 0.2)
        if head in MASS:
            return Phrase(head, "the" if draw < 0.5 else "", adjective)
        if draw < 0.4:
            return Phrase(head, self.pick(NUMBERS), adjective, plural=True)
        determiner = "a" if draw < 0.6 else "the"
        return Phrase(head, determiner, adjective, plural=determiner == "the" and self.random() < 0.2)

    # meanings

    def event(
        self,
        verb: str,
        agent: Phrase,
        object_: Phrase | None = None,
        recipient: Phrase | None = None,
        place: str = "",
        toward: bool = False,
    ) -> Meaning:
        """Something that happens, perhaps at a time, perhaps not, perhaps asked for."""
        tense = self.pick(_TENSES)
        draw = self.random()
        timed = self.random() < 0.45
        if not place and object_ is not None and self.random() < 0.2:
            place = self.pick(PLACE_NAMES)
        return Meaning(
            verb,
            agent,
            tense,
            object_,
            recipient,
            place,
            toward,
            self.pick(TIMES[tense]) if timed else "",
            timed and draw >= 0.25 and self.random() < 0.4,  # questions keep the time at the end
            negative=draw >= 0.88,
            question=draw < 0.12,
        )

    def handling(self) -> Meaning:
        """Somebody does something with a thing."""
        nouns = self.things if self.random() < 0.5 else TOOLS
        return self.event(self.pick(TRANSITIVE), self.somebody(), self.something(nouns, "thing"))

    def giving(self) -> Meaning:
        """Somebody gives somebody something."""
        agent = self.somebody()
        draw = self.random()
        if draw < 0.7:
            object_ = self.something(self.things if draw < 0.35 else TOOLS, "thing")
        else:
            object_ = self.something((*COUNTED_FOOD, *MASS_FOOD), "food")
        return self.event(self.pick(GIVING), agent, object_, self.other(agent))

    def eating(self) -> Meaning:
        """Somebody eats or drinks."""
        if self.random() < 0.3:
            return self.event(self.pick(DRINK_VERBS), self.somebody(), self.something(DRINKS, "food"))
        food = self.something((*COUNTED_FOOD, *MASS_FOOD), "food")
        return self.event(self.pick(FOOD_VERBS), self.somebody(), food)

    def meeting(self) -> Meaning:
        """Somebody does something to somebody or to an animal."""
        agent = self.somebody()
        if self.random() < 0.4:
            return self.event(self.pick(ANIMAL_VERBS), agent, self.something(ANIMALS, "animal"))
        while True:
            other = self.other(agent)
            if other.head not in PRONOUNS:
                break
        return self.event(self.pick(PERSON_VERBS), agent, other)

    def resting(self) -> Meaning:
        """Somebody is busy somewhere."""
        return self.event(self.pick(INTRANSITIVE), self.somebody(), place=self.pick(PLACE_NAMES))

    def moving(self) -> Meaning:
        """Somebody goes somewhere."""
        return self.event(self.pick(MOTION), self.somebody(), place=self.pick(PLACE_NAMES), toward=True)

    def beasts(self) -> Meaning:
        """An animal does what animals do."""
        adjective = self.pick(QUALITIES["animal"]) if self.random() < 0.4 else ""
        agent = Phrase(self.pick(ANIMALS), "the", adjective, plural=self.random() < 0.3)
        return self.event(self.pick(BEAST_VERBS), agent, place=self.pick(PLACE_NAMES))

    def being(self) -> Meaning:
        """Something is so."""
        draw = self.random()
        if draw < 0.4:
            agent, kind = self.something(self.things if draw < 0.2 else TOOLS, "thing"), "thing"
        elif draw < 0.55:
            agent, kind = Phrase(self.pick(COUNTED_FOOD), "the", plural=self.random() < 0.5), "food"
        elif draw < 0.7:
            agent, kind = Phrase(self.pick(ANIMALS), "the", plural=self.random() < 0.3), "animal"
        elif draw < 0.8:
            agent, kind = Phrase(self.pick(PLACE_NAMES), "the"), "place"
        else:
            agent, kind = self.somebody(), "person"
        if agent.adjective or agent.determiner == "a":
            agent = Phrase(agent.head, "" if agent.owner else "the", "", agent.owner, agent.plural)
        ask = self.random()
        tense = self.pick(("present", "present", "past"))
        quality = self.pick(QUALITIES[kind])
        return Meaning("be", agent, tense, quality=quality, negative=ask >= 0.85, question=ask < 0.15)
