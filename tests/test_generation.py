from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.generation import choose, generate, generate_steps, score
from gpt_toolkit.heads import LanguageModelHead

NORMS: tuple[Norm, ...] = ("pre", "post")


def small_model(norm: Norm = "pre", seed: int = 0, **fields: Any) -> tuple[Decoder, LanguageModelHead]:
    shape = {"vocab_size": 23, "n_ctx": 12, "n_layer": 2, "n_head": 2, "n_embd": 16, "norm": norm}
    torch.manual_seed(seed)
    decoder = Decoder(DecoderConfig.from_fields(shape | fields))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return decoder.eval(), LanguageModelHead(decoder.wte)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def greedy_without_cache(
    decoder: Decoder, head: LanguageModelHead, prompt: Sequence[int], n_new: int
) -> list[int]:
    """What generation is defined by: at each step the whole window is read anew."""
    ids, start = list(prompt), 0
    with torch.no_grad():
        for _ in range(n_new):
            if len(ids) - start > decoder.config.n_ctx:
                start = len(ids) - max(1, decoder.config.n_ctx // 2)
            logits = head(decoder(torch.tensor([ids[start:]])))[0, -1]
            ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


# The walk through the text


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_prompt", [1, 5, 12])
def test_the_cache_changes_no_token_within_and_past_the_context(norm: Norm, n_prompt: int) -> None:
    decoder, head = small_model(norm)
    prompts = torch.randint(23, (3, n_prompt), generator=seeded(n_prompt))
    rows = generate(decoder, head, prompts, max_new_tokens=40, temperature=0.0)
    assert rows == [greedy_without_cache(decoder, head, prompt.tolist(), 40) for prompt in prompts]


def test_a_context_of_one_token_generates() -> None:
    decoder, head = small_model(n_ctx=1)
    rows = generate(decoder, head, torch.tensor([[3]]), max_new_tokens=5, temperature=0.0)
    assert rows == [greedy_without_cache(decoder, head, [3], 5)]


def test_equal_seeds_give_equal_tokens_and_others_differ() -> None:
    decoder, head = small_model()
    prompt = torch.tensor([[1, 2]])
    first, again, other = (
        generate(decoder, head, prompt, max_new_tokens=20, generator=seeded(seed)) for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_with_its_own_generator_a_sequence_does_not_depend_on_its_neighbors() -> None:
    decoder, head = small_model()
    prompts = torch.tensor([[1, 2], [3, 4], [5, 6]])
    together = generate(decoder, head, prompts, max_new_tokens=9, generator=[seeded(s) for s in range(3)])
    alone = [
        generate(decoder, head, prompts[row : row + 1], max_new_tokens=9, generator=seeded(row))[0]
        for row in range(3)
    ]
    assert together == alone


def test_a_sequence_ends_with_its_stop_token_and_the_others_go_on() -> None:
    decoder, head = small_model()
    prompts = torch.tensor([[1, 2], [3, 4]])
    free = generate(decoder, head, prompts, max_new_tokens=15, generator=seeded(3))
    stop = next(token for token in free[0] if token not in free[1])
    steps: list[Tensor] = []
    stopped = generate(
        decoder,
        head,
        prompts,
        max_new_tokens=15,
        generator=seeded(3),
        stop_ids={stop},
        on_token=steps.append,
    )
    assert stopped == [free[0][: free[0].index(stop) + 1], free[1]]
    assert [step.tolist() for step in steps] == [list(pair) for pair in zip(*free, strict=True)]


def test_generation_ends_when_every_sequence_has_stopped() -> None:
    decoder, head = small_model()
    steps: list[Tensor] = []
    rows = generate(
        decoder,
        head,
        torch.tensor([[1], [2]]),
        max_new_tokens=50,
        stop_ids=range(23),
        on_token=steps.append,
    )
    assert [len(row) for row in rows] == [1, 1]
    assert len(steps) == 1


def test_padding_of_the_vocabulary_is_never_chosen() -> None:
    decoder, head = small_model()
    with torch.no_grad():
        decoder.wte.weight[20:] *= 50  # the padding would win and lose by far
    settings: list[dict[str, Any]] = [{"temperature": 0.0}, {"top_k": 21}, {"top_p": 0.999}, {}]
    for setting in settings:
        rows = generate(
            decoder,
            head,
            torch.randint(20, (8, 3), generator=seeded(0)),
            max_new_tokens=12,
            vocab_size=20,
            generator=seeded(1),
            **setting,
        )
        assert max(max(row) for row in rows) < 20


def test_dropout_and_autocast_are_left_out_and_the_mode_is_kept() -> None:
    decoder, head = small_model(embd_pdrop=0.5, attn_pdrop=0.5, resid_pdrop=0.5)
    prompt = torch.tensor([[1, 2, 3]])
    expected = generate(decoder, head, prompt, max_new_tokens=9, temperature=0.0)
    decoder.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generate(decoder, head, prompt, max_new_tokens=9, temperature=0.0) == expected
    assert decoder.training


def test_a_decoder_in_bfloat16_generates() -> None:
    decoder, head = small_model()
    rows = generate(decoder.bfloat16(), head, torch.tensor([[1, 2]]), max_new_tokens=30, top_p=0.9)
    assert len(rows[0]) == 30


def test_tokens_are_made_when_they_are_asked_for() -> None:
    decoder, head = small_model()
    calls = []
    hook = decoder.register_forward_hook(lambda *_: calls.append(1))
    steps = generate_steps(decoder, head, torch.tensor([[1]]), max_new_tokens=100)
    next(steps)
    next(steps)
    steps.close()
    hook.remove()
    assert len(calls) == 2


def test_only_the_last_position_gets_logits() -> None:
    decoder, head = small_model()
    shapes = []
    head.register_forward_hook(lambda _, args, __: shapes.append(tuple(args[0].shape)))
    generate(decoder, head, torch.tensor([[1, 2, 3, 4]]), max_new_tokens=3)
    assert shapes == [(1, 16)] * 3


# Sampling


def frequencies(logits: list[float], n: int = 4000, **settings: float) -> list[float]:
    rows = torch.tensor([logits]).expand(n, -1)
    chosen = choose(rows, generator=seeded(0), **settings)  # type: ignore[arg-type]
    return (chosen.bincount(minlength=len(logits)) / n).tolist()


def test_draws_follow_the_softmax_of_logits_over_temperature() -> None:
    logits = [2.0, 1.0, 0.0, -1.0]
    for temperature in (0.5, 1.0, 3.0):
        expected = (torch.tensor(logits) / temperature).softmax(0).tolist()
        assert frequencies(logits, temperature=temperature) == pytest.approx(expected, abs=0.03)


def test_temperature_zero_and_the_coldest_ones_take_the_likeliest() -> None:
    for temperature in (0.0, 1e-6, 1e-300):
        assert frequencies([1.0, 3.0, 2.0], temperature=temperature) == [0.0, 1.0, 0.0]


def test_top_k_keeps_ties_with_the_last_and_zero_is_off() -> None:
    logits = [1.0, 3.0, 1.0, 0.0]
    assert [p > 0 for p in frequencies(logits, top_k=2)] == [True, True, True, False]
    assert [p > 0 for p in frequencies(logits, top_k=1)] == [False, True, False, False]
    assert all(p > 0 for p in frequencies(logits, top_k=0))
    assert all(p > 0 for p in frequencies(logits, top_k=99))


def test_top_p_keeps_the_token_that_crosses_it() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().tolist()
    assert [p > 0 for p in frequencies(logits, top_p=0.4)] == [False, True, False]
    assert [p > 0 for p in frequencies(logits, top_p=0.6)] == [False, True, True]
    assert frequencies(logits, top_p=0.6)[1] == pytest.approx(0.5 / 0.8, abs=0.03)
    assert all(p > 0 for p in frequencies(logits, top_p=0.81))
    assert [p > 0 for p in frequencies(logits, top_p=1e-9)] == [False, True, False]


def test_the_order_is_temperature_then_top_k_then_top_p() -> None:
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().tolist()
    # Among the two likeliest the first has 4/7 = 0.57, so 0.5 keeps it alone; among all it would not.
    assert [p > 0 for p in frequencies(logits, top_k=2, top_p=0.5)] == [True, False, False, False]
    # A temperature of 2 evens the first's share to 0.33 of all.
    assert [p > 0 for p in frequencies(logits, temperature=2.0, top_p=0.35)] == [True, True, False, False]


# Scores


@pytest.mark.parametrize("norm", NORMS)
def test_a_score_is_the_sum_of_log_probabilities(norm: Norm) -> None:
    decoder, head = small_model(norm)
    context, continuation = [1, 2, 3], [4, 5]
    expected = 0.0
    with torch.no_grad():
        for n, token in enumerate(continuation):
            logits = head(decoder(torch.tensor([context + continuation[:n]])))[0, -1]
            expected += logits.log_softmax(0)[token].item()
    got, is_greedy = score(decoder, head, context, continuation)
    assert got == pytest.approx(expected, abs=1e-5)
    assert not is_greedy


def test_probabilities_of_all_continuations_sum_to_one_without_padding() -> None:
    decoder, head = small_model()
    total = sum(math.exp(score(decoder, head, [3], [token], vocab_size=5)[0]) for token in range(5))
    assert total == pytest.approx(1.0, abs=1e-5)


def test_the_greedy_continuation_is_said_to_be_greedy() -> None:
    decoder, head = small_model()
    (row,) = generate(decoder, head, torch.tensor([[1, 2]]), max_new_tokens=6, temperature=0.0)
    assert score(decoder, head, [1, 2], row)[1]
    row[3] = (row[3] + 1) % 23
    assert not score(decoder, head, [1, 2], row)[1]
    assert score(decoder, head, [1, 2], []) == (0.0, True)


def test_a_score_may_fill_the_context_with_one_token_more() -> None:
    decoder, head = small_model()
    score(decoder, head, [1] * 12, [2])
    with pytest.raises(ValueError, match=r"have 14 tokens, the context length 12 allows 13"):
        score(decoder, head, [1] * 12, [2, 3])
    with pytest.raises(ValueError, match="context holds no token"):
        score(decoder, head, [], [2])
    with pytest.raises(ValueError, match="token 23 is not in the vocabulary of 23 tokens"):
        score(decoder, head, [1], [23])


# Refusals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1, expected at least 0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": -1}, "top_k is -1, expected at least 0"),
        ({"top_p": 0.0}, "top_p is 0.0, expected more than 0 and at most 1"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"max_new_tokens": -1}, "max_new_tokens is -1"),
        ({"top_k": -1, "top_p": 2.0}, "top_k is -1.*; top_p is 2.0"),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    decoder, head = small_model()
    with pytest.raises(ValueError, match=message):
        generate(decoder, head, torch.tensor([[1]]), **{"max_new_tokens": 1, **settings})


def test_prompts_that_do_not_fit_are_refused_with_both_numbers() -> None:
    decoder, head = small_model()
    with pytest.raises(ValueError, match="13 tokens are more than the context length 12; give at most 12"):
        generate(decoder, head, torch.zeros(1, 13, dtype=torch.long), max_new_tokens=1)
    with pytest.raises(ValueError, match="the prompt holds no token"):
        generate(decoder, head, torch.zeros(1, 0, dtype=torch.long), max_new_tokens=1)
    for token in (23, -1):
        with pytest.raises(ValueError, match=f"token {token} is not in the vocabulary of 23 tokens"):
            generate(decoder, head, torch.tensor([[1, token]]), max_new_tokens=1)
    with pytest.raises(ValueError, match="token 20 is not in the vocabulary of 20 tokens"):
        generate(decoder, head, torch.tensor([[20]]), max_new_tokens=1, vocab_size=20)


def test_diverged_weights_are_named() -> None:
    decoder, head = small_model()
    with torch.no_grad():
        decoder.wpe.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match="logits are not finite"):
        generate(decoder, head, torch.tensor([[1]]), max_new_tokens=1)
