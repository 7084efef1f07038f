"""One meaning, said in English and in Vallic."""

from dataclasses import dataclass

from gpt_toolkit.storyworld.english import article, upper_first
from gpt_toolkit.storyworld.language.lexicon import (
    ADJECTIVE_STEMS,
    ASK,
    AT,
    DEFINITE,
    DRINKS,
    FOR,
    MASS_FOOD,
    NOT,
    NOUN_STEMS,
    NUMBER_STEMS,
    PLURAL,
    POSSESSIVE,
    PRONOUNS,
    TENSES,
    TIME_STEMS,
    TO,
    VERB_STEMS,
)
from gpt_toolkit.storyworld.places import PLACES

MASS = frozenset((*MASS_FOOD, *DRINKS))
_OBJECTIVE = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them"}
_OWN = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
_PLURALS = {
    "man": "men", "woman": "women", "ferryman": "ferrymen", "child": "children", "goose": "geese",
    "mouse": "mice", "wolf": "wolves", "scarf": "scarves", "pocketknife": "pocketknives",
    "potato": "potatoes",
}  # fmt: skip
_PASTS = {
    "see": "saw", "find": "found", "lose": "lost", "buy": "bought", "hide": "hid", "make": "made",
    "take": "took", "break": "broke", "draw": "drew", "keep": "kept", "hold": "held", "eat": "ate",
    "drink": "drank", "hear": "heard", "teach": "taught", "meet": "met", "feed": "fed", "give": "gave",
    "send": "sent", "bring": "brought", "sell": "sold", "lend": "lent", "sleep": "slept", "sing": "sang",
    "swim": "swam", "go": "went", "run": "ran", "ride": "rode", "write": "wrote",
}  # fmt: skip
_AT_PLACE = {place.name.removeprefix("the "): place.at for place in PLACES}


@dataclass(frozen=True, slots=True)
class Phrase:
    """Somebody or something.

    Args:
        head: A pronoun ("I"), a proper name, or a noun in the singular.
        determiner: "a", "the", a number word, or "" for names, pronouns and "bread" without an article.
        adjective: "" for none.
        owner: A pronoun or a proper name; takes the place of the determiner.
        plural: More than one.
    """

    head: str
    determiner: str = ""
    adjective: str = ""
    owner: str = ""
    plural: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """Who does what to what, for whom, where and when.

    Args:
        verb: In the base form; "be" goes with ``quality``.
        agent: Who does it, or what is so.
        tense: "present", "past" or "future".
        object: What it is done to.
        recipient: Who gets the object.
        place: A place of the valley without its article.
        toward: The place is where one goes, not where one is.
        time: One of ``TIMES``.
        time_first: The time opens the sentence.
        quality: An adjective.
        negative: It is not so.
        question: Whether it is so is asked.
    """

    verb: str
    agent: Phrase
    tense: str
    object: Phrase | None = None
    recipient: Phrase | None = None
    place: str = ""
    toward: bool = False
    time: str = ""
    time_first: bool = False
    quality: str = ""
    negative: bool = False
    question: bool = False

    @property
    def combination(self) -> tuple[str, str]:
        """What decides about the split: a verb and its object or place, or a quality and who has it."""
        if self.object is not None:
            return self.verb, self.object.head
        return (self.quality, self.agent.head) if self.quality else (self.verb, self.place)


def _plural(noun: str) -> str:
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "sh", "ch", "x")) else f"{noun}s"


def english_phrase(phrase: Phrase, objective: bool = False) -> str:
    """A phrase in English.

    Args:
        phrase: What to say.
        objective: As an object: "me", not "I".
    """
    head = phrase.head
    if head in PRONOUNS:
        return _OBJECTIVE[head] if objective else head
    if head not in NOUN_STEMS:
        return head
    noun = _plural(head) if phrase.plural else head
    rest = f"{phrase.adjective} {noun}" if phrase.adjective else noun
    if phrase.owner:
        own = _OWN.get(phrase.owner, f"{phrase.owner}'s")
        return f"{own} {rest}"
    if phrase.determiner == "a":
        return article(rest)
    return f"{phrase.determiner} {rest}" if phrase.determiner else rest


def vallic_phrase(phrase: Phrase) -> str:
    """A phrase in Vallic."""
    head = phrase.head
    if head in PRONOUNS:
        return PRONOUNS[head]
    if head not in NOUN_STEMS:
        return head
    noun = NOUN_STEMS[head] + (PLURAL if phrase.plural else "")
    parts = [noun + (DEFINITE if phrase.determiner == "the" else "")]
    if phrase.owner in PRONOUNS:
        parts.insert(0, PRONOUNS[phrase.owner] + POSSESSIVE)
    elif phrase.owner:
        parts.insert(0, f"{phrase.owner}-{POSSESSIVE}")
    if phrase.adjective:
        parts.append(ADJECTIVE_STEMS[phrase.adjective])
    if phrase.determiner in NUMBER_STEMS:
        parts.append(NUMBER_STEMS[phrase.determiner])
    return " ".join(parts)


def _third(verb: str) -> str:
    if verb == "go":
        return "goes"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x")) else f"{verb}s"


def _past(verb: str) -> str:
    if verb in _PASTS:
        return _PASTS[verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ied"
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


def _be(agent: Phrase, tense: str) -> str:
    many = agent.plural or agent.head in ("you", "we", "they")
    if tense == "past":
        return "were" if many else "was"
    return "am" if agent.head == "I" else "are" if many else "is"


def _english_verb(meaning: Meaning) -> tuple[str, str]:
    """The part of the verb that a question puts first ("" for none), and the rest."""
    agent, verb, tense = meaning.agent, meaning.verb, meaning.tense
    helper_needed = meaning.negative or meaning.question
    third = not agent.plural and agent.head not in ("I", "you", "we", "they")
    if tense == "future":
        helper, rest = "will", verb
    elif verb == "be":
        helper, rest = _be(agent, tense), ""
    elif not helper_needed:
        return "", (_past(verb) if tense == "past" else _third(verb) if third else verb)
    else:
        helper, rest = ("did" if tense == "past" else "does" if third else "do"), verb
    if meaning.negative:
        rest = f"not {rest}".rstrip()
    return helper, rest


def english(meaning: Meaning) -> str:
    """Say it in English, as a sentence."""
    helper, verb = _english_verb(meaning)
    agent = english_phrase(meaning.agent)
    parts = [helper, agent, verb] if meaning.question else [agent, helper, verb]
    recipient, object_ = meaning.recipient, meaning.object
    if recipient is not None and recipient.head in PRONOUNS:
        parts.append(english_phrase(recipient, True))
    if object_ is not None:
        parts.append(english_phrase(object_, True))
    if recipient is not None and recipient.head not in PRONOUNS:
        parts += ["to", english_phrase(recipient, True)]
    parts.append(meaning.quality)
    if meaning.place:
        parts.append(f"to the {meaning.place}" if meaning.toward else _AT_PLACE[meaning.place])
    if meaning.time and not meaning.time_first:
        parts.append(meaning.time)
    text = " ".join(part for part in parts if part)
    if meaning.time_first:
        text = f"{meaning.time}, {text}" if " " in meaning.time else f"{meaning.time} {text}"
    return upper_first(text) + ("?" if meaning.question else ".")


def translate(meaning: Meaning) -> str:
    """Say it in Vallic, as a sentence: one meaning has one translation."""
    parts = [vallic_phrase(meaning.agent)]
    if meaning.time:
        parts.insert(0 if meaning.time_first else 1, TIME_STEMS[meaning.time])
    if meaning.place:
        parts += [NOUN_STEMS[meaning.place] + DEFINITE, TO if meaning.toward else AT]
    if meaning.recipient is not None:
        parts += [vallic_phrase(meaning.recipient), FOR]
    if meaning.object is not None:
        parts.append(vallic_phrase(meaning.object))
    if meaning.quality:
        parts.append(ADJECTIVE_STEMS[meaning.quality])
    if meaning.negative:
        parts.append(NOT)
    parts.append(VERB_STEMS[meaning.verb] + TENSES[meaning.tense])
    text = " ".join(parts)
    return upper_first(text) + (f" {ASK}?" if meaning.question else ".")
