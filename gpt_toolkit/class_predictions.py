"""Predictions of heads: from logits to names of classes, grades or choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.losses import expected_grade


@dataclass(frozen=True)
class Prediction:
    """Prediction of a head for one example.

    Attributes:
        label: The likeliest class by its name, the likeliest choice by its name or number, or the grade.
        probabilities: Probability of each class, choice or level of a grade, by name.
        is_truncated: Whether the texts were longer than the head's sequences, so that it read a part of them.
    """

    label: str | int | float
    probabilities: Mapping[str, float]
    is_truncated: bool = False

    @property
    def probability(self) -> float:
        """Probability of the likeliest class, choice or level."""
        return max(self.probabilities.values())


def predicted_targets(spec: TaskSpec, logits: Tensor) -> Tensor:
    """Return grades if the dataset is graded, else the likeliest class or choice: ``(B, n)`` to ``(B,)``."""
    if spec.levels:
        return expected_grade(logits, torch.tensor(spec.levels, device=logits.device))
    return logits.argmax(dim=1)


def predictions_of(spec: TaskSpec, logits: Tensor) -> list[Prediction]:
    """Return the prediction of each example from the scores of its possible answers, ``(B, n)``."""
    logits = logits.float()
    targets, n = predicted_targets(spec, logits).tolist(), logits.shape[1]
    names = spec.answer_names if len(spec.answer_names) == n else tuple(map(str, range(n)))
    return [
        Prediction(label_of(spec, target), dict(zip(names, row, strict=True)))
        for target, row in zip(targets, logits.softmax(dim=1).tolist(), strict=True)
    ]


def label_of(spec: TaskSpec, target: float) -> str | int | float:
    """Return a class or choice by its name, a choice without a name by its number, a grade rounded."""
    if spec.levels:
        return round(target, 4)
    return spec.labels[int(target)] if int(target) < len(spec.labels) else int(target)


def prediction_line(
    spec: TaskSpec, prediction: Prediction, texts: Sequence[str], target: float | None
) -> dict[str, Any]:
    """Return an example and its prediction as plain types, for a line of JSON.

    Args:
        spec: The dataset.
        prediction: Prediction of the example.
        texts: Texts of the example; empty to leave them out.
        target: Correct class, choice or grade; None to leave it out.
    """
    line: dict[str, Any] = {"texts": list(texts)} if texts else {}
    line["prediction"] = prediction.label
    if target is not None:
        line["target"] = label_of(spec, target)
    line["probabilities"] = {name: round(p, 5) for name, p in prediction.probabilities.items()}
    return line
