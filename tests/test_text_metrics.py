"""Answers are compared with references as the published scripts do."""

import pytest

from gpt_toolkit.text_metrics import exact_match, leave_one_out_f1, normalize_answer, token_f1


def test_answers_are_compared_as_squad_does() -> None:
    assert normalize_answer("The  U.S. an-swer, a") == "us answer"
    assert exact_match("The Beatles!", ["stones", "beatles"]) == 100.0
    assert exact_match("The Beatles!", ["stones"]) == 0.0
    assert token_f1("the red big boat", ["x", "a red boat"]) == pytest.approx(80.0)
    assert token_f1("", ["the"]) == 100.0
    assert token_f1("x", [""]) == 0.0


def test_references_are_left_out_in_turn() -> None:
    assert leave_one_out_f1("red", ["red", "blue"]) == pytest.approx(50.0)
    assert leave_one_out_f1("red", ["red"]) == 100.0
    assert leave_one_out_f1("red", ["red", "red", "blue"]) == pytest.approx(100.0)
