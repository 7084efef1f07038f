"""Which token comes next: the likeliest, or a draw among the likely ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

TopPRule: TypeAlias = Literal["keep", "drop"]
"""What becomes of the token with which the likeliest ones together cross ``top_p``."""

Generators: TypeAlias = torch.Generator | Sequence[torch.Generator] | None

_NUCLEUS = 1024
"""Tokens that are ordered at first for ``top_p``; ours: a sort of GPT-2's vocabulary takes 4 ms."""
_TIES = 64
"""Tokens that are ordered at first beside twice ``top_k``; ours: in bf16 many tie with the last of these."""


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn, in the order in which GPT-2's released code (sample.py) does it.

    Args:
        temperature: Divides the logits; 0 takes the likeliest token each time (greedy).
        top_k: Draw among the k likeliest tokens, ties with the last of them included; 0 is off.
        top_p: Draw among the likeliest tokens that together reach this probability; 1 is off.
        top_p_rule: ``keep`` leaves the token that crosses ``top_p`` in, as most later code does; ``drop``
            takes it out unless it is the first, as GPT-2's released code does (sample.py, top_p_logits).
        repetition_penalty: Divides the logits that are positive, and multiplies those that are negative, of
            every token that is in the text already, before all else (CTRL, Keskar et al. 2019, §4.1); 1 is
            off.

    Raises:
        ValueError: Naming every value that is out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    top_p_rule: TopPRule = "keep"
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if faults := self._faults():
            raise ValueError("; ".join(faults))

    def _faults(self) -> list[str]:
        faults = []
        if not 0.0 <= self.temperature < math.inf:
            faults.append(
                f"temperature is {self.temperature}, expected at least 0 (0 takes the likeliest token)"
            )
        if self.top_k < 0:
            faults.append(f"top_k is {self.top_k}, expected at least 0 (0 is off)")
        if not 0.0 < self.top_p <= 1.0:
            faults.append(f"top_p is {self.top_p}, expected more than 0 and at most 1 (1 is off)")
        if self.top_p_rule not in get_args(TopPRule):
            faults.append(f"top_p_rule is {self.top_p_rule!r}, expected keep or drop")
        if not 0.0 < self.repetition_penalty < math.inf:
            faults.append(f"repetition_penalty is {self.repetition_penalty}, expected more than 0 (1 is off)")
        return faults


@torch.inference_mode()
def choose(
    logits: Tensor, sampling: Sampling, generator: Generators = None, text: Tensor | None = None
) -> Tensor:
    """Take a token from each row of logits.

    A draw costs one random number a row: where it falls in the running sum of the probabilities.

    Args:
        logits: ``(B, V)``.
        sampling: How.
        generator: Source of the draws, on the logits' device: one for all rows, or one a row.
        text: ``(B, T)``, the tokens so far, for the repetition penalty; any of them as often as one likes.

    Returns:
        ``(B,)``.
    """
    logits = logits.float()
    if sampling.repetition_penalty != 1.0 and text is not None:
        there = logits.gather(1, text)
        penalty = sampling.repetition_penalty
        logits = logits.scatter(1, text, torch.where(there < 0, there * penalty, there / penalty))
    if sampling.temperature == 0.0:
        return logits.argmax(dim=-1)
    temperature = max(sampling.temperature, torch.finfo(torch.float32).tiny)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature  # at most 0, however cold
    vocab_size = logits.shape[-1]
    limits_k = 0 < sampling.top_k < vocab_size
    if not limits_k and sampling.top_p == 1.0:
        return _draw(logits.softmax(dim=-1), generator)
    n = min(vocab_size, 2 * sampling.top_k + _TIES if limits_k else _NUCLEUS)
    while True:
        ordered, index = _likeliest(logits, n)  # (B, n)
        kept, probabilities = _keep(ordered, logits, sampling, limits_k=limits_k)
        # What is behind the last one is out with it; ties with it may be behind it.
        if n == vocab_size or not bool((kept & (ordered == ordered[:, -1:])).any()):
            chosen = _draw(probabilities.masked_fill(~kept, 0.0), generator)
            return index.gather(1, chosen[:, None])[:, 0]
        n = min(vocab_size, 64 * n)


def _likeliest(logits: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n likeliest tokens ``(B, n)`` and their ids, ties by id.

    In bf16 ties are many, and ``topk`` orders them otherwise for another n: a row's draw would depend on how
    many tokens the rows beside it need.
    """
    if n == logits.shape[-1]:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        return ordered, index
    index = logits.topk(n).indices.sort(dim=-1).values
    ordered, order = logits.gather(1, index).sort(dim=-1, descending=True, stable=True)
    return ordered, index.gather(1, order)


def _keep(ordered: Tensor, logits: Tensor, sampling: Sampling, *, limits_k: bool) -> tuple[Tensor, Tensor]:
    """Of the likeliest tokens ``(B, n)``, which stay, and the probability of each."""
    if limits_k:
        kept = ordered >= ordered[:, sampling.top_k - 1 : sampling.top_k]
        weights = ordered.exp().masked_fill(~kept, 0.0)
        probabilities = weights / weights.cumsum(dim=-1)[:, -1:]  # the same sum, however many are behind
    else:
        kept = torch.ones_like(ordered, dtype=torch.bool)
        probabilities = (ordered - logits.logsumexp(dim=-1, keepdim=True)).exp()
    if sampling.top_p == 1.0:
        return kept, probabilities
    running = probabilities.cumsum(dim=-1)
    if sampling.top_p_rule == "keep":
        within = running - probabilities < sampling.top_p  # by all that are likelier
        within[:, 0] = True  # rounding never leaves a row empty
    else:
        last = ((running <= sampling.top_p).sum(dim=-1, keepdim=True) - 1).clamp(min=0)
        within = ordered >= ordered.gather(1, last)  # the released code compares values: ties stay
    return kept & within, probabilities


def _draw(weights: Tensor, generator: Generators) -> Tensor:
    """A place in each row ``(B, n)``, as likely as its weight; one of weight 0 is never drawn."""
    running = weights.cumsum(dim=-1)
    total = running[:, -1:]
    if isinstance(generator, Sequence):
        if len(generator) != len(weights):
            raise ValueError(f"{len(generator)} generators for {len(weights)} rows; give one each")
        draws = [torch.rand(1, generator=own, device=weights.device) for own in generator]
        uniform = torch.stack(draws)  # (B, 1)
    else:
        uniform = torch.rand(len(weights), 1, generator=generator, device=weights.device)
    return torch.searchsorted(running, uniform * total, right=True)[:, 0]  # always below the total
