"""Loss curves of a run: read from its ``metrics.csv``, as a figure and as ASCII."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

Curve = list[tuple[int, float]]
"""Steps and values."""


def read_curves(path: Path) -> dict[str, Curve]:
    """Return the columns of a run's ``metrics.csv`` by name.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    curves: dict[str, Curve] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if name != "step" and value:
                    curves.setdefault(name, []).append((int(row["step"]), float(value)))
    return curves


def draw_losses(curves: Mapping[str, Curve], path: Path, *, lines: Mapping[str, float]) -> None:
    """Write a figure of the loss over the steps.

    Args:
        curves: ``train_loss`` and ``val_loss``, each if it exists.
        path: The file.
        lines: Losses to compare with, drawn as horizontal lines.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    if train := curves.get("train_loss"):
        axes.plot(*zip(*train, strict=True), linewidth=0.8, label="training")
    if val := curves.get("val_loss"):
        axes.plot(*zip(*val, strict=True), marker="o", label="validation")
    for name, value in lines.items():
        axes.axhline(value, linestyle="--", linewidth=0.9, color="tab:gray")
        place = (0.99, value)
        axes.annotate(name, place, xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    axes.set(xlabel="step", ylabel="loss, nats per token")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def ascii_plot(curve: Sequence[tuple[int, float]], width: int = 60, height: int = 10) -> list[str]:
    """Return a curve as lines of text, the highest value on top; no lines for an empty curve."""
    if not curve:
        return []
    steps, values = zip(*curve, strict=True)
    low, high = min(values), max(values)
    first, last = steps[0], max(steps[-1], steps[0] + 1)
    grid = [[" "] * width for _ in range(height)]
    for step, value in curve:
        column = round((step - first) / (last - first) * (width - 1))
        row = round((high - value) / max(high - low, 1e-9) * (height - 1))
        grid[row][column] = "*"
    lines = [
        f"{high - (high - low) * row / (height - 1):8.3f} |{''.join(cells)}" for row, cells in enumerate(grid)
    ]
    axis = f"{first:,}".ljust(width - len(f"{last:,}")) + f"{last:,}"
    return [*lines, " " * 9 + "+" + "-" * width, " " * 10 + axis]
