"""Conversations: the passage answers the questions, and rules that read nothing do not."""

import re
from collections import Counter
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, Conversation, benchmark
from gpt_toolkit.storyworld.wording import words as words_of
from tests.storyworld.benchmarks.story_reader import Reader
from tests.storyworld.texts import NAMES

# Questions whose answer a reader of stories knows, and what it then recalls.
RECALLED = (
    (r"Who (had taken it|hid it|played the prank|was the joker)\?", "a", "prank"),
    (r"Who (had moved it|tidied up|put it somewhere else)\?", "a", "tidy"),
    (
        r"Whose birthday was it\?|Who (got a present|had a birthday)\?|Whom was the present for\?",
        "b",
        "birthday",
    ),
    (r"Who had lent it\?|From whom did (he|she) borrow it\?", "b", "lend"),
    (r"Who sent (him|her)\?|Who asked (him|her)\?|Whose was it before\?", "b", "errand"),
    (r"Whom was it for\?|Who (got|has) it( now)?\?|To whom did \w+ bring it\?", "c", "errand"),
)


@pytest.fixture(scope="module")
def rows() -> list[Conversation]:
    return list(islice(benchmark("conversation", 3), 1000))


def words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w'-]+", text.lower()) if word not in ("a", "an", "the")]


def f1(guess: str, answer: str) -> float:
    """Return the F1 of the words of a guess, as in SQuAD and CoQA."""
    common = sum((Counter(words(guess)) & Counter(words(answer))).values())
    return 2 * common / (len(words(guess)) + len(words(answer)))


def test_every_row_has_questions_and_as_many_answers(rows: list[Conversation]) -> None:
    for row in rows:
        assert len(row.questions) == len(row.answers) >= 2
        assert all(question.endswith("?") for question in row.questions)
        assert all(row.answers)


def test_every_answer_is_in_the_passage_or_yes_or_no(rows: list[Conversation]) -> None:
    prepositions = set(
        words_of("at in on by of edge home")
    )  # "in the stable" where the passage has "to the stable"
    for row in rows:
        for question, answer in zip(row.questions, row.answers, strict=True):
            missing = set(words(answer)) - set(words(row.story)) - prepositions
            assert answer in ("yes", "no") or not missing, (question, answer, row.story)


def test_a_reader_of_the_stories_finds_who_did_what(rows: list[Conversation]) -> None:
    checked = Counter[str]()
    for row in [row for row in rows if "\n\n" in row.story][:300]:
        reader = Reader(row.story)
        for question, answer in zip(row.questions, row.answers, strict=True):
            for pattern, part, kind in RECALLED:
                if re.fullmatch(pattern, question) and reader.latest(kind):
                    checked[kind] += 1
                    assert reader.last(part, kind) == answer, (question, row.story)
    assert len(checked) == 5
    assert sum(checked.values()) > 80


def test_rules_that_read_nothing_get_few_of_the_words(rows: list[Conversation]) -> None:
    scores = Counter[str]()
    n_questions = sum(len(row.questions) for row in rows)
    for row in rows:
        named = [word for word in re.findall(r"\w+", row.story) if word in NAMES]
        hero = max(dict.fromkeys(named), key=named.count)
        for question, answer in zip(row.questions, row.answers, strict=True):
            is_polar = re.match("Is|Was|Does|Did|May|Has", question)
            by_question = "yes" if is_polar else hero if re.search("[Ww]ho", question) else "at the"
            guesses = {
                "yes": "yes",
                "hero": hero,
                "last": named[-1],
                "passage": row.story,
                "question": by_question,
            }
            for rule, guess in guesses.items():
                scores[rule] += f1(guess, answer)  # type: ignore[assignment]
    best = max(scores.values()) / n_questions
    assert BENCHMARKS["conversation"].shortcut == pytest.approx(best, abs=0.04), scores
