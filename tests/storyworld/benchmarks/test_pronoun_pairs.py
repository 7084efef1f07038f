"""Pronouns: pairs that differ in one word, which reverses the answer."""

import re
from collections import Counter, defaultdict
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, Pronoun, benchmark
from gpt_toolkit.storyworld.benchmarks.pronoun_pairs import SCHEMAS
from tests.storyworld.texts import NAMES, PERSON, splits_of_pairs, words

# What happened between G and T, the words that then speak of G, and those that speak of T.
SENSE = (
    ("G lent|G had .+ and lent it|T borrowed|T begged", "got received", "gave returned"),
    ("G owned an? |said G to T|T ran to G|T asked G, who", "received", "returned brought"),
    (
        "until T came with it|G got .+ back from T|T gave .+ back|said T, and G took",
        "lost brought",
        "found received",
    ),
    (r"my \w+\?\" G asked T|G told T about|\"T, where .+ asked G|\"T, I have .+ said G", "lost", "seen"),
    ("a joke, G took|G could not resist|for a joke G took|that G took .+ joke", "ashamed sorry", "angry"),
    (
        r"G gave the \S+ \S+ to T\.|G put .+ the hands of T|T received|T got .+ came from G",
        "bought given",
        "admired received",
    ),
    (r"G brought .+ to T, and|G came to T with|damaged \w+ of G|T mended", "damaged", "repaired"),
    ("G bought .+ from T|T sold|T had .+ for sale", "", "money"),
)
TRADES = (
    r"G gave the \S+ (\S+) to T and got the \S+ (\S+) in",
    r"So G and T traded: the \S+ (\S+) for the \S+ (\S+)\.",
    r"T took the \S+ (\S+) and handed the \S+ (\S+) to G\.",
    r"T got the \S+ (\S+) from G, who got the \S+ (\S+) for it",
)


@pytest.fixture(scope="module")
def rows() -> list[Pronoun]:
    return list(islice(benchmark("pronouns", 3), 6000))


def decisive(rows: list[Pronoun]) -> list[str]:
    """Return for each example the word that its pair does not have."""
    found: list[str] = []
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        (pair,) = [(a, b) for a, b in zip(words(first.text), words(second.text), strict=True) if a != b]
        found += pair
    return found


def understand(row: Pronoun, word: str) -> str:
    """Return the person who is meant, from what happened and the deciding word."""
    telling = row.text[: row.start]
    for giver, taker in (row.options, row.options[::-1]):
        text = re.sub(rf"\b{giver}\b", "G", re.sub(rf"\b{taker}\b", "T", telling))
        for pattern in TRADES:
            if found := re.search(pattern, text):
                return giver if word == found[2] else taker
        for pattern, of_giver, of_taker in SENSE:
            if re.search(pattern, text):
                return (
                    taker
                    if word in of_taker.split()
                    else giver
                    if word in of_giver.split() or not of_giver
                    else ""
                )
    return ""


def test_the_pronoun_stands_where_the_row_says(rows: list[Pronoun]) -> None:
    for row in rows:
        assert row.text[row.start :].startswith(f"{row.pronoun} ")
        assert row.pronoun.lower() == ("she" if PERSON[row.options[0]].female else "he")
        assert len(re.findall(r"\b(?:he|she)\b", row.text, re.IGNORECASE)) == 1


def test_both_options_are_people_of_one_gender_and_named_equally_often(rows: list[Pronoun]) -> None:
    for row in rows:
        first, second = row.options
        assert PERSON[first].female is PERSON[second].female
        assert set(words(row.text)) & NAMES == {first, second}
        assert words(row.text).count(first) == words(row.text).count(second)


def test_a_pair_differs_in_one_word_which_turns_the_answer_round(rows: list[Pronoun]) -> None:
    decisive(rows)
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert (first.options, first.start, first.pronoun) == (second.options, second.start, second.pronoun)
        assert first.answer == 1 - second.answer


def test_whoever_knows_what_happened_finds_every_answer(rows: list[Pronoun]) -> None:
    for row, word in zip(rows, decisive(rows), strict=True):
        assert understand(row, word) == row.options[row.answer], row


def test_the_order_of_the_names_does_not_help_even_with_the_deciding_word(rows: list[Pronoun]) -> None:
    is_first = defaultdict(list)
    for row, word in zip(rows, decisive(rows), strict=True):
        answer, other = row.options[row.answer], row.options[1 - row.answer]
        is_first[word].append(row.text.rindex(answer) < row.text.rindex(other))
    checked = {word: sum(found) / len(found) for word, found in is_first.items() if len(found) > 100}
    assert len(checked) >= 17
    assert all(0.35 < share < 0.65 for share in checked.values()), checked
    assert BENCHMARKS["pronouns"].chance == BENCHMARKS["pronouns"].shortcut == 0.5


def test_every_telling_and_every_ending_occurs(rows: list[Pronoun]) -> None:
    tellings = {telling for schema in SCHEMAS for telling in (*schema.a_first, *schema.b_first)}
    literals = {
        telling: [part for part in re.split(r"\{\w+\}", telling) if len(part) > 4] for telling in tellings
    }
    texts = [row.text for row in rows]
    for telling, parts in literals.items():
        assert any(all(part in text for part in parts) for text in texts), telling
    assert Counter(decisive(rows)).keys() >= {
        word for schema in SCHEMAS for ending in schema.endings for word in ending[1:] if "{" not in word
    }


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_nobody_meets_a_thing_of_a_split_that_is_not_to_be_seen(split: str) -> None:
    for row in islice(benchmark("pronouns", 5, split), 1000):
        assert splits_of_pairs(row.text) <= {"train", split}
