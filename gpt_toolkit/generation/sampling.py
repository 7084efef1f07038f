"""The choice of the next token: the likeliest, or a draw among the likeliest ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

TopPRule: TypeAlias = Literal["keep", "drop"]
"""``keep`` or ``drop`` the token with which the likeliest ones together cross ``top_p``."""

Generators: TypeAlias = torch.Generator | Sequence[torch.Generator] | None

_TOP_P_TOKENS = 1024
"""Number of tokens to sort at first for ``top_p`` (tuned here: a sort of GPT-2's vocabulary takes 4 ms)."""
_TOP_K_EXTRA = 64
"""Number of tokens to sort at first beyond twice ``top_k`` (tuned here: in bf16 many tie with the last)."""


@dataclass(frozen=True)
class Sampling:
    """Settings of a draw, in the order in which GPT-2's released code (sample.py) applies them.

    Args:
        temperature: Divisor of the logits; 0 always takes the likeliest token (greedy).
        top_k: Number of likeliest tokens to draw from, and all ties with the last of them; 0 is off.
        top_p: Probability that the likeliest tokens to draw from reach together; 1 is off.
        top_p_rule: ``keep`` includes the token that crosses ``top_p``, as most later code does. ``drop``
            excludes it unless it is the first, as GPT-2's released code does (sample.py, top_p_logits).
        repetition_penalty: Divisor of positive logits, and factor of negative ones, of every token in the
            text (CTRL, Keskar et al. 2019, §4.1). Applied first; 1 is off.

    Raises:
        ValueError: If a value is out of range; the message names all of them.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    top_p_rule: TopPRule = "keep"
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if not 0.0 <= self.temperature < math.inf:
            problems.append(
                f"temperature: {self.temperature}; expected at least 0 (0 takes the likeliest token)"
            )
        if self.top_k < 0:
            problems.append(f"top_k: {self.top_k}; expected at least 0 (0 is off)")
        if not 0.0 < self.top_p <= 1.0:
            problems.append(f"top_p: {self.top_p}; expected more than 0 and at most 1 (1 is off)")
        if self.top_p_rule not in get_args(TopPRule):
            problems.append(f"top_p_rule: {self.top_p_rule!r}; expected keep or drop")
        if not 0.0 < self.repetition_penalty < math.inf:
            problems.append(f"repetition_penalty: {self.repetition_penalty}; expected more than 0 (1 is off)")
        if problems:
            raise ValueError("; ".join(problems))


@torch.inference_mode()
def choose(
    logits: Tensor, sampling: Sampling, generator: Generators = None, text: Tensor | None = None
) -> Tensor:
    """Choose a token from each row of logits.

    A draw takes one random number for each row and finds its place in the running sum of the probabilities.

    Args:
        logits: ``(B, V)``.
        sampling: How to draw.
        generator: Source of the draws, on the logits' device: one for all rows, or one for each.
        text: ``(B, T)``, the tokens so far, for the repetition penalty; repetitions do not matter.

    Returns:
        ``(B,)``.
    """
    logits = logits.float()
    if sampling.repetition_penalty != 1.0 and text is not None:
        repeated = logits.gather(1, text)
        penalty = sampling.repetition_penalty
        logits = logits.scatter(1, text, torch.where(repeated < 0, repeated * penalty, repeated / penalty))
    if sampling.temperature == 0.0:
        return logits.argmax(dim=-1)
    temperature = max(sampling.temperature, torch.finfo(torch.float32).tiny)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature  # at most 0, however cold
    vocab_size = logits.shape[-1]
    limits_k = 0 < sampling.top_k < vocab_size
    if not limits_k and sampling.top_p == 1.0:
        return _draw(logits.softmax(dim=-1), generator)
    n = min(vocab_size, 2 * sampling.top_k + _TOP_K_EXTRA if limits_k else _TOP_P_TOKENS)
    while True:
        ordered, index = _likeliest(logits, n)  # (B, n)
        kept, probabilities = _keep(ordered, logits, sampling, limits_k=limits_k)
        # If the last one is excluded, all behind it are. If not, ties with it may follow behind.
        if n == vocab_size or not bool((kept & (ordered == ordered[:, -1:])).any()):
            chosen = _draw(probabilities.masked_fill(~kept, 0.0), generator)
            return index.gather(1, chosen[:, None])[:, 0]
        n = min(vocab_size, 64 * n)


def _likeliest(logits: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the logits of the n likeliest tokens, ``(B, n)``, and their ids; ties are ordered by id.

    In bf16 ties are common, and ``topk`` orders them differently for each n. The draw of a row would then
    depend on how many tokens the other rows need.
    """
    if n == logits.shape[-1]:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        return ordered, index
    index = logits.topk(n).indices.sort(dim=-1).values
    ordered, order = logits.gather(1, index).sort(dim=-1, descending=True, stable=True)
    return ordered, index.gather(1, order)


def _keep(ordered: Tensor, logits: Tensor, sampling: Sampling, *, limits_k: bool) -> tuple[Tensor, Tensor]:
    """Return which of the likeliest tokens ``(B, n)`` to draw from, and the probability of each."""
    if limits_k:
        kept = ordered >= ordered[:, sampling.top_k - 1 : sampling.top_k]
        weights = ordered.exp().masked_fill(~kept, 0.0)
        probabilities = weights / weights.cumsum(dim=-1)[:, -1:]  # the same sum for every n
    else:
        kept = torch.ones_like(ordered, dtype=torch.bool)
        probabilities = (ordered - logits.logsumexp(dim=-1, keepdim=True)).exp()
    if sampling.top_p == 1.0:
        return kept, probabilities
    running = probabilities.cumsum(dim=-1)
    if sampling.top_p_rule == "keep":
        within = running - probabilities < sampling.top_p  # the sum over all likelier ones
        within[:, 0] = True  # for a top_p below the rounding error
    else:
        last = ((running <= sampling.top_p).sum(dim=-1, keepdim=True) - 1).clamp(min=0)
        within = ordered >= ordered.gather(1, last)  # the released code compares values: ties stay
    return kept & within, probabilities


def _draw(weights: Tensor, generator: Generators) -> Tensor:
    """Draw an index from each row of weights ``(B, n)``; one of weight 0 is never drawn."""
    running = weights.cumsum(dim=-1)
    total = running[:, -1:]
    if isinstance(generator, Sequence):
        if len(generator) != len(weights):
            raise ValueError(f"generators: {len(generator)}; expected one for each of {len(weights)} rows")
        draws = [torch.rand(1, generator=each, device=weights.device) for each in generator]
        uniform = torch.stack(draws)  # (B, 1)
    else:
        uniform = torch.rand(len(weights), 1, generator=generator, device=weights.device)
    return torch.searchsorted(running, uniform * total, right=True)[:, 0]  # always below the total
