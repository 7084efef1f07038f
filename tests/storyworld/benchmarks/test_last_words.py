"""Last words: the text decides each of them, and rules that read nothing do not find it."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import islice, pairwise

import pytest

from gpt_toolkit.storyworld import stories
from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, benchmark
from tests.storyworld.benchmarks.story_reader import GAP, NAMES, THINGS, fill

Passage = tuple[str, str]


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:-\w+)*", text)


@pytest.fixture(scope="module")
def passages() -> list[Passage]:
    """Each row without its last word, and that word."""
    rows = [row.text for row in islice(benchmark("last_word", 3), 1500)]
    cuts = [re.search(r"\w+(?:-\w+)*$", text) for text in rows]
    return [(text[: cut.start()], cut[0]) for text, cut in zip(rows, cuts, strict=True) if cut]


def candidates(passage: Passage) -> list[str]:
    """The words of the answer's class in the passage, in order; those of the unfinished sentence left out."""
    before, answer = passage
    vocabulary = NAMES if answer in NAMES else THINGS
    *_, lead = re.split(r'(?<=[.!?])"?\s', before)
    excluded = {word for word in words(lead) + words(lead.lower()) if word in vocabulary}
    return [word for word in words(before) if word in vocabulary and word not in excluded]


RULES: dict[str, Callable[[list[str]], str]] = {
    "last": lambda named: named[-1],
    "first": lambda named: named[0],
    "second to last": lambda named: [*dict.fromkeys(reversed(named))][1],
    "least recent": lambda named: [*dict.fromkeys(reversed(named))][-1],
    "most frequent": lambda named: max(dict.fromkeys(named), key=named.count),
    "least frequent": lambda named: min(dict.fromkeys(named), key=named.count),
}


def test_every_passage_ends_in_a_word_of_the_passage(passages: list[Passage]) -> None:
    assert len(passages) == 1500
    for before, answer in passages:
        assert answer in words(before)
        assert answer in NAMES | THINGS


def test_a_reader_of_the_whole_passage_finds_every_word(passages: list[Passage]) -> None:
    for before, answer in passages[:250]:
        assert fill(before + GAP, len(before)) == {answer}, before


def test_a_reader_of_the_last_sentence_alone_finds_none(passages: list[Passage]) -> None:
    for before, answer in passages:
        *_, lead = re.split(r'(?<=[.!?])"?\s', before)
        assert answer not in words(lead)


def test_rules_that_read_nothing_are_hardly_better_than_a_blind_choice(passages: list[Passage]) -> None:
    right = {
        name: sum(rule(candidates(passage)) == passage[1] for passage in passages) / len(passages)
        for name, rule in RULES.items()
    }
    blind = sum(1 / len(set(candidates(passage))) for passage in passages) / len(passages)
    shortcut = BENCHMARKS["last_word"].shortcut
    assert shortcut == pytest.approx(max(right.values()), abs=0.05), right
    assert 0.3 < blind < max(right.values()) < blind + 0.12, blind


def test_the_stated_chance_is_that_of_a_blind_choice_among_all_that_is_named(passages: list[Passage]) -> None:
    named = [
        {word for word in words(before) if word in (NAMES if answer in NAMES else THINGS)}
        for before, answer in passages
    ]
    blind = sum(1 / len(found) for found in named) / len(named)
    assert BENCHMARKS["last_word"].chance == pytest.approx(blind, abs=0.03)


def test_the_words_just_before_do_not_give_the_last_word_away(passages: list[Passage]) -> None:
    following: dict[str, Counter[str]] = defaultdict(Counter)
    for text in islice(stories(5), 2000):
        for first, second in pairwise(words(text)):
            following[first][second] += 1
    guesses = [following[words(before)[-1]].most_common(1) for before, _ in passages]
    right = sum(
        bool(guess) and guess[0][0] == answer for guess, (_, answer) in zip(guesses, passages, strict=True)
    )
    assert right / len(passages) < 0.02
