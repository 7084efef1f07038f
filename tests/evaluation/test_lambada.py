"""LAMBADA scores the last word of a passage under each protocol."""

import math

import pytest

from gpt_toolkit.evaluation.items import LastWord
from gpt_toolkit.evaluation.lambada import PROTOCOLS, STOP_WORDS, stop_ids
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.protocol import EvaluationProtocol
from gpt_toolkit.generation.requests import Answer, Continuation
from tests.evaluation.conftest import by_name, result_of, texts_of

ROWS = [LastWord("He came to the old gatehouse"), LastWord("They are n't here , said jack", tokenized=True)]


def test_the_whole_last_word_is_asked_for_with_its_blank(context: Context) -> None:
    built = by_name(PROTOCOLS, "lm-eval-1").build_requests(ROWS, context)
    assert texts_of(context, built) == [
        [["He came to the old", " gatehouse"]],
        [["They are n't here , said", " jack"]],
    ]


def test_the_paper_s_protocol_reads_the_original_file_as_running_text(context: Context) -> None:
    built = by_name(PROTOCOLS, "paper-1").build_requests(ROWS, context)
    assert texts_of(context, built)[1] == [["They aren't here, said", " jack"]]


def test_the_last_token_alone_is_asked_for(gpt2: Context) -> None:
    for name in ("megatron-1", "paper-token-1"):
        [[request], _] = by_name(PROTOCOLS, name).build_requests(ROWS, gpt2).requests
        assert isinstance(request, Continuation)
        ids = gpt2.tokenizer.encode(ROWS[0].text)
        assert (*request.context, *request.continuation) == tuple(ids)
        assert len(request.continuation) == 1
        assert bool(request.excluded) == (name == "paper-token-1")


def test_stop_words_are_excluded_by_their_tokens(gpt2: Context) -> None:
    assert len(STOP_WORDS) == 127
    excluded = stop_ids(gpt2)
    encode = gpt2.tokenizer.encode
    assert {*encode(" the"), *encode(" The"), *encode(" yourselves")} <= excluded
    assert not set(encode(" signs")) & excluded
    [[request], _] = by_name(PROTOCOLS, "paper-1").build_requests(ROWS, gpt2).requests
    assert isinstance(request, Continuation)
    assert request.excluded == excluded


def test_a_longer_word_may_begin_with_the_token_of_a_stop_word(gpt2: Context) -> None:
    rows = [LastWord("He saw Tessa"), LastWord("He saw them")]
    [[name], [word]] = by_name(PROTOCOLS, "paper-1").build_requests(rows, gpt2).requests
    assert isinstance(name, Continuation)
    assert isinstance(word, Continuation)
    assert len(name.continuation) == 2
    assert stop_ids(gpt2) - name.excluded == {name.continuation[0]}
    assert word.continuation[0] in word.excluded


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_accuracy_is_the_share_of_greedy_words_and_perplexity_is_per_word(
    context: Context, protocol: EvaluationProtocol
) -> None:
    built = protocol.build_requests(ROWS, context)
    answers = [Answer(-1.0, 3, is_greedy=True), Answer(-3.0, 2, is_greedy=False)]
    accuracy, perplexity = result_of(protocol, built, lambda i, _: answers[i]).scores
    assert (accuracy.metric, accuracy.value, accuracy.n) == ("accuracy", 0.5, 2)
    assert perplexity.metric == "perplexity"
    assert perplexity.value == pytest.approx(math.exp(2.0))


def test_a_passage_of_one_word_is_refused(context: Context) -> None:
    with pytest.raises(ValueError, match="'alone': no last word to predict; expected two words with a"):
        PROTOCOLS[0].build_requests([LastWord("alone")], context)
