"""Closed-book questions: each is about a fact, and no training document asks it."""

import re
from collections import Counter, defaultdict
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, QUESTIONS, Question, benchmark
from gpt_toolkit.storyworld.documents import documents
from gpt_toolkit.storyworld.facts import FACTS, asked_in_training, questions
from gpt_toolkit.storyworld.people import PEOPLE, kinship


@pytest.fixture(scope="module")
def rows() -> list[Question]:
    return list(islice(benchmark("questions", 3), len(QUESTIONS["test"])))


def test_a_turn_asks_every_question_once_and_the_next_in_another_order(rows: list[Question]) -> None:
    assert len(set(rows)) == len(rows) > 500
    again = list(islice(benchmark("questions", 3, start=len(rows)), len(rows)))
    assert set(again) == set(rows)
    assert again != rows


def test_whoever_knows_the_facts_answers_every_question(rows: list[Question]) -> None:
    objects = {question: fact.object for fact in FACTS for question in questions(fact)}
    assert len(objects) == sum(len(questions(fact)) for fact in FACTS)
    for row in rows:
        assert objects[row.question] in row.answers


def test_kin_in_the_answers_are_those_of_the_world(rows: list[Question]) -> None:
    person = {person.name: person for person in PEOPLE}
    checked = 0
    for row in rows:
        found = re.search(r"\b(mother|father|grandmother|grandfather|husband|wife)\b", row.question)
        subject = next((name for name in re.findall(r"\w+", row.question) if name in person), "")
        if found and subject:
            checked += 1
            assert kinship(person[subject], person[row.answers[0]]) == found[1]
    assert checked > 100


def test_no_training_document_asks_what_the_rows_ask(rows: list[Question]) -> None:
    asked = "\n".join(islice(documents(1, "train", mix={"questions": 1}), 1500))
    assert not [row.question for row in rows if row.question in asked]
    known = {question for fact in FACTS if asked_in_training(fact) for question in questions(fact)}
    assert sum(question in asked for question in known) > 0.9 * len(known)


def test_the_commonest_answers_are_seldom_right(rows: list[Question]) -> None:
    training: dict[str, Counter[str]] = defaultdict(Counter)
    for row in QUESTIONS["train"]:
        for opening in ("", " ".join(row.question.split()[:3])):
            training[opening][row.answers[0]] += 1
    right = Counter[str]()
    for row in rows:
        by_opening = training.get(" ".join(row.question.split()[:3])) or training[""]
        right["by opening"] += by_opening.most_common(1)[0][0] in row.answers
        right["always the same"] += training[""].most_common(1)[0][0] in row.answers
    best = max(right.values()) / len(rows)
    assert BENCHMARKS["questions"].shortcut == pytest.approx(best, abs=0.02), right
