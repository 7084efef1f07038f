"""Vallic, read back by a parser that knows the ten lines of its grammar and its words, and nothing else."""

import re
from itertools import islice, product
from random import Random

import pytest

from gpt_toolkit.storyworld.documents import documents
from gpt_toolkit.storyworld.lexicon import NOUNS, article
from gpt_toolkit.storyworld.meanings import MeaningChooser, sentence_pair, split_of_meaning
from gpt_toolkit.storyworld.people import PEOPLE, SPLITS, split_of
from gpt_toolkit.storyworld.vallic import (
    ADJECTIVE_STEMS,
    NOUN_STEMS,
    NUMBER_STEMS,
    PLACE_NAMES,
    PRONOUNS,
    THINGS,
    TIME_STEMS,
    TIMES,
    VERB_STEMS,
    Meaning,
    Phrase,
    english,
    english_phrase,
    translate,
)

NAMES = {person.name: person.index for person in PEOPLE}
NOUN, VERB, ADJECTIVE, TIME, NUMBER, PRONOUN = (
    {stem: word for word, stem in table.items()}
    for table in (NOUN_STEMS, VERB_STEMS, ADJECTIVE_STEMS, TIME_STEMS, NUMBER_STEMS, PRONOUNS)
)
TENSE = {time: tense for tense, times in TIMES.items() for time in times}
COUNT = 6000


@pytest.fixture(scope="module")
def meanings() -> list[Meaning]:
    rng = Random(8)
    speakers = [MeaningChooser(rng, "train", [PEOPLE[i], PEOPLE[i + 7]]) for i in range(0, 100, 10)]
    return [speaker.meaning() for _ in range(COUNT // len(speakers)) for speaker in speakers]


def read_noun(word: str) -> Phrase | None:
    for stem, plural, definite in product([word], [True, False], [True, False]):
        rest = stem
        if definite:
            if not rest.endswith("u"):
                continue
            rest = rest[:-1]
        if plural:
            if not rest.endswith("et"):
                continue
            rest = rest[:-2]
        if rest in NOUN:
            return Phrase(NOUN[rest], "the" if definite else "", plural=plural)
    return None


def read_phrases(words: list[str]) -> list[Phrase]:
    """Read pronouns, names, and nouns with their owner before and their adjective and number behind."""
    found: list[Phrase] = []
    owner = ""
    for word in words:
        last = found[-1] if found else None
        if word.endswith("-ku"):
            owner = word[:-3]
        elif word.endswith("ku") and word[:-2] in PRONOUN:
            owner = PRONOUN[word[:-2]]
        elif word in PRONOUN:
            found.append(Phrase(PRONOUN[word]))
        elif word in NAMES:
            found.append(Phrase(word))
        elif word in ADJECTIVE:
            assert last is not None
            found[-1] = Phrase(last.head, last.determiner, ADJECTIVE[word], last.owner, last.plural)
        elif word in NUMBER:
            assert last is not None
            found[-1] = Phrase(last.head, NUMBER[word], last.adjective, last.owner, True)
        else:
            noun = read_noun(word)
            assert noun is not None, word
            found.append(Phrase(noun.head, noun.determiner, "", owner, noun.plural))
            owner = ""
    return found


def read(sentence: str) -> Meaning:
    """Return the meaning of a sentence in Vallic; the caller reads a missing article as "a"."""
    question = sentence.endswith(" ka?")
    words = sentence.removesuffix(" ka?").rstrip(".").split()
    words[0] = words[0] if words[0].split("-")[0] in NAMES else words[0].lower()
    verb = words.pop()
    tense = "past" if verb.endswith("ri") and verb[:-2] in VERB else "present"
    tense = "future" if verb.endswith("mos") and verb[:-3] in VERB else tense
    stem = {"past": verb[:-2], "future": verb[:-3], "present": verb}[tense]
    negative = words[-1] == "ne"
    words = words[:-1] if negative else words
    time, first = "", False
    for at, word in enumerate(words):
        if word in TIME:
            time, first = TIME[word], at == 0
            del words[at]
            break
    quality = ADJECTIVE[words.pop()] if VERB[stem] == "be" else ""
    place, toward, recipient = "", False, None
    subject: list[Phrase] = []
    for mark in ("lo", "du", "ve"):
        if mark in words:
            at = words.index(mark)
            before = read_phrases(words[:at])
            words = words[at + 1 :]
            if mark == "ve":
                recipient = before.pop()
            else:
                place, toward = before.pop().head, mark == "du"
            subject += before
    rest = read_phrases(words)
    agent, *objects = subject + rest
    return Meaning(
        VERB[stem], agent, tense, objects[0] if objects else None, recipient, place, toward, time, first,
        quality, negative, question,
    )  # fmt: skip


def without_a(meaning: Meaning) -> Meaning:
    """Remove the indefinite article, which Vallic does not have."""

    def bare(phrase: Phrase | None) -> Phrase | None:
        if phrase is None or phrase.determiner != "a":
            return phrase
        return Phrase(phrase.head, "", phrase.adjective, phrase.owner, phrase.plural)

    agent = bare(meaning.agent)
    assert agent is not None
    return Meaning(
        meaning.verb, agent, meaning.tense, bare(meaning.object), bare(meaning.recipient), meaning.place,
        meaning.toward, meaning.time, meaning.time_first, meaning.quality, meaning.negative, meaning.question,
    )  # fmt: skip


def test_a_parser_of_the_grammar_reads_every_meaning_back(meanings: list[Meaning]) -> None:
    for meaning in meanings:
        assert read(translate(meaning)) == without_a(meaning), (english(meaning), translate(meaning))


def test_neither_language_says_two_things_in_one_sentence(meanings: list[Meaning]) -> None:
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for meaning in meanings:
        one, other = english(meaning), translate(meaning)
        assert there.setdefault(one, other) == other, one
        assert back.setdefault(other, one) == one, other
    assert len(there) > 0.95 * COUNT


def test_the_grammar_gives_the_sentences_of_the_examples() -> None:
    apple, give, three, red, mill, yesterday = (
        NOUN_STEMS["apple"], VERB_STEMS["give"], NUMBER_STEMS["three"], ADJECTIVE_STEMS["red"],
        NOUN_STEMS["mill"], TIME_STEMS["yesterday"],
    )  # fmt: skip
    apples = Phrase("apple", "three", "red", plural=True)
    told = Meaning("give", Phrase("Mara"), "past", apples, Phrase("Tom"), "mill", time="yesterday")
    assert english(told) == "Mara gave three red apples to Tom at the mill yesterday."
    assert translate(told) == f"Mara {yesterday} {mill}u lo Tom ve {apple}et {red} {three} {give}ri."
    asked = Meaning("go", Phrase("she"), "future", place="mill", toward=True, question=True)
    assert english(asked) == "Will she go to the mill?"
    assert translate(asked) == f"Ves {mill}u du {VERB_STEMS['go']}mos ka?"
    denied = Meaning("be", Phrase("apple", owner="we"), "present", quality="red", negative=True)
    assert english(denied) == "Our apple is not red."
    assert translate(denied) == f"Munetku {apple} {red} ne {VERB_STEMS['be']}."


@pytest.mark.parametrize(
    ("phrase", "verb", "tense", "expected"),
    [
        (Phrase("I"), "be", "present", "I am red."),
        (Phrase("they"), "be", "past", "They were red."),
        (Phrase("goose", "the", plural=True), "be", "present", "The geese are red."),
        (Phrase("axe", "the"), "be", "past", "The axe was red."),
    ],
)
def test_english_verbs_agree_with_their_subject(phrase: Phrase, verb: str, tense: str, expected: str) -> None:
    assert english(Meaning(verb, phrase, tense, quality="red")) == expected


@pytest.mark.parametrize(
    "error",
    [
        r"\b[Aa] (?!uku)(?:hour|[aeiou])",
        r"\b[Aa]n (?!hour)(?:uku|[^aeiou\s])",
        r"\b(\w+) \1\b",
        r"  ",
        r" [.,?]",
    ],
)
def test_no_english_sentence_has_an_error_of_form(meanings: list[Meaning], error: str) -> None:
    for meaning in meanings:
        assert not re.search(error, english(meaning)), english(meaning)


def test_plurals_of_all_nouns_are_spelled_as_english_spells_them() -> None:
    plurals = [english_phrase(Phrase(noun, "the", plural=True)) for noun in NOUN_STEMS]
    assert {"the scarves", "the brooches", "the diaries", "the ferrymen", "the geese"} <= set(plurals)
    wrong = re.compile(r"(man|child|mouse|goose|[^aeiou]y|sh|ch|[xfz])s$")
    assert not [word for word in plurals if wrong.search(word)]


@pytest.mark.parametrize(
    "phrase", ["an apple", "a pear", "an hourglass", "an honest man", "a ukulele", "an umbrella", "a unicorn"]
)
def test_articles_go_by_sound(phrase: str) -> None:
    assert article(phrase.split(" ", 1)[1]) == phrase


def test_every_word_has_its_own_stem_and_none_is_english() -> None:
    stems = [
        *NOUN_STEMS.values(), *VERB_STEMS.values(), *ADJECTIVE_STEMS.values(), *TIME_STEMS.values(),
        *NUMBER_STEMS.values(), *PRONOUNS.values(),
    ]  # fmt: skip
    assert len(set(stems)) == len(stems) >= 300
    told = islice(documents(1, mix={"story": 3, "letter": 1, "notice": 1}), 1500)
    text = {word.lower() for document in told for word in re.findall(r"[A-Za-z]+", document)}
    assert not text & set(stems)


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_of_a_split_have_its_combinations_of_verb_and_object(split: str) -> None:
    rng = Random(3)
    speaker = MeaningChooser(rng, split, PEOPLE[5:8])
    assert {split_of_meaning(speaker.meaning()) for _ in range(300)} == {split}


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_name_no_person_with_a_thing_of_another_split(split: str) -> None:
    rng = Random(4)
    stems = {NOUN_STEMS[word]: index for index, word in enumerate(THINGS)}
    assert [noun.word for noun in NOUNS] == list(THINGS)
    allowed = {"train", split}
    met = 0
    for _ in range(1500):
        _, sister = sentence_pair(rng, split)
        words = re.findall(r"[A-Za-z]+", sister)
        people = [NAMES[word] for word in words if word in NAMES]
        things = [
            index
            for word in words
            for stem, index in stems.items()
            if re.fullmatch(f"{stem}(et)?u?", word.lower())
        ]
        met += bool(people and things)
        assert {split_of(person, thing) for person in people for thing in things} <= allowed, sister
    assert met > 150


def test_an_unknown_split_is_refused_with_the_three_names() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*'train', 'validation', 'test'"):
        sentence_pair(Random(0), "dev")


def test_places_have_one_word_each() -> None:
    assert all(" " not in NOUN_STEMS[name] for name in PLACE_NAMES)
