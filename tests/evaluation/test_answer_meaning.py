"""The right answer of a record is a text, an index, a number or a letter: one meaning for a whole file."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.evaluation.answer_meaning import GivenAnswer, right_choices

WORDS = ("red", "green", "blue")
NUMBERS = ("2", "0", "1")


def asked(answers: list[Any], options: tuple[str, ...] = WORDS) -> list[GivenAnswer]:
    return [GivenAnswer(f"a.jsonl, line {n}", options, answer) for n, answer in enumerate(answers, 1)]


@pytest.mark.parametrize(
    ("answers", "options", "places", "meaning"),
    [
        ([0, 1, 2], NUMBERS, [0, 1, 2], "index from 0"),  # integers of JSON, whatever the choices say
        ([2.0, 0.0], WORDS, [2, 0], "index from 0"),  # as pandas writes a column with an empty cell
        (["2", "0"], WORDS, [2, 0], "index from 0"),
        (["blue", " red "], WORDS, [2, 0], "text"),
        (["C", "a"], WORDS, [2, 0], "letter"),
        (["B", "A"], ("A", "B"), [1, 0], "text"),  # text and letter are the same place
        (["20", "10"], ("10", "20"), [1, 0], "text"),
        (["A", "D"], ("D", "A", "x"), [1, 0], "text"),  # D is no letter of three choices
        ([True, False], ("False", "True"), [1, 0], "text"),
        ([0, "1"], WORDS, [0, 1], "index from 0"),
    ],
)
def test_the_one_meaning_that_fits_all_answers_is_taken(
    answers: list[Any], options: tuple[str, ...], places: list[int], meaning: str
) -> None:
    assert right_choices(asked(answers, options), "") == (places, meaning, [])


@pytest.mark.parametrize(
    ("answer_is", "answers", "options", "places"),
    [
        ("text", ["0", 1], NUMBERS, [1, 2]),
        ("index", ["0", 1], NUMBERS, [0, 1]),
        ("number", ["1", 3], NUMBERS, [0, 2]),
        ("letter", ["A", "b"], ("B", "A"), [0, 1]),
    ],
)
def test_a_meaning_that_is_given_holds(
    answer_is: str, answers: list[Any], options: tuple[str, ...], places: list[int]
) -> None:
    assert right_choices(asked(answers, options), answer_is)[0] == places


def test_an_answer_with_two_meanings_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"a.jsonl, line 1: answer: '0' is choice 1 by its text and choice 0 by its index from 0; "
        r"choices from 0: \['2', '0', '1'\]; expected one meaning; set answer_is to text or index$",
    ):
        right_choices(asked(["0", "1"], NUMBERS), "")
    with pytest.raises(ValueError, match="line 2: answer: 'B' is choice 0 by its text and choice 1 by "):
        right_choices([*asked(["A"], ("A", "x")), GivenAnswer("a.jsonl, line 2", ("B", "A"), "B")], "")


@pytest.mark.parametrize(
    ("answers", "answer_is", "message"),
    [
        (
            [0, 3],
            "",
            r"line 2: answer: 3; expected an index from 0 to 2; if answers count from 1, set answer_is",
        ),
        ([-1], "", r"line 1: answer: -1; expected an index from 0 to 2; correct the record"),
        ([1.5], "", r"line 1: answer: 1.5; expected an index from 0 to 2"),
        ([1, 0], "number", r"line 2: answer: 0; expected a number from 1 to 3"),
        (
            ["red", "1", "blue"],
            "",
            r"line 2: answer: '1'; expected one of the choices .*, as 2 other answers",
        ),
        (
            ["pink"],
            "",
            r"line 1: answer: 'pink'; expected one of the choices \[.*\], an index from 0 to 2",
        ),
        (["D"], "letter", r"line 1: answer: 'D'; expected a letter from A to C"),
        (
            [0, "red"],
            "",
            r"line 2: answer: 'red'; expected an index .*; if answers are texts of",
        ),
    ],
)
def test_an_answer_that_is_no_choice_is_refused_with_its_line(
    answers: list[Any], answer_is: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        right_choices(asked(answers), answer_is)


TEXTS = ("0", "1", "2", "3", "A", "B", "C", "a", "red", "nan")


@given(data=st.data(), meaning=st.sampled_from(["text", "index", "letter", "json"]))
def test_the_right_choice_is_found_or_refused_and_never_another(data: st.DataObject, meaning: str) -> None:
    records, expected = [], []
    for number in range(data.draw(st.integers(1, 6))):
        options = data.draw(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=5, unique=True))
        right = data.draw(st.integers(0, len(options) - 1))
        written = {"text": options[right], "index": str(right), "letter": "ABCDE"[right], "json": right}[
            meaning
        ]
        records.append(GivenAnswer(f"line {number}", tuple(options), written))
        expected.append(right)
    try:
        found, _, _ = right_choices(records, "")
    except ValueError as error:
        assert meaning != "json"
        assert "expected one meaning; set answer_is to" in str(error)  # noqa: PT017
    else:
        assert found == expected
    answer_is = "index" if meaning == "json" else meaning
    assert right_choices(records, answer_is)[0] == expected


def test_answers_that_may_count_from_one_are_reported() -> None:
    [warning] = right_choices(asked([1, 2] * 5), "")[2]
    assert warning == "no answer is index 0; if they count from 1, set answer_is: number"
    assert right_choices(asked([1, 2] * 5), "index")[2] == []
    assert right_choices(asked([1, 2] * 5 + [0]), "")[2] == []
