"""Minimal pairs: the likelier sentence, and the accuracy with its interval."""

import pytest

from gpt_toolkit.inference.minimal_pairs import PairScore, describe_pairs, score_pairs
from tests.generation.test_surprisal import TEXTS, random_model


def test_the_likelier_sentence_is_that_of_the_whole_text() -> None:
    model = random_model()
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[0]), (TEXTS[2], TEXTS[2])]
    scores = score_pairs(model, pairs)
    for score in scores:
        log_p = [model.score("", sentence)[0] for sentence in score[:2]]
        assert [score.good_bits, score.bad_bits] == pytest.approx([-x / 0.6931471805599453 for x in log_p])
        assert score.is_right == (log_p[0] > log_p[1])
    assert [score.is_right for score in scores] == [False, True, False]


def test_the_accuracy_has_wilsons_interval() -> None:
    assert describe_pairs(9, 10) == "accuracy 0.9000 +- 0.1931 (9 of 10 pairs)"  # 0.5958 to 0.9821
    assert not PairScore("a", "b", 1.0, 1.0).is_right
