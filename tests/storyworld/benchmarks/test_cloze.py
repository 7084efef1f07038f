"""Cloze rows: the context decides the missing word, and rules that read nothing do not find it."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, Cloze, benchmark
from gpt_toolkit.storyworld.benchmarks.missing_words import ALL_NOUNS, NOUNS_OF
from tests.storyworld.benchmarks.story_reader import GAP, NAMES, fill

KINDS = ("common_nouns", "names")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Cloze]]:
    return {name: list(islice(benchmark(name, 3), 600)) for name in KINDS}


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:-\w+)*", text)


def of_its_class(row: Cloze) -> list[str]:
    """As ``named``, but only those candidates that stand for the same kind of thing as the answer."""
    classes = [nouns for nouns in NOUNS_OF.values() if row.answer in nouns]
    return [word for word in named(row) if any(word in nouns for nouns in classes[:1])] or named(row)


def named(row: Cloze) -> list[str]:
    """The candidates in the context that the query does not name, in order and with repetitions."""
    excluded = words(row.query)
    return [word for word in words(" ".join(row.context)) if word in row.candidates and word not in excluded]


RULES: dict[str, Callable[[list[str]], str]] = {
    "last": lambda found: found[-1],
    "first": lambda found: found[0],
    "second to last": lambda found: [*dict.fromkeys(reversed(found))][:2][-1],
    "third to last": lambda found: [*dict.fromkeys(reversed(found))][:3][-1],
    "most frequent": lambda found: max(dict.fromkeys(found), key=found.count),
    "least frequent": lambda found: min(dict.fromkeys(found), key=found.count),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_row_has_20_sentences_a_gap_and_ten_different_candidates(
    rows: dict[str, list[Cloze]], name: str
) -> None:
    for row in rows[name]:
        assert len(row.context) == 20
        assert row.query.count(GAP) == 1
        assert len(set(row.candidates)) == 10
        assert row.answer in row.candidates
        assert row.answer in words(" ".join(row.context))
        assert all(sentence.count('"') % 2 == 0 for sentence in (*row.context, row.query))


def test_the_candidates_are_nouns_of_the_context_or_names(rows: dict[str, list[Cloze]]) -> None:
    for row in rows["common_nouns"]:
        assert set(row.candidates) <= ALL_NOUNS & set(words(" ".join(row.context)))
        assert not set(row.candidates) & set(words(row.query))
    for row in rows["names"]:
        assert set(row.candidates) <= NAMES
        assert len(set(row.candidates) & set(words(" ".join((*row.context, row.query))))) >= 5


@pytest.mark.parametrize("name", KINDS)
def test_a_reader_of_the_context_finds_every_answer(rows: dict[str, list[Cloze]], name: str) -> None:
    for row in rows[name][:150]:
        context = " ".join(row.context) + " "
        assert fill(context + row.query, len(context) + row.query.index(GAP)) == {row.answer}, row


@pytest.mark.parametrize("name", KINDS)
def test_rules_that_read_nothing_stay_where_the_table_says(rows: dict[str, list[Cloze]], name: str) -> None:
    right = {
        f"{rule} {candidates.__name__}": sum(choose(candidates(row)) == row.answer for row in rows[name])
        / len(rows[name])
        for rule, choose in RULES.items()
        for candidates in (named, of_its_class)
    }
    assert BENCHMARKS[name].shortcut == pytest.approx(max(right.values()), abs=0.05), right


@pytest.mark.parametrize("name", KINDS)
def test_the_place_of_the_answer_among_the_candidates_says_nothing(
    rows: dict[str, list[Cloze]], name: str
) -> None:
    places = Counter(row.candidates.index(row.answer) for row in rows[name])
    assert max(places.values()) / len(rows[name]) < 0.16
    assert BENCHMARKS[name].chance == 0.1
