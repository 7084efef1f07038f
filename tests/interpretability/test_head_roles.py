"""Scores of heads whose role is built into the weights, and of heads that attend evenly."""

from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.interpretability.head_roles import head_roles, repeated_tokens
from tests.small_decoder import NORMS, small_decoder

V, P = 12, 16
"""Numbers of token ids and positions. A state has parts for its token, the token before and its position."""
TOKEN, BEFORE, POSITION = slice(0, V), slice(V, 2 * V), slice(2 * V, 2 * V + P)
WIDTH = (2 * V + P) // 2


def planted() -> Decoder:
    """Return a decoder with a previous-token head, a sink, an induction head and an even head."""
    decoder = Decoder(DecoderConfig(vocab_size=V, n_ctx=P, n_layer=2, n_head=2, n_embd=2 * WIDTH)).eval()
    first: Any = decoder.h[0]
    second: Any = decoder.h[1]
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.fill_(1.0 if "ln_" in name and name.endswith("weight") else 0.0)
        decoder.wte.weight[:, TOKEN] = torch.eye(V)
        decoder.wpe.weight[:, POSITION] = torch.eye(P)
        query, key, value = first.attn.c_attn.weight.view(3, 2, WIDTH, 2 * WIDTH)
        query[0, :P, POSITION] = 50 * torch.eye(P)
        key[0, 1:P, POSITION] = torch.eye(P)[:-1]  # the key of a position is the query of the next one
        value[0, :V, TOKEN] = torch.eye(V)
        first.attn.c_proj.weight[BEFORE, :V] = torch.eye(V)
        first.attn.c_attn.bias.view(3, 2, WIDTH)[0, 1, 0] = 50
        key[1, 0, 2 * V] = 1  # position 0
        query, key, _ = second.attn.c_attn.weight.view(3, 2, WIDTH, 2 * WIDTH)
        query[0, :V, TOKEN] = 50 * torch.eye(V)
        key[0, :V, BEFORE] = torch.eye(V)
    return decoder


def test_planted_roles_are_found() -> None:
    decoder = planted()
    scores = head_roles(decoder, distinct_halves())
    expected = {
        "previous token": torch.tensor([[1.0, 1 / 14], [0.0, 0.0]]),
        "induction": torch.tensor([[0.0, 0.0], [1.0, 0.0]]),
        "attention sink": torch.tensor([[1 / 14, 1.0], [0.0, 0.0]]),
    }
    for role, row in expected.items():
        found = scores[role].clone()
        found[1, 1] = 0  # the even head, see below
        if role != "induction":
            found[1, 0] = 0  # attends evenly in the first half
        torch.testing.assert_close(found, row, atol=0.02, rtol=0)


def distinct_halves() -> torch.Tensor:
    """Return a start token and seven other tokens, twice."""
    half = torch.randperm(V - 1, generator=torch.Generator().manual_seed(0))[:7] + 1
    return torch.cat([torch.tensor([0]), half, half])[None]


@pytest.mark.parametrize("norm", NORMS)
def test_heads_that_attend_evenly_have_the_scores_of_chance(norm: Any) -> None:
    decoder = small_decoder(norm).eval()
    blocks: Any = decoder.h
    with torch.no_grad():
        for block in blocks:
            block.attn.c_attn.weight.zero_()
            block.attn.c_attn.bias.zero_()
    repeated = repeated_tokens(decoder, 0, vocab_size=13)
    assert repeated.shape == (4, 5)
    scores = head_roles(decoder, repeated)
    even = [1 / (query + 1) for query in range(5)]
    everywhere, repetition = sum(even[1:]) / 4, sum(even[3:]) / 2
    for role, score in (
        ("previous token", everywhere),
        ("attention sink", everywhere),
        ("induction", repetition),
    ):
        torch.testing.assert_close(scores[role], torch.full((2, 2), score))


def test_random_tokens_repeat_and_leave_special_tokens_out() -> None:
    decoder = Decoder(DecoderConfig(vocab_size=300, n_ctx=64, n_layer=1, n_head=1, n_embd=8))
    repeated = repeated_tokens(decoder, 256, vocab_size=300, excluded=range(40, 300))
    assert repeated.shape == (4, 63)
    assert torch.equal(repeated[:, 1:32], repeated[:, 32:])
    assert (repeated[:, 0] == 256).all()
    assert repeated[:, 1:].max() < 40
    assert torch.equal(repeated, repeated_tokens(decoder, 256, vocab_size=300, excluded=range(40, 300)))


def test_a_context_without_room_for_a_repetition_is_refused() -> None:
    decoder = Decoder(DecoderConfig(vocab_size=13, n_ctx=4, n_layer=1, n_head=1, n_embd=8))
    with pytest.raises(ValueError, match="head roles: context length 4; expected at least 5"):
        repeated_tokens(decoder, 0, vocab_size=13)
