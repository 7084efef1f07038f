"""The stories of Storyworld, read as text."""

import re
import tracemalloc
from collections import Counter
from itertools import islice

import pytest

from gpt_toolkit.storyworld import stories
from gpt_toolkit.storyworld.people import PEOPLE, kinship
from tests.storyworld.texts import ERRORS, PERSON, splits_of_pairs

KIN = "mother|father|brother|sister|son|daughter|wife|husband|grandmother|grandfather|grandson|granddaughter"


@pytest.fixture(scope="module")
def many() -> list[str]:
    return list(islice(stories(11), 20_000))


@pytest.fixture(scope="module")
def sample(many: list[str]) -> list[str]:
    return many[:8_000]


def word_types(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)


def count_sentences(text: str) -> int:
    """Count the narrator's sentences: a quotation counts with the sentence that contains it."""
    without_speech = re.sub(r'"[^"]*([.,!?])"', r"Speech\1", text)
    return len(re.findall(r"[.!?](?=\s+[A-Z]|\s*$)", without_speech))


def test_training_never_brings_a_held_out_person_and_thing_together(sample: list[str]) -> None:
    assert all(splits_of_pairs(text) == {"train"} for text in sample)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_held_out_story_has_a_pair_that_no_other_split_has(split: str) -> None:
    other = "test" if split == "validation" else "validation"
    for text in islice(stories(11, split), 2000):
        found = splits_of_pairs(text)
        assert split in found
        assert other not in found


def test_held_out_words_are_all_known_from_training(sample: list[str]) -> None:
    known = {word for text in sample for word in word_types(text)}
    for split in ("validation", "test"):
        unknown = {word for text in islice(stories(11, split), 2000) for word in word_types(text)} - known
        assert not unknown


def test_there_are_at_least_1500_word_types(sample: list[str]) -> None:
    assert len({word.lower() for text in sample for word in word_types(text)}) >= 1500


def test_no_story_comes_twice(many: list[str]) -> None:
    assert len(set(many)) == len(many)


def test_no_opening_of_40_words_is_common(many: list[str]) -> None:
    openings = Counter(" ".join(text.split()[:40]) for text in many)
    assert openings.most_common(1)[0][1] <= 3


def test_stories_have_5_to_20_sentences(sample: list[str]) -> None:
    counts = Counter(map(count_sentences, sample))
    assert min(counts) >= 5
    assert max(counts) <= 20


STORY_ERRORS = ERRORS | {
    "a word twice": r"\b(\w+) \1\b",
    "a capital after a comma": rf", (?!{'|'.join([*PERSON, 'I', 'Mother', 'Father'])}|Grand)[A-Z]",
    "a possessive of itself": r"\b([A-Z]\w+) (?:gave|put|took|handed|lent) \1's\b",
}


@pytest.mark.parametrize("error", STORY_ERRORS)
def test_no_story_has_an_error_of_form(sample: list[str], error: str) -> None:
    pattern = re.compile(STORY_ERRORS[error])
    for text in sample:
        found = pattern.search(text)
        assert not found, text[max(0, found.start() - 60) : found.end() + 40]


def test_paragraphs_start_with_a_capital_and_end_with_a_mark(sample: list[str]) -> None:
    for text in sample:
        for paragraph in text.split("\n\n"):
            assert re.match(r'"?[A-Z]', paragraph), paragraph
            assert re.search(r'[.!?]"?$', paragraph), paragraph


def test_quotation_marks_are_balanced_and_quotations_start_with_a_capital(sample: list[str]) -> None:
    for text in sample:
        for paragraph in text.split("\n\n"):
            parts = paragraph.split('"')
            assert len(parts) % 2 == 1, paragraph
            for before, quotation in zip(parts[::2], parts[1::2], strict=False):
                continued = before.rstrip().endswith(",") and before.strip() != ""
                assert quotation[0].isupper() or continued, paragraph
                assert quotation[-1] in ".,!?", paragraph


def test_stories_about_one_gender_have_no_pronoun_of_the_other(sample: list[str]) -> None:
    wrong = {
        True: re.compile(r"\b(he|him|his|himself)\b", re.I),
        False: re.compile(r"\b(she|her|hers|herself)\b", re.I),
    }
    checked = 0
    for text in sample:
        genders = {PERSON[word].female for word in set(re.findall(r"[A-Z]\w+", text)) if word in PERSON}
        if len(genders) == 1:
            checked += 1
            assert not wrong[genders.pop()].search(text), text
    assert checked > 300


def test_reflexive_pronouns_have_the_gender_of_the_only_name_before_them(sample: list[str]) -> None:
    for text in sample:
        for name, pronoun in re.findall(r"([A-Z]\w+) (?:\w+ ){0,6}(himself|herself)\b", text):
            if name in PERSON:
                assert (pronoun == "herself") == PERSON[name].female, text


def test_kinship_in_the_text_is_that_of_the_world(sample: list[str]) -> None:
    checked = 0
    for text in sample:
        for first, word, second in re.findall(rf"\b([A-Z]\w+)'s ({KIN}) ([A-Z]\w+)", text):
            checked += 1
            assert kinship(PERSON[first], PERSON[second]) == word, text
        for word, second in re.findall(rf"\b(?:his|her) ({KIN}) ([A-Z]\w+)", text):
            checked += 1
            assert word in {kinship(person, PERSON[second]) for person in PEOPLE}, text
    assert checked > 3000


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = stories(2)
    for _ in islice(stream, 200):
        pass
    tracemalloc.start()
    for _ in islice(stream, 50):
        pass
    before = tracemalloc.get_traced_memory()[0]
    for _ in islice(stream, 500):
        pass
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000
