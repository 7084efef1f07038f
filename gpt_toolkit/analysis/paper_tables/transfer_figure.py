"""GPT-1's Figure 2 on the built-in world."""

from __future__ import annotations

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpt_toolkit.analysis.paired_differences import Estimate
from gpt_toolkit.analysis.paper_tables.assemble import Table


def draw(layers: Table, zero_shot: Table, path: Path) -> None:
    """Left: scores by the layers transferred; right: zero-shot scores while pre-training goes on.

    Args:
        layers: Columns 0 to n.
        zero_shot: Columns are steps; scores between guessing (0) and the state of the art (1).
        path: A .png.
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _layers(left, layers)
    _zero_shot(right, zero_shot)
    partial = path.with_name(f"{path.name}.partial")
    try:
        figure.savefig(partial, dpi=130, format="png")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _layers(axes: Axes, table: Table) -> None:
    for name, cells in table.rows.items():
        points = [(int(k), cell) for k, cell in zip(table.columns, cells, strict=True) if cell is not None]
        numbers = [(k, c) for k, c in points if isinstance(c, Estimate)]
        errors = [c.interval if math.isfinite(c.interval) else 0.0 for _, c in numbers]
        axes.errorbar(
            [k for k, _ in numbers],
            [c.mean for _, c in numbers],
            yerr=errors,
            marker="o",
            capsize=3,
            label=name,
        )
    axes.set(xlabel="layers transferred", ylabel="test accuracy, %", title="Storyworld: layers transferred")
    axes.set_xticks(range(len(table.columns)))
    _finish(axes, drawn=any(cell is not None for cells in table.rows.values() for cell in cells))


def _zero_shot(axes: Axes, table: Table) -> None:
    steps = [int(step.replace(",", "")) for step in table.columns]
    drawn = False
    for name, cells in table.rows.items():
        points = [
            (step, cell)
            for step, cell in zip(steps, cells, strict=True)
            if isinstance(cell, float) and math.isfinite(cell)
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
            drawn = True
    axes.axhline(0, linestyle="--", linewidth=0.8, color="tab:gray")
    axes.set(
        xlabel="steps of pre-training",
        ylabel="guessing 0, state of the art 1",
        title="Storyworld: zero-shot scores while pre-training",
    )
    _finish(axes, drawn=drawn)


def _finish(axes: Axes, *, drawn: bool) -> None:
    axes.grid(alpha=0.3)
    if drawn:
        axes.legend(fontsize="small")
    else:
        axes.text(0.5, 0.5, "no finished runs", ha="center", transform=axes.transAxes)
