"""Summaries: the article says all that is in them, and no sentence of the article is one."""

import re
from collections import Counter
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, Summary, benchmark
from gpt_toolkit.storyworld.places import HOME, PLACES
from tests.storyworld.texts import NAMES, THINGS

SPOTS = {spot.phrase for place in (HOME, *PLACES) for spot in place.spots + place.hard_spots}


@pytest.fixture(scope="module")
def rows() -> list[Summary]:
    return list(islice(benchmark("summaries", 3), 1000))


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:[-']\w+)*", text.lower())


def sentences(text: str) -> list[str]:
    return [sentence for line in text.split("\n\n") for sentence in re.split(r"(?<=[.!?])\s+", line)]


def rouge1(guess: str, reference: str) -> float:
    """Return the F1 of single words."""
    common = sum((Counter(words(guess)) & Counter(words(reference))).values())
    return 2 * common / (len(words(guess)) + len(words(reference)))


def test_a_summary_is_one_or_two_sentences_and_far_shorter(rows: list[Summary]) -> None:
    for row in rows:
        assert len(sentences(row.highlights)) in (1, 2)
        assert 3 * len(words(row.highlights)) < len(words(row.article))
        assert "TL;DR" not in row.article


def test_the_article_names_everybody_and_everything_that_the_summary_names(rows: list[Summary]) -> None:
    for row in rows:
        in_article = set(re.findall(r"\w+(?:-\w+)*", row.article))
        named = set(re.findall(r"\w+(?:-\w+)*", row.highlights)) & (NAMES | THINGS)
        assert named <= in_article | {word.lower() for word in in_article}, row
        assert named & NAMES
        assert all(spot in row.article for spot in SPOTS if re.search(rf"\b{spot}\b", row.highlights)), row


def test_the_first_sentences_are_no_summary(rows: list[Summary]) -> None:
    scores = {}
    for rule, part in {
        "first": slice(1),
        "first three": slice(3),
        "two to four": slice(1, 4),
        "last": slice(-1, None),
    }.items():
        guesses = (rouge1(" ".join(sentences(row.article)[part]), row.highlights) for row in rows)
        scores[rule] = sum(guesses) / len(rows)
    assert BENCHMARKS["summaries"].shortcut == pytest.approx(max(scores.values()), abs=0.03), scores
    assert not any(row.highlights in row.article for row in rows)
