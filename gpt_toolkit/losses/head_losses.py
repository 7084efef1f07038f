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


def grade_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return L2 of graded examples, summed: a grade is divided between its two nearest levels.

    3.8 is 0.8 of level 4 and 0.2 of level 3, after Tai et al. (2015), whose encoding is in the released code
    (utils.py). The paper does not say how STS-B was learned.

    Args:
        logits: ``(B, n)``, of the levels 0 to n - 1.
        target: ``(B,)``, fp32, in ``[0, n - 1]``.
    """
    levels = torch.arange(logits.shape[1], device=logits.device)
    fractions = (1.0 - (target[:, None] - levels).abs()).clamp_min(0.0)  # (B, n)
    return F.cross_entropy(logits.float(), fractions, reduction="sum")


def expected_grade(logits: Tensor) -> Tensor:
    """Return the mean of the levels under the softmax of their logits: ``(B, n)`` to ``(B,)``."""
    levels = torch.arange(logits.shape[1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(dim=1) @ levels
