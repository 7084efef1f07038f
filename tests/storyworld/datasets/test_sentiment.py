"""Sentiment, read by its own rules of scope: which clause counts, and what turns a word around."""

import re

import pytest

from gpt_toolkit.storyworld.datasets.sentiment import ADJECTIVES, RANKS, SUBJECTS, VERBS
from gpt_toolkit.storyworld.people import PEOPLE, split_of
from tests.storyworld.datasets.reader import rows

SIGN = {
    word: sign
    for lists in (*ADJECTIVES.values(), VERBS, RANKS)
    for sign, words in zip((1, -1), lists, strict=True)
    for word in words
}
OPINION = "|".join(SIGN)
SHARED = re.compile(
    rf"called .+ ({OPINION}), and \w+ agreed|to be ({OPINION}), and so it was"
    rf"|was ({OPINION}), and that was true"
    rf"|was of the same opinion as \w+, who ({OPINION}) "
)
NOT_SHARED = re.compile(
    rf"called .+ ({OPINION}), but \w+ disagreed|to be ({OPINION}), but it was not"
    rf"|was ({OPINION}), but that was not true"
    rf"|was not of the same opinion as \w+, who ({OPINION}) "
)
ASIDE = re.compile(
    rf"^although .+?, |^as .+ had foretold, |^.+ had looked \w+ at first, (?:but|and) "
    rf"|^\w+ (?:{OPINION}) [^,]+, (?:but|and) "
    rf"|, (?:although|and) it had looked .+$|, (?:although|and) \w+ (?:{OPINION}) everything about it$",
    re.IGNORECASE,
)
TURNING = re.compile(
    rf"anything but|far from|hardly|neither|could have been|did not find|would not call"
    rf"|could not say|often seen|many a"
    rf"|never believed|was not (?!only)|never (?:{OPINION})|less than"
)


def sentiment(text: str) -> int:
    """Return 1 if the person of the text is pleased, else 0."""
    opinion = text.split(". ")[1].rstrip(".")
    for pattern, sign in ((SHARED, 1), (NOT_SHARED, -1)):
        if found := pattern.search(opinion):
            return sign * SIGN[next(word for word in found.groups() if word)] > 0
    clause = ASIDE.sub("", opinion)
    sign = -1 if TURNING.search(clause) else 1
    first = re.search(rf"\b({OPINION})\b", clause)
    assert first, text
    return sign * SIGN[first.group()] > 0


@pytest.mark.parametrize("split", ["train", "validation"])
def test_rules_of_scope_tell_every_label(split: str) -> None:
    for (text,), target, _ in rows("sentiment", split, 4000):
        assert sentiment(text) == target, text


def test_half_of_the_opinions_are_good() -> None:
    assert 0.47 < sum(row.target for row in rows("sentiment", count=6000)) / 6000 < 0.53


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_person_has_an_opinion_about_a_dish_an_event_or_a_place_in_one_split_alone(split: str) -> None:
    person = {person.name: person.index for person in PEOPLE}
    checked = 0
    for (text,), _, _ in rows("sentiment", split, 2000):
        first = text.split(". ")[0]
        name = next(word for word in re.findall(r"[A-Z]\w+", first) if word in person)
        for subject in SUBJECTS:
            if re.search(
                rf"(?:tasted|offered|ordered|went to|saw|in|visited|came to"
                rf"|passed) {subject.the} (?:with|at|in|on|by|one)",
                first,
            ):
                checked += subject.kind != "place"
                if subject.kind != "place" or " with " in first:
                    assert split_of(person[name], 1000 + subject.number) == split
    assert checked > 200
