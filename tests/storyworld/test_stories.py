"""The stories of Storyworld, read as text."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from gpt_toolkit.storyworld import SPLITS, VERSION, stories, story
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.world import PEOPLE, kinship, split_of

PERSON = {person.name: person for person in PEOPLE}
NOUN = {noun.word: index for index, noun in enumerate(NOUNS)}
KIN = "mother|father|brother|sister|son|daughter|wife|husband|grandmother|grandfather|grandson|granddaughter"

# The version and, for each split, the digest of its first 200 stories: when the bytes change, raise VERSION.
GOLDEN: tuple[int, dict[str, str]] = (
    3,
    {
        "train": "4ad853749ee9f291fbc3129e8883e9d943c23610a8748862e09bb547d4e0e06a",
        "validation": "c95f97e807144597730dc56f610484565835cde01ad56a44397b38edf7e0d639",
        "test": "ab71202ba4737689c65ee35e53b3cc1d0fce550eeba87bcc87ff57983eeb421e",
    },
)


@pytest.fixture(scope="module")
def many() -> list[str]:
    return list(islice(stories(11), 20_000))


@pytest.fixture(scope="module")
def sample(many: list[str]) -> list[str]:
    return many[:8_000]


def digest(texts: Iterator[str], count: int) -> str:
    return hashlib.sha256("\x00".join(islice(texts, count)).encode()).hexdigest()


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)


def pairs(text: str) -> set[tuple[str, str]]:
    """Every person and every kind of thing that the text names, combined."""
    tokens = set(re.findall(r"[A-Za-z]+", text))
    people = [name for name in PERSON if name in tokens]
    things = [noun for noun in NOUN if noun in tokens or noun.capitalize() in tokens]
    return {(name, noun) for name in people for noun in things}


def splits_of_pairs(text: str) -> set[str]:
    return {split_of(PERSON[name].index, NOUN[noun]) for name, noun in pairs(text)}


def count_sentences(text: str) -> int:
    """Sentences of the narrator: a quotation counts with the sentence that it stands in."""
    without_speech = re.sub(r'"[^"]*([.,!?])"', r"Speech\1", text)
    return len(re.findall(r"[.!?](?=\s+[A-Z]|\s*$)", without_speech))


def test_the_first_stories_have_the_bytes_of_this_version() -> None:
    assert (VERSION, {split: digest(stories(0, split), 200) for split in SPLITS}) == GOLDEN


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(hash_seed: str) -> None:
    code = (
        "import hashlib, itertools; from gpt_toolkit.storyworld import stories;"
        "print(hashlib.sha256('\\0'.join(itertools.islice(stories(5), 300)).encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest(stories(5), 300)


def test_a_stream_can_be_entered_at_any_position() -> None:
    stream = list(islice(stories(3, "test"), 30))
    assert list(islice(stories(3, "test", start=20), 10)) == stream[20:]
    assert story(3, "test", 17) == stream[17]


def test_seeds_and_splits_give_different_streams() -> None:
    firsts = {story(seed, split, 0) for seed in (-1, 0, 1, 2**40) for split in SPLITS}
    assert len(firsts) == 12


def test_an_unknown_split_is_refused_at_once_with_the_three_names() -> None:
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        stories(0, "valid")
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        story(0, "valid", 0)


def test_a_negative_position_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        stories(0, start=-1)
    with pytest.raises(ValueError, match="-1"):
        story(0, "train", -1)


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
    known = {word for text in sample for word in words(text)}
    for split in ("validation", "test"):
        unknown = {word for text in islice(stories(11, split), 2000) for word in words(text)} - known
        assert not unknown


def test_there_are_at_least_1500_word_types(sample: list[str]) -> None:
    assert len({word.lower() for text in sample for word in words(text)}) >= 1500


def test_no_story_comes_twice(many: list[str]) -> None:
    assert len(set(many)) == len(many)


def test_no_opening_of_40_words_is_common(many: list[str]) -> None:
    openings = Counter(" ".join(text.split()[:40]) for text in many)
    assert openings.most_common(1)[0][1] <= 3


def test_stories_have_5_to_20_sentences(sample: list[str]) -> None:
    counts = Counter(map(count_sentences, sample))
    assert min(counts) >= 5
    assert max(counts) <= 20


FAULTS = {
    "a before a vowel": r"\b[Aa] (?!one\b|uni)[aeiouAEIOU]\w*",
    "an before a consonant": r"\b[Aa]n (?!honest\b|hour\b)[^aeiouAEIOU\s]\w*",
    "a word twice": r"\b(\w+) \1\b",
    "two spaces": r"  |\n\n\n| \n|\n ",
    "space before a mark": r" [.,;:!?]",
    "two marks": r"[.,;:!?]{2}|[.,!?]\"[.,]",
    "a small letter after a full stop": r"\. [a-z]",
    "a capital after a comma": rf", (?!{'|'.join([*PERSON, 'I', 'Mother', 'Father'])}|Grand)[A-Z]",
    "an unfilled slot": r"[{}_]",
    "a character outside of ASCII": r"[^\x20-\x7e\n]",
    "a possessive of itself": r"\b([A-Z]\w+) (?:gave|put|took|handed|lent) \1's\b",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_story_shows_the_fault(sample: list[str], fault: str) -> None:
    pattern = re.compile(FAULTS[fault])
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
    import tracemalloc

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
