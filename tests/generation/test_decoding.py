from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.generation import Sampling, generate, generate_steps
from tests.generation.conftest import NORMS, greedy_without_cache, seeded, small_model

UNEQUAL = [
    [3],
    [5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7],
    [1, 2, 3, 4, 5],
    [9, 8],
    [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_prompt", [1, 5, 12])
def test_the_cache_changes_no_token_within_and_past_the_context(norm: Norm, n_prompt: int) -> None:
    decoder = small_model(norm)
    prompts = torch.randint(23, (3, n_prompt), generator=seeded(n_prompt))
    rows = generate(decoder, prompts, max_new_tokens=40, temperature=0.0)
    assert rows == [greedy_without_cache(decoder, prompt.tolist(), 40) for prompt in prompts]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n_ctx", [12, 13, 16])
def test_prompts_of_unequal_length_get_the_tokens_that_each_gets_alone(norm: Norm, n_ctx: int) -> None:
    decoder = small_model(norm, n_ctx=n_ctx)
    rows = generate(decoder, UNEQUAL, max_new_tokens=60, temperature=0.0)  # slides at unequal times
    assert rows == [greedy_without_cache(decoder, prompt, 60) for prompt in UNEQUAL]
    short = generate(decoder, UNEQUAL[2:4], max_new_tokens=3, temperature=0.0)
    assert short == [row[:3] for row in rows[2:4]]


def test_prompts_of_unequal_length_draw_what_each_draws_alone() -> None:
    decoder = small_model()
    settings: dict[str, Any] = {"max_new_tokens": 30, "top_p": 0.9, "repetition_penalty": 1.3}
    together = generate(decoder, UNEQUAL, generator=[seeded(7) for _ in UNEQUAL], **settings)
    alone = [generate(decoder, [prompt], generator=seeded(7), **settings)[0] for prompt in UNEQUAL]
    assert together == alone


@pytest.mark.parametrize("n_ctx", [1, 2, 3])
def test_the_shortest_contexts_generate(n_ctx: int) -> None:
    decoder = small_model(n_ctx=n_ctx)
    prompts = [[3], [4] * n_ctx]
    rows = generate(decoder, prompts, max_new_tokens=9, temperature=0.0)
    assert rows == [greedy_without_cache(decoder, prompt, 9) for prompt in prompts]


def test_equal_seeds_give_equal_tokens_and_others_differ() -> None:
    decoder = small_model()
    prompt = torch.tensor([[1, 2]])
    first, again, other = (
        generate(decoder, prompt, max_new_tokens=20, generator=seeded(seed)) for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_with_its_own_generator_a_sequence_does_not_depend_on_its_neighbors() -> None:
    decoder = small_model()
    prompts = torch.tensor([[1, 2], [3, 4], [5, 6]])
    together = generate(decoder, prompts, max_new_tokens=9, generator=[seeded(s) for s in range(3)])
    alone = [
        generate(decoder, prompts[row : row + 1], max_new_tokens=9, generator=seeded(row))[0]
        for row in range(3)
    ]
    assert together == alone


def test_a_sequence_ends_with_its_stop_token_and_the_others_go_on() -> None:
    decoder = small_model()
    prompts = torch.tensor([[1, 2], [3, 4]])
    free = generate(decoder, prompts, max_new_tokens=15, generator=seeded(3))
    stop = next(token for token in free[0] if token not in free[1])
    stopped = generate(decoder, prompts, max_new_tokens=15, generator=seeded(3), stop_ids={stop})
    assert stopped == [free[0][: free[0].index(stop) + 1], free[1]]


def test_the_steps_are_the_columns_of_the_rows() -> None:
    decoder = small_model()
    rows = generate(decoder, UNEQUAL, max_new_tokens=15, temperature=0.0)
    steps = generate_steps(decoder, UNEQUAL, max_new_tokens=15, sampling=Sampling(temperature=0.0))
    assert list(steps) == [list(step) for step in zip(*rows, strict=True)]


def test_generation_ends_when_every_sequence_has_stopped() -> None:
    decoder = small_model()
    calls = []
    decoder.register_forward_hook(lambda *_: calls.append(1))
    rows = generate(decoder, [[1], [2]], max_new_tokens=50, stop_ids=range(23))
    assert [len(row) for row in rows] == [1, 1]
    assert len(calls) == 1


def test_padding_of_the_vocabulary_is_never_chosen() -> None:
    decoder = small_model()
    with torch.no_grad():
        decoder.wte.weight[20:] *= 50  # the padding would win and lose by far
    settings: list[dict[str, Any]] = [{"temperature": 0.0}, {"top_k": 21}, {"top_p": 0.999}, {}]
    for setting in settings:
        rows = generate(
            decoder,
            torch.randint(20, (8, 3), generator=seeded(0)),
            max_new_tokens=12,
            vocab_size=20,
            generator=seeded(1),
            **setting,
        )
        assert max(max(row) for row in rows) < 20


def test_dropout_and_autocast_are_left_out_and_the_mode_is_kept() -> None:
    decoder = small_model(embd_pdrop=0.5, attn_pdrop=0.5, resid_pdrop=0.5)
    expected = generate(decoder, UNEQUAL, max_new_tokens=20, temperature=0.0)
    decoder.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generate(decoder, UNEQUAL, max_new_tokens=20, temperature=0.0) == expected
    assert decoder.training


@pytest.mark.parametrize("prompts", [[[1, 2]], UNEQUAL])
def test_a_decoder_in_bfloat16_generates(prompts: list[list[int]]) -> None:
    decoder = small_model()
    rows = generate(decoder.bfloat16(), prompts, max_new_tokens=30, top_p=0.9)
    assert [len(row) for row in rows] == [30] * len(prompts)


def test_the_penalty_on_repetition_counts_each_text_s_own_tokens_prompt_and_answer() -> None:
    decoder = small_model()

    def expected(prompt: list[int]) -> list[int]:
        ids = list(prompt)
        for _ in range(12 - len(prompt)):
            with torch.no_grad():
                logits = decoder.logits(decoder(torch.tensor([ids])))[0, -1]
            for token in set(ids):
                logits[token] *= 3.0 if logits[token] < 0 else 1 / 3.0
            ids.append(int(logits.argmax()))
        return ids[len(prompt) :]

    prompts = [[1, 2], [9, 8, 7, 6, 5]]
    rows = generate(decoder, prompts, max_new_tokens=7, temperature=0.0, repetition_penalty=3.0)
    assert rows == [expected(prompt)[:7] for prompt in prompts]
    assert rows != generate(decoder, prompts, max_new_tokens=7, temperature=0.0)


def test_tokens_are_made_when_they_are_asked_for() -> None:
    decoder = small_model()
    calls = []
    decoder.register_forward_hook(lambda *_: calls.append(1))
    steps = generate_steps(decoder, torch.tensor([[1]]), max_new_tokens=100, sampling=Sampling())
    assert not calls
    next(steps)
    next(steps)
    steps.close()
    assert len(calls) == 2


def test_only_the_last_position_gets_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = small_model()
    shapes = []

    def logits(hidden: Tensor) -> Tensor:
        shapes.append(tuple(hidden.shape))
        return Decoder.logits(decoder, hidden)

    monkeypatch.setattr(decoder, "logits", logits)
    generate(decoder, torch.tensor([[1, 2, 3, 4]]), max_new_tokens=3)
    assert shapes == [(1, 16)] * 3


def test_no_prompt_and_no_token_to_add_give_nothing() -> None:
    decoder = small_model()
    assert generate(decoder, [], max_new_tokens=5) == []
    assert generate(decoder, [[1], [2, 3]], max_new_tokens=0) == [[], []]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, r"temperature: -0\.1; expected at least 0 \(0 takes the likeliest token\)"),
        ({"temperature": math.nan}, r"temperature: nan; expected at least 0 \(0 takes the likeliest token\)"),
        ({"temperature": math.inf}, r"temperature: inf; expected at least 0 \(0 takes the likeliest token\)"),
        ({"top_k": -1}, r"top_k: -1; expected at least 0 \(0 is off\)"),
        ({"top_p": 0.0}, r"top_p: 0\.0; expected more than 0 and at most 1 \(1 is off\)"),
        ({"top_p": 1.1}, r"top_p: 1\.1; expected more than 0 and at most 1 \(1 is off\)"),
        ({"top_p_rule": "cut"}, "top_p_rule: 'cut'; expected keep or drop"),
        ({"repetition_penalty": 0.0}, r"repetition_penalty: 0\.0; expected more than 0 \(1 is off\)"),
        ({"max_new_tokens": -1}, "max_new_tokens: -1; expected at least 0"),
        ({"top_k": -1, "top_p": 2.0}, r"top_k: -1; .*; top_p: 2\.0; "),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    decoder = small_model()
    with pytest.raises(ValueError, match=message):
        generate(decoder, torch.tensor([[1]]), **{"max_new_tokens": 1, **settings})


def test_prompts_that_do_not_fit_are_refused_with_both_numbers() -> None:
    decoder = small_model()
    with pytest.raises(ValueError, match="prompt: 13 tokens; expected at most 12, the context length"):
        generate(decoder, [[1], [0] * 13], max_new_tokens=1)
    with pytest.raises(ValueError, match="prompt: no token; expected at least one"):
        generate(decoder, torch.zeros(1, 0, dtype=torch.long), max_new_tokens=1)
    for token in (23, -1):
        with pytest.raises(ValueError, match=f"token id: {token}; expected 0 to 22"):
            generate(decoder, torch.tensor([[1, token]]), max_new_tokens=1)
    with pytest.raises(ValueError, match="token id: 20; expected 0 to 19"):
        generate(decoder, torch.tensor([[20]]), max_new_tokens=1, vocab_size=20)
    with pytest.raises(ValueError, match="generators: 1; expected one for each of 2 rows"):
        generate(decoder, [[1], [2]], max_new_tokens=1, generator=[seeded(0)])


def test_diverged_weights_are_named() -> None:
    decoder = small_model()
    with torch.no_grad():
        decoder.wpe.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match="logits: not finite; expected finite values"):
        generate(decoder, torch.tensor([[1]]), max_new_tokens=1)
