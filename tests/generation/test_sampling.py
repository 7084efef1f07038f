from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.generation import Sampling, choose
from tests.generation.conftest import seeded


def frequencies(logits: list[float], n: int = 4000, **settings: Any) -> list[float]:
    rows = torch.tensor([logits]).expand(n, -1)
    chosen = choose(rows, Sampling(**settings), seeded(0))
    return (chosen.bincount(minlength=len(logits)) / n).tolist()


def drawn(logits: list[float], **settings: Any) -> list[bool]:
    return [share > 0 for share in frequencies(logits, **settings)]


def released_top_p(logits: Tensor, p: float) -> Tensor:
    """Compute top_p_logits of GPT-2's released sample.py, in torch."""
    ordered = logits.sort(descending=True).values
    cumulative = ordered.softmax(-1).cumsum(-1)
    last = ((cumulative <= p).sum() - 1).clamp(min=0)
    return torch.where(logits < ordered[last], torch.full_like(logits, -1e10), logits)


def test_draws_follow_the_softmax_of_logits_over_temperature() -> None:
    logits = [2.0, 1.0, 0.0, -1.0]
    for temperature in (0.5, 1.0, 3.0):
        expected = (torch.tensor(logits) / temperature).softmax(0).tolist()
        assert frequencies(logits, temperature=temperature) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("settings", [{}, {"top_k": 3}, {"top_p": 0.9}])
def test_temperature_zero_and_the_coldest_ones_take_the_likeliest(settings: dict[str, Any]) -> None:
    for temperature in (0.0, 1e-6, 1e-300):
        assert frequencies([1.0, 3.0, 2.0, 0.0], temperature=temperature, **settings) == [0.0, 1.0, 0.0, 0.0]


def test_top_k_keeps_ties_with_the_last_and_zero_is_off() -> None:
    logits = [1.0, 3.0, 1.0, 0.0]
    assert drawn(logits, top_k=2) == [True, True, True, False]
    assert drawn(logits, top_k=1) == [False, True, False, False]
    assert drawn([1.0] * 5 + [0.0], top_k=2) == [True] * 5 + [False]
    assert all(drawn(logits, top_k=0))
    assert all(drawn(logits, top_k=99))


def test_top_p_keeps_the_token_that_crosses_it() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().tolist()
    assert drawn(logits, top_p=0.4) == [False, True, False]
    assert drawn(logits, top_p=0.6) == [False, True, True]
    assert frequencies(logits, top_p=0.6)[1] == pytest.approx(0.5 / 0.8, abs=0.03)
    assert all(drawn(logits, top_p=0.81))
    assert drawn(logits, top_p=1e-9) == [False, True, False]


def test_top_p_drops_the_crossing_token_where_asked_as_the_released_code_does() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().tolist()
    assert drawn(logits, top_p=0.6, top_p_rule="drop") == [False, True, False]
    assert drawn(logits, top_p=0.4, top_p_rule="drop") == [False, True, False]  # the first stays
    for seed in range(5):
        values = torch.randn(9, generator=seeded(seed)).round(decimals=0)  # with ties
        for p in (0.2, 0.5, 0.7, 0.95):
            expected = (released_top_p(values, p) > -1e9).tolist()
            assert drawn(values.tolist(), top_p=p, top_p_rule="drop") == expected


def test_the_order_is_temperature_then_top_k_then_top_p() -> None:
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().tolist()
    # Among the two likeliest the first has 4/7 = 0.57, so 0.5 keeps it alone; among all it would not.
    assert drawn(logits, top_k=2, top_p=0.5) == [True, False, False, False]
    # A temperature of 2 evens the first's share to 0.33 of all.
    assert drawn(logits, temperature=2.0, top_p=0.35) == [True, True, False, False]


@pytest.mark.parametrize("rule", ["keep", "drop"])
@pytest.mark.parametrize("p", [0.3, 0.9, 0.999])
def test_a_large_vocabulary_is_cut_where_a_whole_sort_cuts_it(rule: Any, p: float) -> None:
    logits = torch.randn(3, 3000, generator=seeded(1)) * 2  # for 0.999, more than are ordered at first
    probabilities, index = logits.softmax(-1).sort(dim=-1, descending=True)
    running = probabilities.cumsum(-1)
    kept = running - probabilities < p if rule == "keep" else running <= p
    allowed = [set(row[keep].tolist()) for row, keep in zip(index, kept, strict=True)]
    generators = [seeded(row) for row in range(3)]
    for _ in range(300):
        chosen = choose(logits, Sampling(top_p=p, top_p_rule=rule), generators).tolist()
        assert all(token in row for token, row in zip(chosen, allowed, strict=True))


@pytest.mark.parametrize("settings", [{"top_k": 40}, {"top_p": 0.5}, {"top_k": 90, "top_p": 0.9}])
def test_ties_are_drawn_alike_whatever_the_rows_beside_them_need(settings: dict[str, Any]) -> None:
    logits = (torch.randn(3, 3000, generator=seeded(2)) * 4 - 30).bfloat16()  # a step of 0.125 between values
    logits[1] = -30.0  # all tie, so that all are ordered
    sampling = Sampling(**settings)
    for seed in range(100):
        together = choose(logits, sampling, [seeded(seed + row) for row in range(3)])
        alone = [choose(logits[row : row + 1], sampling, [seeded(seed + row)]) for row in range(3)]
        assert torch.equal(together, torch.cat(alone))


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.full((1, 50), -200.0)
    logits[0, 20] = 0.0
    for value in (0.0, 1.0 - 2.0**-24):  # the ends of what a generator gives

        class Fixed(torch.Generator):
            pass

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "rand", lambda *shape, value=value, **_: torch.full(shape, value))
            assert choose(logits, Sampling(), Fixed()).item() == 20
            assert choose(logits, Sampling(top_k=5), Fixed()).item() == 20


def test_the_repetition_penalty_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    logits = torch.randn(4, 30, generator=seeded(0)) * 3
    text = torch.randint(30, (4, 12), generator=seeded(1))
    for penalty in (0.5, 1.2, 3.0):
        expected = transformers.RepetitionPenaltyLogitsProcessor(penalty)(text, logits.clone())
        sampling = Sampling(temperature=0.0, repetition_penalty=penalty)
        assert torch.equal(choose(logits, sampling, text=text), expected.argmax(-1))
        hot = Sampling(temperature=0.7, repetition_penalty=penalty)
        assert torch.equal(
            choose(logits, hot, seeded(3), text), choose(expected, Sampling(temperature=0.7), seeded(3))
        )
