"""Missing words: the text determines each of them, and shortcuts do not find it."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import islice, pairwise

import pytest

from gpt_toolkit.storyworld import stories
from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, Cloze, benchmark
from gpt_toolkit.storyworld.benchmarks.missing_words import ALL_NOUNS, NOUNS_OF
from tests.storyworld.benchmarks.story_reader import GAP, fill
from tests.storyworld.texts import NAMES, THINGS, words

Passage = tuple[str, str]
CLOZE = ("common_nouns", "names")
RULES: dict[str, Callable[[list[str]], str]] = {
    "last": lambda found: found[-1],
    "first": lambda found: found[0],
    "second to last": lambda found: [*dict.fromkeys(reversed(found))][:2][-1],
    "least recent": lambda found: [*dict.fromkeys(reversed(found))][-1],
    "third to last": lambda found: [*dict.fromkeys(reversed(found))][:3][-1],
    "most frequent": lambda found: max(dict.fromkeys(found), key=found.count),
    "least frequent": lambda found: min(dict.fromkeys(found), key=found.count),
}


@pytest.fixture(scope="module")
def passages() -> list[Passage]:
    """Return each example without its last word, and that word."""
    rows = [row.text for row in islice(benchmark("last_word", 3), 1500)]
    cuts = [re.search(r"\w+(?:-\w+)*$", text) for text in rows]
    return [(text[: cut.start()], cut[0]) for text, cut in zip(rows, cuts, strict=True) if cut]


def candidates(passage: Passage) -> list[str]:
    """Return the words of the answer's class in the passage, without the unfinished sentence."""
    before, answer = passage
    vocabulary = NAMES if answer in NAMES else THINGS
    *_, lead = re.split(r'(?<=[.!?])"?\s', before)
    excluded = {word for word in words(lead) + words(lead.lower()) if word in vocabulary}
    return [word for word in words(before) if word in vocabulary and word not in excluded]


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


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Cloze]]:
    return {name: list(islice(benchmark(name, 3), 600)) for name in CLOZE}


def of_its_class(row: Cloze) -> list[str]:
    """Return ``named`` without the candidates of another class than the answer."""
    classes = [nouns for nouns in NOUNS_OF.values() if row.answer in nouns]
    return [word for word in named(row) if any(word in nouns for nouns in classes[:1])] or named(row)


def named(row: Cloze) -> list[str]:
    """Return the candidates in the context that the query does not name, in order and with repetitions."""
    excluded = words(row.query)
    return [word for word in words(" ".join(row.context)) if word in row.candidates and word not in excluded]


@pytest.mark.parametrize("name", CLOZE)
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


@pytest.mark.parametrize("name", CLOZE)
def test_a_reader_of_the_context_finds_every_answer(rows: dict[str, list[Cloze]], name: str) -> None:
    for row in rows[name][:150]:
        context = " ".join(row.context) + " "
        assert fill(context + row.query, len(context) + row.query.index(GAP)) == {row.answer}, row


@pytest.mark.parametrize("name", CLOZE)
def test_rules_that_read_nothing_stay_where_the_table_says(rows: dict[str, list[Cloze]], name: str) -> None:
    right = {
        f"{rule} {candidates.__name__}": sum(choose(candidates(row)) == row.answer for row in rows[name])
        / len(rows[name])
        for rule, choose in RULES.items()
        for candidates in (named, of_its_class)
    }
    assert BENCHMARKS[name].shortcut == pytest.approx(max(right.values()), abs=0.05), right


@pytest.mark.parametrize("name", CLOZE)
def test_the_place_of_the_answer_among_the_candidates_says_nothing(
    rows: dict[str, list[Cloze]], name: str
) -> None:
    places = Counter(row.candidates.index(row.answer) for row in rows[name])
    assert max(places.values()) / len(rows[name]) < 0.16
    assert BENCHMARKS[name].chance == 0.1
