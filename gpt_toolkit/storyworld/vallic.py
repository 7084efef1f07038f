"""Vallic, the sister language of English in the valley, which takes the role of French in GPT-2 §3.7.

The grammar in ten lines:

1. The order is: time, subject, time, place, recipient, object, quality, ``ne`` (not), verb.
2. The time stands first where it does so in English, and otherwise after the subject.
3. A noun comes before its adjective, and both before a number; adjectives and numbers never change.
4. Suffixes of nouns, in this order: plural ``-et``, definite ``-u``. There is no indefinite article.
5. An owner stands before the noun with ``-ku`` (a name takes it with a hyphen); no definite suffix then.
6. Pronouns: ``mun`` I, ``tal`` you, ``ver`` he, ``ves`` she; with a plural ``munet`` we, ``veret`` they.
7. Postpositions: ``lo`` at a place, ``du`` to a place, ``ve`` for whom; places are always definite.
8. Suffixes of verbs: past ``-ri``, future ``-mos``, none for the present. Verbs know no person or number.
9. To be is a verb like others and follows its adjective. A question ends in ``ka``.
10. Proper names stay as they are. Nothing is irregular.

The end of a stem shows the class of the word: a consonant for nouns, ``a`` for verbs, ``o`` for adjectives,
``e`` for times, ``i`` for numbers. A hash of a word's place in its list chooses the syllables.
"""

from dataclasses import dataclass

from gpt_toolkit.storyworld.lexicon import COLORS, NOUNS, NUMBERS, TRADES, article, upper_first
from gpt_toolkit.storyworld.people import mix
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.wording import load, words

NAME = "Vallic"
_WORDING = load("vallic")

THINGS = tuple(noun.word for noun in NOUNS)
"""The things that people own in stories; the combination of a person and such a thing may be held out."""
TOOLS = words(_WORDING["tools"])
COUNTED_FOOD = words(_WORDING["counted_food"])
MASS_FOOD = words(_WORDING["mass_food"])
DRINKS = words(_WORDING["drinks"])
ANIMALS = words(_WORDING["animals"])
ROLES = (*TRADES, *words(_WORDING["roles"]))
PLACE_NAMES = tuple(place.name.removeprefix("the ") for place in PLACES)
NOUN_LISTS = (THINGS, TOOLS, COUNTED_FOOD, MASS_FOOD, DRINKS, ANIMALS, ROLES, PLACE_NAMES)
MASS = frozenset((*MASS_FOOD, *DRINKS))

QUALITIES = {kind: words(adjectives) for kind, adjectives in _WORDING["qualities"].items()}
"""The adjectives that go with each class of noun."""
QUALITIES["thing"] = (*COLORS, *QUALITIES["thing"])
ADJECTIVES = tuple(dict.fromkeys(word for group in QUALITIES.values() for word in group))

VERB_LISTS = {
    name: words(_WORDING[name])
    for name in (
        "transitive", "food_verbs", "drink_verbs", "person_verbs", "animal_verbs", "giving", "intransitive",
        "motion", "beast_verbs",
    )
}  # fmt: skip
VERBS = (*dict.fromkeys(verb for verbs in VERB_LISTS.values() for verb in verbs), "be")
TIMES: dict[str, tuple[str, ...]] = _WORDING["times"]

PRONOUNS = {word: words(forms)[0] for word, forms in _WORDING["pronouns"].items()}
_OBJECTIVE = {word: words(forms)[1] for word, forms in _WORDING["pronouns"].items()}
_POSSESSIVE = {word: words(forms)[2] for word, forms in _WORDING["pronouns"].items()}
PLURAL, DEFINITE, POSSESSIVE = "et", "u", "ku"
TENSES = {"present": "", "past": "ri", "future": "mos"}
NOT, ASK, AT, TO, FOR = "ne", "ka", "lo", "du", "ve"

_ONSETS, _VOWELS, _CODAS = (words(_WORDING[name]) for name in ("onsets", "vowels", "codas"))
_AT_PLACE = {place.name.removeprefix("the "): place.at for place in PLACES}


def _syllable(number: int) -> str:
    """Return a syllable with an onset, and for every third number with a coda."""
    number, onset = divmod(number, len(_ONSETS))
    number, vowel = divmod(number, len(_VOWELS))
    coda = _CODAS[number // 3 % len(_CODAS)] if number % 3 == 0 else ""
    return _ONSETS[onset] + _VOWELS[vowel] + coda


def _create_stems() -> tuple[dict[str, str], ...]:
    """Create a stem for every noun, verb, adjective, word of time and number."""
    tables: tuple[dict[str, str], ...] = ({}, {}, {}, {}, {})
    taken = {*PRONOUNS.values(), NOT, ASK, AT, TO, FOR} - {"munet", "veret"}
    beginnings = {word[:end] for word in taken for end in range(1, len(word) + 1)}
    classes = (
        *((group, "", 0) for group in NOUN_LISTS),
        (VERBS, "a", 1),
        (ADJECTIVES, "o", 2),
        (tuple(time for group in TIMES.values() for time in group), "e", 3),
        (NUMBERS, "i", 4),
    )
    for number, (group, ending, table) in enumerate(classes):
        for index, word in enumerate(group):
            assert word not in tables[table], word
            attempt = 0
            while True:
                draw = mix(41, number, index, attempt)
                last = ending or _VOWELS[draw % 5] + _CODAS[draw // 5 % 6]
                stem = _syllable(draw >> 12) + _ONSETS[(draw >> 24) % len(_ONSETS)] + last
                starts = {stem[:end] for end in range(1, len(stem) + 1)}
                if stem not in beginnings and not starts & taken:  # no stem may be another one with a suffix
                    break
                attempt += 1
            taken.add(stem)
            beginnings |= starts
            tables[table][word] = stem
    return tables


NOUN_STEMS, VERB_STEMS, ADJECTIVE_STEMS, TIME_STEMS, NUMBER_STEMS = _create_stems()


@dataclass(frozen=True, slots=True)
class Phrase:
    """A person or a thing in a sentence.

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
    """The meaning of a sentence: who does what to what, for whom, where and when.

    Args:
        verb: In the base form; "be" goes with ``quality``.
        agent: Who does it, or what has the quality.
        tense: "present", "past" or "future".
        object: What it is done to.
        recipient: Who gets the object.
        place: A place of the valley without its article.
        toward: The place is where one goes, not where one is.
        time: One of ``TIMES``.
        time_first: The time opens the sentence.
        quality: An adjective.
        negative: The sentence is negated.
        question: The sentence is a question.
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
        """The words that decide the split: a verb and its object or place, or a quality and its noun."""
        if self.object is not None:
            return self.verb, self.object.head
        return (self.quality, self.agent.head) if self.quality else (self.verb, self.place)


def _inflect(word: str, suffix: str) -> str:
    """Return a regular form with "s" or "ed", spelled as in English."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}i{suffix if suffix == 'ed' else 'es'}"
    if suffix == "ed":
        return f"{word}d" if word.endswith("e") else f"{word}ed"
    return f"{word}es" if word.endswith(("s", "sh", "ch", "x")) else f"{word}s"


def english_phrase(phrase: Phrase, objective: bool = False) -> str:
    """Return a phrase in English; a pronoun is "me" instead of "I" if ``objective``."""
    head = phrase.head
    if head in PRONOUNS:
        return _OBJECTIVE[head] if objective else head
    if head not in NOUN_STEMS:
        return head
    noun = (_WORDING["plurals"].get(head) or _inflect(head, "s")) if phrase.plural else head
    rest = f"{phrase.adjective} {noun}" if phrase.adjective else noun
    if phrase.owner:
        return f"{_POSSESSIVE.get(phrase.owner) or phrase.owner + chr(39) + 's'} {rest}"
    if phrase.determiner == "a":
        return article(rest)
    return f"{phrase.determiner} {rest}" if phrase.determiner else rest


def vallic_phrase(phrase: Phrase) -> str:
    """Return a phrase in Vallic."""
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


def _english_verb(meaning: Meaning) -> tuple[str, str]:
    """Return the part of the verb that a question puts first ("" for none), and the rest."""
    agent, verb, tense = meaning.agent, meaning.verb, meaning.tense
    is_plural = agent.plural or agent.head in ("you", "we", "they")
    is_third = not is_plural and agent.head != "I"
    rest = verb
    if tense == "future":
        helper = "will"
    elif verb == "be":
        present = "am" if agent.head == "I" else "are" if is_plural else "is"
        helper, rest = (("were" if is_plural else "was") if tense == "past" else present), ""
    elif meaning.negative or meaning.question:
        helper = "did" if tense == "past" else "does" if is_third else "do"
    elif tense == "past":
        helper, rest = "", _WORDING["pasts"].get(verb) or _inflect(verb, "ed")
    else:
        helper, rest = "", ("goes" if verb == "go" else _inflect(verb, "s")) if is_third else verb
    if meaning.negative:
        rest = f"not {rest}".rstrip()
    return helper, rest


def english(meaning: Meaning) -> str:
    """Return a meaning as an English sentence."""
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
    text = " ".join(filter(None, parts))
    if meaning.time_first:
        text = f"{meaning.time}, {text}" if " " in meaning.time else f"{meaning.time} {text}"
    return upper_first(text) + ("?" if meaning.question else ".")


def translate(meaning: Meaning) -> str:
    """Return a meaning as a sentence in Vallic; each meaning has one translation."""
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
