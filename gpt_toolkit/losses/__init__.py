"""Losses of both papers, as sums: over tokens (L1), over examples (L2)."""

from gpt_toolkit.losses.head_losses import class_loss, expected_grade, grade_loss, with_auxiliary_loss
from gpt_toolkit.losses.token_cross_entropy import linear_cross_entropy, sequence_mean_loss, token_losses

__all__ = [
    "class_loss",
    "expected_grade",
    "grade_loss",
    "linear_cross_entropy",
    "sequence_mean_loss",
    "token_losses",
    "with_auxiliary_loss",
]
