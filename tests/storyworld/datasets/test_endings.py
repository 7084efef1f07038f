"""Story endings, judged from the log of what happened before them."""

import re
from random import Random

import pytest

from gpt_toolkit.storyworld.datasets import LabeledExample
from gpt_toolkit.storyworld.datasets.endings import MOST_SENTENCES, simulate
from gpt_toolkit.storyworld.realize import count_sentences
from gpt_toolkit.storyworld.story_state import Event
from tests.storyworld.datasets.reader import NAME, any_of

HOME_SPOT = any_of(
    [
        "under the bed",
        "behind the stove",
        "in the kitchen drawer",
        "on the windowsill",
        "beneath the pillow",
        "in the sewing chest",
    ]
)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[list[Event], LabeledExample]]:
    return [(story.log, row) for story, row in (simulate(Random(number), "train") for number in range(1500))]


def consistent(log: list[Event], ending: str) -> bool:
    """Return whether an ending agrees with what happened."""
    if found := re.search(r"\b(ladder|lantern|rope|boat|spade)\b", ending):
        lent = next(event for event in log if event.kind == "borrow")
        assert lent.b
        assert lent.x == found.group(1)
        return re.search(rf"to {lent.b.name}\.|, {lent.b.name} got", ending) is not None
    if re.search(r"\b(?:looked for|to look)\b", ending):
        known = [event for event in log if event.kind in ("put", "explain")][-1]
        assert known.spot
        return known.spot.phrase in ending
    if found := re.search(HOME_SPOT, ending):
        item = next(event.t for event in log if event.kind == "owns")
        spot = [event.spot for event in log if event.t is item and event.kind in ("put", "tidy")][-1]
        assert spot
        return spot.phrase == found.group()
    if any(event.kind in ("break", "tear") for event in log):
        whole = re.search(r"as good as new|no trace of damage|nobody could see", ending) is not None
        return whole == any(event.kind == "mend" for event in log)
    for_whom = [event.b for event in log if event.kind == "birthday"]
    holder = for_whom[0] if for_whom else None
    for event in log if not for_whom else ():
        if event.kind in ("owns", "has_thing", "prank"):
            holder = event.a
        elif event.kind in ("give", "give_back"):
            holder = event.b
    assert holder
    return re.search(NAME, ending.split(", ", 1)[1]).group() == holder.name  # type: ignore[union-attr]


def test_the_right_ending_alone_agrees_with_what_happened(
    drawn: list[tuple[list[Event], LabeledExample]],
) -> None:
    for log, (texts, target, _) in drawn:
        assert [consistent(log, ending) for ending in texts[2:]] == [target == 0, target == 1], texts


def test_endings_name_only_whom_and_what_the_beginning_names(
    drawn: list[tuple[list[Event], LabeledExample]],
) -> None:
    for _, ((beginning, question, *endings), _, _) in drawn:
        assert question == ""
        assert len(set(endings)) == 2
        for ending in endings:
            assert all(name in beginning for name in re.findall(rf"\b{NAME}\b", ending))


def test_a_beginning_has_four_sentences_or_more(drawn: list[tuple[list[Event], LabeledExample]]) -> None:
    counts = [count_sentences(row.texts[0]) for _, row in drawn]
    assert min(counts) >= 4
    assert max(counts) <= MOST_SENTENCES == 12


def test_the_right_ending_is_as_often_the_first_as_the_second(
    drawn: list[tuple[list[Event], LabeledExample]],
) -> None:
    assert 0.45 < sum(row.target for _, row in drawn) / len(drawn) < 0.55
