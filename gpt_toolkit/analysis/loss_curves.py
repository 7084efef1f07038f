"""Loss curves, as a picture and in letters."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

Curve = list[tuple[int, float]]
"""Steps and values."""


def read_curves(path: Path) -> dict[str, Curve]:
    """Columns of a run's ``metrics.csv`` by name.

    Raises:
        FileNotFoundError: If there is none.
    """
    curves: dict[str, Curve] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if name != "step" and value:
                    curves.setdefault(name, []).append((int(row["step"]), float(value)))
    return curves


def draw(curves: dict[str, Curve], path: Path, *, lines: dict[str, float] | None = None) -> None:
    """The loss over the steps as a picture.

    Args:
        curves: ``train_loss`` and, if there is one, ``val_loss``.
        path: Where to.
        lines: Losses to compare with, drawn across.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    if train := curves.get("train_loss"):
        axes.plot(*zip(*train, strict=True), linewidth=0.8, label="training")
    if val := curves.get("val_loss"):
        axes.plot(*zip(*val, strict=True), marker="o", label="validation")
    for name, value in (lines or {}).items():
        axes.axhline(value, linestyle="--", linewidth=0.9, color="tab:gray")
        axes.annotate(
            name, (0.99, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
        )
    axes.set(xlabel="step", ylabel="loss, nats per token")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def letters(curve: Sequence[tuple[int, float]], width: int = 60, height: int = 10) -> list[str]:
    """A curve as lines of text, the highest value on top."""
    if not curve:
        return []
    steps, values = zip(*curve, strict=True)
    low, high = min(values), max(values)
    first, last = steps[0], max(steps[-1], steps[0] + 1)
    field = [[" "] * width for _ in range(height)]
    for step, value in curve:
        column = round((step - first) / (last - first) * (width - 1))
        row = round((high - value) / max(high - low, 1e-9) * (height - 1))
        field[row][column] = "*"
    shown = [
        f"{high - (high - low) * row / (height - 1):8.3f} |{''.join(line)}" for row, line in enumerate(field)
    ]
    axis = f"{first:,}".ljust(width - len(f"{last:,}")) + f"{last:,}"
    return [*shown, " " * 9 + "+" + "-" * width, " " * 10 + axis]
