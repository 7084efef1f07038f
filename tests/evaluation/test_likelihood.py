"""Candidates are scored by the likelihood of the right part of the text."""

import pytest

from gpt_toolkit.evaluation.items import Choice, Cloze, Labelled, Schema
from gpt_toolkit.evaluation.likelihood import PROTOCOLS, cloze_requests
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.generation.requests import Answer
from tests.evaluation.conftest import by_name, result_of, texts_of

SCHEMA = Schema(("The cup fell because the cup", "The cup fell because the table"), "was wet.", 1)


def test_cbt_scores_a_candidate_with_the_rest_of_its_sentence(context: Context) -> None:
    row = Cloze(
        ("It was cold .", "`` Go , '' he said ."), "`` XXXXX is n't here . ''", 1, ("Ann", "Bo"), True
    )
    [protocol] = PROTOCOLS["cloze"]
    built = protocol.build_requests([row], context)
    assert texts_of(context, built) == [
        [
            ['It was cold. "Go," he said. "', "Ann isn't here.\""],
            ['It was cold. "Go," he said. "', "Bo isn't here.\""],
        ]
    ]
    scores = [Answer(-9.0, 16), Answer(-8.0, 15)]
    result = result_of(protocol, built, lambda _, k: scores[k])
    assert result.scores[0].value == 1.0
    assert result.scores[0].chance == 0.5
    assert result.items == [{"correct": True, "chosen": 1, "right": 1, "scores": [-9.0, -8.0]}]


def test_a_query_without_a_gap_is_refused(context: Context) -> None:
    with pytest.raises(ValueError, match="no gap; expected XXXXX"):
        cloze_requests(Cloze((), "No gap .", 0, ("a", "b")), context)


def test_winograd_is_scored_in_part_and_in_full(context: Context) -> None:
    protocol = by_name(PROTOCOLS["schemas"], "paper-1")
    built = protocol.build_requests([SCHEMA], context)
    mark = "<|endoftext|>"
    assert texts_of(context, built) == [
        [
            ["The cup fell because the cup", " was wet."],
            ["The cup fell because the table", " was wet."],
            [mark, "The cup fell because the cup was wet."],
            [mark, "The cup fell because the table was wet."],
        ]
    ]
    scores = [-2.0, -1.0, -8.0, -9.0]
    partial, full = result_of(protocol, built, lambda _, k: Answer(scores[k], 3)).scores
    assert (partial.metric, partial.value) == ("partial_accuracy", 1.0)
    assert (full.metric, full.value) == ("full_accuracy", 0.0)


def test_punctuation_after_the_pronoun_follows_without_a_blank(context: Context) -> None:
    [row] = texts_of(
        context, PROTOCOLS["resolution"][0].build_requests([SCHEMA._replace(rest=", he said.")], context)
    )
    assert [text for _, text in row] == [", he said.", ", he said."]


def test_dprd_takes_the_higher_mean_of_the_rest(context: Context) -> None:
    [protocol] = PROTOCOLS["resolution"]
    answers = [Answer(-6.0, 4), Answer(-5.0, 3)]  # -1.5 and -1.67 a token
    [metric] = result_of(protocol, protocol.build_requests([SCHEMA], context), lambda _, k: answers[k]).scores
    assert metric.value == 0.0


def test_race_takes_the_answer_with_the_higher_mean(context: Context) -> None:
    [protocol] = PROTOCOLS["reading"]
    built = protocol.build_requests([Choice("A text.\nWhy?", ("It is.", "It is not so."), 1)], context)
    assert texts_of(context, built)[0][1] == ["A text.\nWhy?", " It is not so."]
    answers = [Answer(-6.0, 4), Answer(-7.0, 5)]
    [metric] = result_of(protocol, built, lambda _, k: answers[k]).scores
    assert metric.value == 1.0


def test_sst2_compares_positive_and_negative_after_very(context: Context) -> None:
    [protocol] = PROTOCOLS["sentiment"]
    built = protocol.build_requests([Labelled("a fine film ", 1), Labelled("dull", 0)], context)
    assert texts_of(context, built)[0] == [
        ["a fine film very", " negative"],
        ["a fine film very", " positive"],
    ]
    scores = [[-2.0, -1.0], [-2.0, -1.0]]
    [metric] = result_of(protocol, built, lambda i, k: Answer(scores[i][k], 1)).scores
    assert metric.value == 0.5


def test_cola_calls_the_published_share_of_sentences_acceptable(context: Context) -> None:
    [protocol] = PROTOCOLS["acceptability"]
    rows = [Labelled(f"sentence {i}", int(i >= 3)) for i in range(10)]
    built = protocol.build_requests(rows, context)
    result = result_of(protocol, built, lambda i, _: Answer(float(i) * 2, 2))
    assert [row["chosen"] for row in result.items] == [0, 0, 0, *[1] * 7]  # 70.4% of ten
    matthews, accuracy = result.scores
    assert (matthews.metric, matthews.value, matthews.chance) == ("matthews", 1.0, 0.0)
    assert accuracy.value == 1.0


def test_the_first_of_equal_candidates_is_taken(context: Context) -> None:
    [protocol] = PROTOCOLS["resolution"]
    result = result_of(protocol, protocol.build_requests([SCHEMA], context), lambda *_: Answer(-1.0, 1))
    assert result.items[0]["chosen"] == 0
