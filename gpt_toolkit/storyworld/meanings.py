"""Random meanings of sentences that make sense; held-out combinations of words stay in their split."""

from collections.abc import Callable, Sequence
from random import Random

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import NUMBERS
from gpt_toolkit.storyworld.people import ALLOWED, PEOPLE, Person, check_split, mix, split_by_hash
from gpt_toolkit.storyworld.vallic import (
    ADJECTIVES,
    ANIMALS,
    COUNTED_FOOD,
    DRINKS,
    MASS,
    MASS_FOOD,
    NOUN_LISTS,
    PLACE_NAMES,
    PRONOUNS,
    QUALITIES,
    ROLES,
    THINGS,
    TIMES,
    TOOLS,
    VERB_LISTS,
    VERBS,
    Meaning,
    Phrase,
    english,
    translate,
)

HELD_OUT_ONE_IN = 10  # tuned here: one combination of 10 for validation, another one for test
_FOOD = (*COUNTED_FOOD, *MASS_FOOD)
_NUMBERED = dict.fromkeys((*VERBS, *ADJECTIVES, *(noun for group in NOUN_LISTS for noun in group), *PRONOUNS))
_NUMBER_OF = {word: number for number, word in enumerate(_NUMBERED)}
_TENSES = ("past", "past", "past", "present", "future")


def split_of_meaning(meaning: Meaning) -> str:
    """Return the split of a meaning, by its verb and object, verb and place, or quality and noun."""
    first, second = meaning.combination
    return split_by_hash(mix(42, _NUMBER_OF.get(first, 0), _NUMBER_OF.get(second, 0)), HELD_OUT_ONE_IN)


def _names_an_owner_twice(meaning: Meaning) -> bool:
    """Return whether it says "Mara lost Mara's coat" or "gave her her coat"."""
    owner = meaning.object.owner if meaning.object is not None else ""
    others = [phrase.head for phrase in (meaning.agent, meaning.recipient) if phrase is not None]
    return owner in others and (owner not in PRONOUNS or owner == others[-1] == "she")


class MeaningChooser(Chooser):
    """A source of random meanings about a few people.

    Args:
        rng: Source of randomness.
        split: Split of the combinations of words in the meanings.
        people: People who may be named together, with the things that all of them may own.
    """

    def __init__(self, rng: Random, split: str, people: Sequence[Person]) -> None:
        super().__init__(rng)
        self.split, self.people = split, people
        nouns = ~0
        for person in people:
            nouns &= ALLOWED[split][person.index]
        self.things = tuple(word for index, word in enumerate(THINGS) if nouns >> index & 1)
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

    def meaning(self) -> Meaning:
        """Return a meaning whose combination belongs to the split."""
        while True:
            meaning = self.pick(self.kinds)()
            if split_of_meaning(meaning) == self.split and not _names_an_owner_twice(meaning):
                return meaning

    # phrases

    def person(self) -> Phrase:
        """Return a person: by name, by role, or a pronoun."""
        draw = self.random()
        if draw < 0.45:
            return Phrase(self.pick(self.people).name)
        if draw < 0.65:
            return Phrase(self.pick(tuple(PRONOUNS)))
        adjective = self.pick(QUALITIES["person"]) if self.random() < 0.25 else ""
        return Phrase(self.pick(ROLES), "the", adjective, plural=self.random() < 0.15)

    def other_person(self, first: Phrase) -> Phrase:
        """Return a person other than the first."""
        while True:
            phrase = self.person()
            same = {first.head, phrase.head}
            if len(same) == 2 and same not in ({"I", "we"}, {"he", "they"}, {"she", "they"}):
                return phrase

    def thing(self, nouns: Sequence[str], kind: str) -> Phrase:
        """Return a thing of a class, with its determiner and adjective."""
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
        """Return an event, perhaps with a time, perhaps negated or a question."""
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
        """Return a meaning in which a person does something with a thing."""
        nouns = self.things if self.random() < 0.5 else TOOLS
        return self.event(self.pick(VERB_LISTS["transitive"]), self.person(), self.thing(nouns, "thing"))

    def giving(self) -> Meaning:
        """Return a meaning in which a person gives something to another."""
        agent = self.person()
        draw = self.random()
        if draw < 0.7:
            object_ = self.thing(self.things if draw < 0.35 else TOOLS, "thing")
        else:
            object_ = self.thing(_FOOD, "food")
        return self.event(self.pick(VERB_LISTS["giving"]), agent, object_, self.other_person(agent))

    def eating(self) -> Meaning:
        """Return a meaning in which a person eats or drinks."""
        if self.random() < 0.3:
            return self.event(self.pick(VERB_LISTS["drink_verbs"]), self.person(), self.thing(DRINKS, "food"))
        food = self.thing(_FOOD, "food")
        return self.event(self.pick(VERB_LISTS["food_verbs"]), self.person(), food)

    def meeting(self) -> Meaning:
        """Return a meaning in which a person does something to a person or an animal."""
        agent = self.person()
        if self.random() < 0.4:
            return self.event(self.pick(VERB_LISTS["animal_verbs"]), agent, self.thing(ANIMALS, "animal"))
        while True:
            other = self.other_person(agent)
            if other.head not in PRONOUNS:
                break
        return self.event(self.pick(VERB_LISTS["person_verbs"]), agent, other)

    def resting(self) -> Meaning:
        """Return a meaning in which a person is busy at a place."""
        return self.event(self.pick(VERB_LISTS["intransitive"]), self.person(), place=self.pick(PLACE_NAMES))

    def moving(self) -> Meaning:
        """Return a meaning in which a person goes to a place."""
        return self.event(
            self.pick(VERB_LISTS["motion"]), self.person(), place=self.pick(PLACE_NAMES), toward=True
        )

    def beasts(self) -> Meaning:
        """Return a meaning in which an animal does what animals do."""
        adjective = self.pick(QUALITIES["animal"]) if self.random() < 0.4 else ""
        agent = Phrase(self.pick(ANIMALS), "the", adjective, plural=self.random() < 0.3)
        return self.event(self.pick(VERB_LISTS["beast_verbs"]), agent, place=self.pick(PLACE_NAMES))

    def being(self) -> Meaning:
        """Return a meaning about a quality of a person or a thing."""
        draw = self.random()
        if draw < 0.4:
            agent, kind = self.thing(self.things if draw < 0.2 else TOOLS, "thing"), "thing"
        elif draw < 0.55:
            agent, kind = Phrase(self.pick(COUNTED_FOOD), "the", plural=self.random() < 0.5), "food"
        elif draw < 0.7:
            agent, kind = Phrase(self.pick(ANIMALS), "the", plural=self.random() < 0.3), "animal"
        elif draw < 0.8:
            agent, kind = Phrase(self.pick(PLACE_NAMES), "the"), "place"
        else:
            agent, kind = self.person(), "person"
        if agent.adjective or agent.determiner == "a":
            agent = Phrase(agent.head, "" if agent.owner else "the", "", agent.owner, agent.plural)
        ask = self.random()
        tense = self.pick(("present", "present", "past"))
        quality = self.pick(QUALITIES[kind])
        return Meaning("be", agent, tense, quality=quality, negative=ask >= 0.85, question=ask < 0.15)


def sentence_pair(rng: Random, split: str) -> tuple[str, str]:
    """Return a sentence in English and in Vallic with one meaning.

    Args:
        rng: Source of randomness.
        split: "train", "validation" or "test". The verb and its object (or its place, or a quality and its
            noun) meet in sentences of this split only.

    Raises:
        ValueError: If the split is unknown.
    """
    check_split(split)
    chooser = Chooser(rng)
    people = tuple(chooser.pick(PEOPLE) for _ in range(2))
    meaning = MeaningChooser(rng, split, people).meaning()
    return english(meaning), translate(meaning)
