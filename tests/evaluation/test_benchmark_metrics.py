"""Metrics and their intervals."""

import math

import pytest

from gpt_toolkit import intervals
from gpt_toolkit.evaluation.benchmark_metrics import (
    accuracy,
    bits,
    bleu,
    leave_one_out_f1,
    mean,
    pearson,
    perplexity,
    rouge,
)
from gpt_toolkit.metrics import exact_match, normalize_answer, token_f1


def test_numbers_of_items_have_their_intervals() -> None:
    correct = [True] * 8 + [False] * 2
    assert accuracy("accuracy", correct, 0.5) == ("accuracy", 0.8, intervals.wilson(0.8, 10), 10, 0.5)
    assert math.isnan(accuracy("a", []).value)
    values = [0.0, 100.0, 50.0, 50.0]
    assert mean("f1", values)[:4] == ("f1", 50.0, intervals.normal_mean(values), 4)
    assert math.isnan(mean("f1", []).value)


def test_perplexity_sums_before_the_exponential() -> None:
    nats, units = [10.0, 2.0], [4, 2]
    found = perplexity("p", nats, units)
    assert found.value == pytest.approx(math.exp(2.0))
    assert found.interval == pytest.approx(math.exp(2.0) * intervals.ratio(nats, units))
    assert found.n == 6
    assert bits("b", [10.0, 2.0], [4, 2]).value == pytest.approx(2 / math.log(2))
    assert perplexity("p", [9000.0], [1]).value == math.inf


def test_pearson_of_classes_is_scikit_learn_s_matthews_and_zero_without_a_second_class() -> None:
    assert pearson("m", [1, 1, 1, 0, 0, 1], [1, 0, 1, 0, 1, 1]).value == pytest.approx(0.25)
    constant = pearson("m", [1, 1, 1], [1, 0, 1])
    assert (constant.value, constant.interval, constant.chance) == (0.0, 0.0, 0.0)


def test_answers_are_compared_as_squad_does() -> None:
    assert normalize_answer("The  U.S. an-swer, a") == "us answer"
    assert exact_match("The Beatles!", "beatles") == 1.0
    assert token_f1("the red big boat", "a red boat") == pytest.approx(0.8)
    assert token_f1("", "the") == 1.0
    assert token_f1("x", "") == 0.0


def test_references_are_left_out_in_turn() -> None:
    assert leave_one_out_f1("red", ["red", "blue"]) == pytest.approx(0.5)
    assert leave_one_out_f1("red", ["red"]) == 1.0
    assert leave_one_out_f1("red", ["red", "red", "blue"]) == pytest.approx(1.0)


def test_bleu_is_sacrebleu_s() -> None:
    import sacrebleu

    answers = ["the cat sat on the mat today", "a dog ran quickly home now", "x"] * 20
    references = ["the cat sat on a mat today", "the dog ran home quickly now", "a longer one"] * 20
    found = bleu(answers, references)
    assert found.value == pytest.approx(sacrebleu.corpus_bleu(answers, [references]).score)
    assert 0 < found.interval < 20


def test_rouge_is_rouge_score_s() -> None:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    answer, reference = "cats sat.\nthey ran", "a cat sits there.\nthe dog ran away"
    theirs = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True).score(reference, answer)
    average, *found = rouge([answer], [reference], by_sentence=True)
    expected = [100 * score.fmeasure for score in theirs.values()]
    assert [metric.value for metric in found] == pytest.approx(expected)
    assert average.value == pytest.approx(sum(expected) / 3)
