"""Reading, answered from the log of what happened: who has, owns, put and believes what is replayed here."""

import re
from collections import Counter
from random import Random

import pytest

from gpt_toolkit.storyworld.datasets import LabeledExample
from gpt_toolkit.storyworld.datasets.reading import MOST_SENTENCES, simulate
from gpt_toolkit.storyworld.realize import count_sentences
from gpt_toolkit.storyworld.story_state import Event, Item
from tests.storyworld.datasets.reader import NAME, TO, WHY


@pytest.fixture(scope="module")
def drawn() -> list[tuple[list[Event], LabeledExample]]:
    return [(day.log, row) for day, row in (simulate(Random(number), "train") for number in range(1500))]


def answer(log: list[Event], question: str) -> str:
    """Return the answer, from the events."""
    if found := re.match(rf"Where is ({NAME}) at the end", question):
        return [
            e.place.at for e in log if e.kind == "go_plain" and e.a and e.place and e.a.name == found.group(1)
        ][-1]
    if found := re.match(rf"Why did ({NAME}) go ({TO})\?", question):
        return next(e.x for e in log if e.a and e.place and (e.a.name, e.place.to) == found.groups())
    if found := re.match(rf"Who (?:went ({TO})|wanted ({WHY}))\?", question):
        to, why = found.groups()
        return next(
            e.a.name
            for e in log
            if e.a and e.place and e.kind == "go_plain" and (e.place.to == to or e.x == why)
        )
    if found := re.match(rf"W.* ({NAME}) (?:have )?at the end\?", question):
        held = [item for item, person in replay(log)[0].items() if person == found.group(1)]
        assert len(held) == 1
        return f"the {held[0].adjective} {held[0].word}"
    item = next(e.t for e in log if e.t and f"the {e.t.adjective} {e.t.word}" in question)
    holder, owner, first_owner = replay(log)
    if question.startswith("Where"):
        placed = [e for e in log if e.t is item and e.kind in ("put", "hide", "tidy")]
        if "believe" in question:
            placed = [e for e in placed if e.kind != "tidy"]
        spot = placed[0 if "first" in question or "beginning" in question else -1].spot
        assert spot
        return spot.phrase
    if "beginning" in question or "first owner" in question:
        return first_owner[item]
    return (owner if "belong" in question or "owner" in question else holder)[item]


def replay(log: list[Event]) -> tuple[dict[Item, str], dict[Item, str], dict[Item, str]]:
    """Return who holds, who owns and who first owned each thing."""
    holder: dict[Item, str] = {}
    owner: dict[Item, str] = {}
    first: dict[Item, str] = {}
    for kind, a, b, _, t, t2, *_ in log:
        if kind == "owns" and a and t:
            holder[t] = owner[t] = first[t] = a.name
        elif kind == "give" and b and t:
            holder[t] = owner[t] = b.name
        elif kind == "give_back" and b and t:
            assert owner[t] == b.name
            holder[t] = b.name
        elif kind in ("lend", "prank") and a and b and t:
            assert holder[t] == b.name
            holder[t] = a.name
        elif kind == "swap" and a and b and t and t2:
            holder[t] = owner[t] = b.name
            holder[t2] = owner[t2] = a.name
    return holder, owner, first


def test_the_events_answer_every_question(drawn: list[tuple[list[Event], LabeledExample]]) -> None:
    for log, (texts, target, _) in drawn:
        assert isinstance(target, int)
        assert texts[2:][target] == answer(log, texts[1]), texts


def test_the_answers_are_four_that_the_passage_names(drawn: list[tuple[list[Event], LabeledExample]]) -> None:
    for _, ((passage, question, *answers), _, _) in drawn:
        assert question.endswith("?")
        assert len(set(answers)) == 4
        for option in answers:
            assert option.removeprefix("the ").split(" the ")[-1] in passage, (passage, option)


def test_a_passage_has_5_to_12_sentences(drawn: list[tuple[list[Event], LabeledExample]]) -> None:
    counts = [count_sentences(row.texts[0]) for _, row in drawn]
    assert min(counts) >= 5
    assert max(counts) <= MOST_SENTENCES == 12


def test_every_kind_of_question_is_asked(drawn: list[tuple[list[Event], LabeledExample]]) -> None:
    asked = Counter(" ".join(re.sub(rf"\b{NAME}\b", "X", row.texts[1]).split()[:2]) for _, row in drawn)
    assert {
        "Why did",
        "Where is",
        "Where does",
        "Where was",
        "Who has",
        "Who is",
        "What does",
        "To whom",
    } <= set(asked)
    assert max(asked.values()) < 0.3 * len(drawn)
