"""Heads of GPT-1's supervised tasks: hidden states -> scores of classes or answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClassificationHead(nn.Module):
    """Scores of an example's classes, from the state of its extract token (GPT-1 eq. 3).

    An example has one sequence or, for similarity, one for each order of its two texts. Their states are
    added before the linear map (GPT-1 §3.3), so the order of the texts does not matter.

    Args:
        n_embd: Width of the states, D.
        n_outputs: Number of classes.
        clf_pdrop: Dropout before the map (GPT-1 §4.1: 0.1).

    Shape:
        ``(B, C, D)`` to ``(B, n_outputs)``.
    """

    def __init__(self, n_embd: int, n_outputs: int, clf_pdrop: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(clf_pdrop)
        self.linear = _head_linear(n_embd, n_outputs)

    def forward(self, states: Tensor) -> Tensor:
        return self.linear(self.dropout(states.sum(dim=1)))  # type: ignore[no-any-return]


class MultipleChoiceHead(nn.Module):
    """One score for each answer, for a softmax over the answers of a question (GPT-1 §3.3).

    Dropout removes the same components from all answers of a question (released code: train.py, clf).

    Args:
        n_embd: Width of the states, D.
        clf_pdrop: Dropout before the map (GPT-1 §4.1: 0.1).

    Shape:
        ``(B, C, D)`` to ``(B, C)``.
    """

    def __init__(self, n_embd: int, clf_pdrop: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(clf_pdrop)
        self.linear = _head_linear(n_embd, 1)

    def forward(self, states: Tensor) -> Tensor:
        if self.training and self.dropout.p > 0:
            states = states * self.dropout(torch.ones_like(states[:, :1]))
        return self.linear(states).squeeze(-1)  # type: ignore[no-any-return]


def _head_linear(n_embd: int, n_outputs: int) -> nn.Linear:
    """Return a linear map with weights from N(0, 0.02) and bias 0 (released code: train.py, clf)."""
    linear = nn.Linear(n_embd, n_outputs)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear
