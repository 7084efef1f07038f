from __future__ import annotations

import math

import pytest
import torch

from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.generation import generate, score
from tests.generation.conftest import NORMS, small_model


@pytest.mark.parametrize("norm", NORMS)
def test_a_score_is_the_sum_of_log_probabilities(norm: Norm) -> None:
    decoder = small_model(norm)
    context, continuation = [1, 2, 3], [4, 5]
    expected = 0.0
    with torch.no_grad():
        for n, token in enumerate(continuation):
            logits = decoder.logits(decoder(torch.tensor([context + continuation[:n]])))[0, -1]
            expected += logits.log_softmax(0)[token].item()
    got, is_greedy = score(decoder, context, continuation)
    assert got == pytest.approx(expected, abs=1e-5)
    assert not is_greedy


def test_probabilities_of_all_continuations_sum_to_one_without_padding() -> None:
    decoder = small_model()
    total = sum(math.exp(score(decoder, [3], [token], vocab_size=5)[0]) for token in range(5))
    assert total == pytest.approx(1.0, abs=1e-5)


def test_the_greedy_continuation_is_said_to_be_greedy() -> None:
    decoder = small_model()
    (row,) = generate(decoder, torch.tensor([[1, 2]]), max_new_tokens=6, temperature=0.0)
    assert score(decoder, [1, 2], row)[1]
    row[3] = (row[3] + 1) % 23
    assert not score(decoder, [1, 2], row)[1]
    assert score(decoder, [1, 2], []) == (0.0, True)


def test_a_score_may_fill_the_context_with_one_token_more() -> None:
    decoder = small_model()
    score(decoder, [1] * 12, [2])
    with pytest.raises(ValueError, match=r"have 14 tokens, the context length 12 allows 13"):
        score(decoder, [1] * 12, [2, 3])
    with pytest.raises(ValueError, match="context holds no token"):
        score(decoder, [], [2])
    with pytest.raises(ValueError, match="token 23 is not in the vocabulary of 23 tokens"):
        score(decoder, [1], [23])
