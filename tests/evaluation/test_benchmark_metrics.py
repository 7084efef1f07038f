"""Metrics and their intervals."""

import math

import numpy as np
import pytest

from gpt_toolkit import intervals
from gpt_toolkit.evaluation.benchmark_metrics import (
    accuracy,
    bits,
    bleu,
    f1,
    matthews,
    mean,
    pearson,
    perplexity,
    rouge,
    spearman,
)


def test_numbers_of_items_have_their_intervals() -> None:
    correct = [True] * 8 + [False] * 2
    found = accuracy("accuracy", correct, 0.5, "aabbbbbbcc")
    assert (found.value, found.interval, found.n, found.chance) == (0.8, intervals.wilson(0.8, 10), 10, 0.5)
    assert (found.majority, found.scale) == (0.6, "0 to 1")
    assert math.isnan(accuracy("a", []).value)
    values = [0.0, 100.0, 50.0, 50.0]
    found = mean("f1", values)
    assert (found.value, found.interval, found.n) == (50.0, intervals.normal_mean(values), 4)
    assert found.scale == "0 to 100"
    assert math.isnan(mean("f1", []).value)


def test_perplexity_sums_before_the_exponential() -> None:
    nats, units = [10.0, 2.0], [4, 2]
    found = perplexity("p", nats, units, "words")
    assert found.value == pytest.approx(math.exp(2.0))
    assert found.interval == pytest.approx(math.exp(2.0) * intervals.ratio(nats, units))
    assert found.n == 6
    assert bits("b", [10.0, 2.0], [4, 2], "bytes").value == pytest.approx(2 / math.log(2))
    assert perplexity("p", [9000.0], [1], "words").value == math.inf


def test_scores_of_classes_are_scikit_learn_s() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    f1_score, matthews_corrcoef = metrics.f1_score, metrics.matthews_corrcoef
    chosen, gold = [1, 1, 1, 0, 0, 1, 2, 2], [1, 0, 1, 0, 1, 1, 2, 0]
    three = f1(chosen, gold, ("no", "yes", "maybe"), None)
    assert three.value == pytest.approx(f1_score(gold, chosen, average="macro"))
    assert three.label == "f1 (mean of 3 classes)"
    assert matthews(chosen, gold).value == pytest.approx(matthews_corrcoef(gold, chosen))
    two = f1(chosen[:6], gold[:6], ("no", "yes"), 1)
    assert two.value == pytest.approx(f1_score(gold[:6], chosen[:6]))
    assert two.label == "f1 (class yes)"
    assert matthews(chosen[:6], gold[:6]).value == pytest.approx(matthews_corrcoef(gold[:6], chosen[:6]))
    assert f1([0, 0], [1, 0], ("no", "yes"), 1).value == 0.0


def test_correlations_are_numpy_s_and_zero_without_a_second_value() -> None:
    guesses, grades = [1.0, 3.0, 2.0, 2.0, 5.0], [0.5, 1.0, 1.0, 2.0, 9.0]
    assert pearson(guesses, grades).value == pytest.approx(np.corrcoef(guesses, grades)[0, 1])
    ranks = np.corrcoef([1, 4, 2.5, 2.5, 5], [1, 2.5, 2.5, 4, 5])[0, 1]  # equal values share the mean rank
    assert spearman(guesses, grades).value == pytest.approx(ranks)
    for constant in (pearson([1, 1, 1], [1, 0, 1]), matthews([1, 1, 1], [1, 0, 1])):
        assert (constant.value, constant.interval, constant.chance) == (0.0, 0.0, 0.0)


def test_bleu_is_sacrebleu_s_with_all_references() -> None:
    import sacrebleu

    answers = ["the cat sat on the mat today", "a dog ran quickly home now", "x"] * 20
    one = ["the cat sat on a mat today", "the dog ran home quickly now", "a longer one"] * 20
    two = ["the cat is on the mat today", "a dog ran quickly now", "x"] * 20
    found = bleu(answers, [(each,) for each in one])
    assert found.value == pytest.approx(sacrebleu.corpus_bleu(answers, [one]).score)
    assert 0 < found.interval < 20
    both = bleu(answers, list(zip(one, two, strict=True)))
    assert both.value == pytest.approx(sacrebleu.corpus_bleu(answers, [one, two]).score)
    assert both.label == "bleu (up to 2 references)"
    short = bleu(["the cat"], [("the cat sat on a mat",)])  # no 3-gram: smoothed
    assert short.value == pytest.approx(sacrebleu.corpus_bleu(["the cat"], [["the cat sat on a mat"]]).score)
    unlike = bleu(["the cat was near a mat"], [("the cat sat on a mat",)])
    theirs = sacrebleu.corpus_bleu(["the cat was near a mat"], [["the cat sat on a mat"]])
    assert unlike.value == pytest.approx(theirs.score)
    assert unlike.value > 0


def test_rouge_is_rouge_score_s_of_the_best_reference() -> None:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    answer, references = "cats sat.\nthey ran", ("a cat sits there.\nthe dog ran away", "they ran")
    kinds = ["rouge1", "rouge2", "rougeLsum"]
    scorer = RougeScorer(kinds, use_stemmer=True)
    theirs = [scorer.score(reference, answer) for reference in references]
    average, *found = rouge([answer], [references], by_sentence=True)
    expected = [100 * max(score[kind].fmeasure for score in theirs) for kind in kinds]
    assert [score.value for score in found] == pytest.approx(expected)
    assert average.value == pytest.approx(sum(expected) / 3)
    assert average.label == "rouge_mean (best of up to 2 references)"
