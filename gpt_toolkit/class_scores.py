"""Scores of each class from a confusion matrix, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN_CLASSES = 12  # tuned here: their columns fit into a terminal
_LABEL_WIDTH = 16  # characters of a label in the table; tuned here


def class_scores(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of each class; a score without examples is 0, as in scikit-learn.

    Args:
        labels: Names of the classes.
        matrix: Number of examples by class, and by predicted class in it.
    """
    scores = {}
    for i, label in enumerate(labels):
        right, n_examples, n_predicted = matrix[i][i], sum(matrix[i]), sum(row[i] for row in matrix)
        scores[label] = {
            "precision": right / max(n_predicted, 1),
            "recall": right / max(n_examples, 1),
            "f1": 2 * right / max(n_examples + n_predicted, 1),
        }
    return scores


def confusions(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> dict[str, dict[str, int]]:
    """Return the counts of a confusion matrix that are not 0, by class and predicted class."""
    return {
        label: {other: n for other, n in zip(labels, row, strict=True) if n}
        for label, row in zip(labels, matrix, strict=True)
    }


def class_table(described: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: scores of each class and the confusion matrix.

    Of many classes, the most frequent confusions alone are listed.

    Args:
        described: Description of an evaluation, see :meth:`~gpt_toolkit.metrics.DatasetMetrics.describe`.
    """
    scores, counts = described.get("class_scores", {}), described.get("confusion_matrix", {})
    if not scores:
        return []
    if len(scores) > _SHOWN_CLASSES:
        wrong = [
            (n, true, other) for true, row in counts.items() for other, n in row.items() if true != other
        ]
        most = sorted(wrong, key=lambda one: -one[0])[:_SHOWN_CLASSES]
        listed = ", ".join(f"{true} as {other} {n:,}" for n, true, other in most)
        return [f"most frequent confusions: {listed or 'none'}"]
    short = {label: _shorten(label) for label in scores}
    first = max(map(len, ("true class", *short.values())))
    widths = {label: max(len(name), 6) for label, name in short.items()}
    names = " ".join(f"{name:>{widths[label]}}" for label, name in short.items())
    lines = [f"{'true class':{first}}  precision  recall      f1  |  predicted: {names}"]
    for label, values in scores.items():
        of_class = f"{values['precision']:9.4f}  {values['recall']:6.4f}  {values['f1']:6.4f}"
        row = " ".join(f"{counts[label].get(other, 0):{widths[other]},}" for other in scores)
        lines.append(f"{short[label]:{first}}  {of_class}  |  {'':10} {row}")
    return lines


def _shorten(label: str) -> str:
    return label if len(label) <= _LABEL_WIDTH else f"{label[: _LABEL_WIDTH - 3]}..."
