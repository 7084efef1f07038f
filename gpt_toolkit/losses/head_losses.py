"""Logits of a head -> L2 of GPT-1, as a sum over rows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """L2 (GPT-1 eq. 4), summed over the rows: negative log-likelihood of each row's class, in nats.

    Args:
        logits: ``(B, n)``: of classes, or of a question's answers.
        target: ``(B,)``, int64.
    """
    return F.cross_entropy(logits.float(), target, reduction="sum")


def grade_loss(logits: Tensor, target: Tensor) -> Tensor:
    """L2 of a graded set, summed over the rows: a grade is divided between its two nearest levels.

    3.8 is 0.8 of level 4 and 0.2 of level 3, after Tai et al. (2015), whose encoder the released code holds
    (utils.py); the paper does not say how STS-B was learned.

    Args:
        logits: ``(B, n)``: of the levels 0 to n - 1.
        target: ``(B,)``, fp32, in ``[0, n - 1]``.
    """
    levels = torch.arange(logits.shape[1], device=logits.device)
    shares = (1.0 - (target[:, None] - levels).abs()).clamp_min(0.0)  # (B, n)
    return F.cross_entropy(logits.float(), shares, reduction="sum")


def expected_grade(logits: Tensor) -> Tensor:
    """The grade that a graded set's logits stand for: ``(B, n)`` to ``(B,)``, the mean of the levels."""
    levels = torch.arange(logits.shape[1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(dim=1) @ levels
