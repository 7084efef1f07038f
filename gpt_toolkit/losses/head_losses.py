"""Losses of fine-tuning, as sums over examples: L2 of a head's logits, and L3 (GPT-1 eqs. 4 and 5)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def with_auxiliary_loss(l2: Tensor, l1: Tensor, lm_coef: float) -> Tensor:
    """Return L3 = L2 + λ L1 (GPT-1 eq. 5): the loss of the task and the weighted language-model loss.

    Args:
        l2: Loss of the heads, summed over examples.
        l1: Language-model loss on the same examples, each one's mean over its tokens, summed.
        lm_coef: λ; the paper's is 0.5.
    """
    return lm_coef * l1 + l2


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return L2 (GPT-1 eq. 4): the negative log-likelihood of each example's class in nats, summed.

    Args:
        logits: ``(B, n)``, of classes or choices.
        target: ``(B,)``, int64.
    """
    return F.cross_entropy(logits.float(), target, reduction="sum")


def grade_loss(logits: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """Return L2 of graded examples, summed: a grade is divided between its two nearest levels.

    3.8 is 0.8 of level 4 and 0.2 of level 3, after Tai et al. (2015), whose encoding is in the released code
    (utils.py). The paper does not say how STS-B was learned.

    Args:
        logits: ``(B, n)``, of the levels.
        target: ``(B,)``, fp32, between the lowest and the highest level.
        levels: Grades of the levels, ascending, ``(n,)``, fp32.
    """
    target = target.float()  # of the levels' type, also in half precision
    upper = torch.searchsorted(levels, target).clamp(1, len(levels) - 1)  # (B,)
    below, above = levels[upper - 1], levels[upper]
    fraction = ((target - below) / (above - below))[:, None]  # (B, 1)
    fractions = torch.zeros_like(logits, dtype=torch.float32)  # (B, n)
    fractions.scatter_(1, upper[:, None], fraction).scatter_(1, upper[:, None] - 1, 1.0 - fraction)
    return F.cross_entropy(logits.float(), fractions, reduction="sum")


def expected_grade(logits: Tensor, levels: Tensor) -> Tensor:
    """Return the mean of the levels ``(n,)`` under the softmax of their logits: ``(B, n)`` to ``(B,)``."""
    return logits.float().softmax(dim=1) @ levels
