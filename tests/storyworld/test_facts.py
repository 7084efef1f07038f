"""The lasting facts of Storyworld, their questions and statements, and which of them training asks for."""

import re
from collections import Counter
from itertools import islice

import pytest

from gpt_toolkit.storyworld.documents import documents
from gpt_toolkit.storyworld.facts import (
    FACTS,
    PLACE_ENTRIES,
    TOPICS,
    Fact,
    answers,
    asked_in_training,
    questions,
    statements,
)
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES
from gpt_toolkit.storyworld.people import FAMILIES, kinship
from gpt_toolkit.storyworld.places import PLACES
from tests.storyworld.texts import PERSON

KIN = {"mother", "father", "grandmother", "grandfather", "husband", "wife"}


@pytest.fixture(scope="module")
def train() -> list[str]:
    return list(islice(documents(21), 2000))


def sentences(text: str) -> list[str]:
    """Split into sentences and lines, and parts after a colon or a comma, with a capital letter."""
    found = []
    for line in text.split("\n"):
        for part in re.split(r'(?<=[.!?])"? "?|(?<=:) |^- ', line):
            bare = part.strip('" ')
            after = re.split(r"\b(?:and|but|news,|way,) ", bare, maxsplit=1)
            found += [half[0].upper() + half[1:] for half in (bare, after[-1]) if half]
    return found


def test_there_are_at_least_600_facts_over_10_relations() -> None:
    assert len(FACTS) >= 600
    assert len({fact.relation for fact in FACTS}) >= 10
    assert len({(fact.relation, fact.subject) for fact in FACTS}) == len(FACTS)
    assert [fact for topic in TOPICS for fact in topic] == list(FACTS)


def test_facts_about_kin_and_trades_are_those_of_the_people() -> None:
    for fact in FACTS:
        if fact.relation in KIN:
            assert kinship(PERSON[fact.subject], PERSON[fact.object]) == fact.relation
        elif fact.relation == "trade":
            assert PERSON[fact.subject].trade == fact.object
        elif fact.relation == "trait":
            assert PERSON[fact.subject].trait == fact.object


def test_the_ring_road_passes_every_place_once_and_no_two_places_share_a_keeper() -> None:
    at, seen = 0, set()
    for _ in PLACES:
        seen.add(at)
        at = PLACE_ENTRIES[at].next
    assert at == 0
    assert len(seen) == len(PLACES)
    assert len({entry.keeper.name for entry in PLACE_ENTRIES}) == len(PLACES)


@pytest.mark.parametrize(
    "fact", FACTS[:: len(FACTS) // 60], ids=lambda fact: f"{fact.relation}-{fact.subject}"
)
def test_questions_name_the_subject_and_statements_the_object_as_well(fact: Fact) -> None:
    assert len(set(questions(fact))) >= 4
    assert len(set(statements(fact))) >= 4
    for question in questions(fact):
        assert fact.subject in question
        assert not re.search(rf"\b{re.escape(fact.object)}\b", question)
        assert question[0].isupper()
        assert question.endswith("?")
    for statement in statements(fact):
        assert fact.subject.lower() in statement.lower() or FAMILY_NAMES[fact.topic] in statement
        assert fact.object.lower() in statement.lower()
        assert statement[0].isupper()
        assert statement.endswith(".")
    assert all(fact.object in answer for answer in answers(fact))


def test_no_question_is_that_of_two_facts_and_no_statement_either() -> None:
    for forms in (questions, statements):
        texts = [text for fact in FACTS for text in forms(fact)]
        assert len(set(texts)) == len(texts)


def test_a_fifth_of_the_facts_is_asked_for_in_each_held_out_split() -> None:
    counts = Counter(fact.split for fact in FACTS)
    assert 0.15 < counts["validation"] / len(FACTS) < 0.25
    assert 0.15 < counts["test"] / len(FACTS) < 0.25
    assert sum(map(asked_in_training, FACTS)) == counts["train"]
    for relation in {fact.relation for fact in FACTS}:
        assert {fact.split for fact in FACTS if fact.relation == relation} >= {"train", "test"}, relation


def test_a_marriage_is_held_out_from_both_sides() -> None:
    split = {(fact.relation, fact.subject): fact.split for fact in FACTS}
    for family in FAMILIES:
        assert split["husband", family[2].name] == split["wife", family[1].name]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_no_document_asks_for_a_fact_of_another_held_out_split(split: str) -> None:
    owner = {question: fact.split for fact in FACTS for question in questions(fact)}
    asked: Counter[str] = Counter()
    for text in islice(documents(4, split, mix={"questions": 1, "dialogue": 1, "letter": 1}), 600):
        for line in text.split("\n"):
            if line.startswith("Q: ") and line[3:] in owner:
                asked[owner[line[3:]]] += 1
    assert set(asked) == {"train", split}
    assert asked[split] > 200


def test_held_out_questions_occur_nowhere_in_the_text_of_training(train: list[str]) -> None:
    held_out = [question for fact in FACTS if not asked_in_training(fact) for question in questions(fact)]
    text = "\n".join(train).replace("Q: ", "\n")
    seen = set(re.findall(r"[A-Z][^.?!\n]*\?", text))
    assert not seen & set(held_out)
    assert len(seen & {question for fact in FACTS for question in questions(fact)}) > 300


def test_most_facts_are_stated_in_2000_documents_for_training(train: list[str]) -> None:
    owner = {statement: index for index, fact in enumerate(FACTS) for statement in statements(fact)}
    stated = Counter(owner[s] for text in train for s in set(sentences(text)) if s in owner)
    assert len(stated) >= 0.85 * len(FACTS)
    held_out = [index for index, fact in enumerate(FACTS) if not asked_in_training(fact)]
    assert sum(index in stated for index in held_out) >= 0.85 * len(held_out)
    assert 1.0 <= 1000 * sum(stated.values()) / len(FACTS) / len(train) <= 3.0


def test_answers_in_documents_are_those_of_the_facts() -> None:
    owner = {question: fact for fact in FACTS for question in questions(fact)}
    checked = 0
    for text in islice(documents(9, mix={"questions": 1}), 500):
        for question, answer in re.findall(r"Q: (.*)\nA: (.*)", text):
            checked += 1
            fact = owner[question]
            assert answer in (*answers(fact), *statements(fact))
    assert checked > 2000
