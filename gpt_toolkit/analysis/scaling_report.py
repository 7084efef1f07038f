"""Tables, JSON and figures of a scaling law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from gpt_toolkit.analysis.scaling_law import (
    HUBER_DELTA,
    HeldOut,
    Interval,
    Law,
    Over,
    Point,
    ScalingLaw,
    choose_law,
    fit_law,
    hold_out_largest,
    inputs_of,
)
from gpt_toolkit.io import atomic_file

INTERVALS = "95% intervals by a parametric bootstrap of the runs, widened by Student's t"
_LOWEST_LINE = 0.2  # below this fraction of the lowest loss, the line would leave no height to the curves
_LABELS = {
    "parameters": "parameters without embeddings",
    "tokens": "training tokens",
    "compute": "training FLOPs",
    "both": "parameters without embeddings",
}


@dataclass(frozen=True)
class ScalingReport:
    """A law, and how well it predicts the largest size.

    Attributes:
        points: The runs.
        law: Fitted to all of them.
        held_out: Prediction of the largest size; None where the other runs are too few.
        notes: What limits the result, a sentence each.
    """

    points: Sequence[Point]
    law: ScalingLaw
    held_out: HeldOut | None
    notes: Sequence[str]

    def print(self) -> None:
        """Print the runs, the law and the prediction of the largest size."""
        console = Console()
        if not console.is_terminal:  # a file or a pipe has no edge
            console = Console(width=160)
        console.print(self._table())
        console.print()
        for line in (*self._lines(), *self.notes):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("run", no_wrap=True)
        for title in ("parameters", "tokens", "FLOPs", "val_loss", "predicted"):
            table.add_column(title, justify="right", no_wrap=True)
        for point, predicted in zip(self.points, self._predictions(), strict=True):
            counts = (f"{point.n_params:,.0f}", f"{point.n_tokens:,.0f}", f"{point.flops:.3g}")
            table.add_row(point.name, *counts, f"{point.loss:.4f}", f"{predicted:.4f}")
        return table

    def _predictions(self) -> list[float]:
        values: list[float] = self.law.predict(inputs_of(self.points, self.law.over)).tolist()
        return values

    def _lines(self) -> list[str]:
        law, held_out = self.law, self.held_out
        lines = [f"{law.law} over {law.over}: {law.formula()}    parameters without embeddings"]
        lines += [f"  {name:8} {_text(interval)}" for name, interval in law.constants().items()]
        lines.append(f"  residuals {law.noise:.2%} of the loss; {INTERVALS}")
        if held_out is not None:
            names = ", ".join(point.name for point in held_out.points)
            lines.append(
                f"fitted without {names}: predicted {_text(held_out.predicted)}, measured "
                f"{held_out.measured:.4f}, error {held_out.error:+.4f} nats "
                f"({held_out.error / held_out.measured:+.2%})"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain types."""
        law, held_out = self.law, self.held_out
        runs = [
            {
                "run": point.name,
                "parameters": point.n_params,
                "tokens": point.n_tokens,
                "flops": point.flops,
                "val_loss": point.loss,
                "predicted": predicted,
            }
            for point, predicted in zip(self.points, self._predictions(), strict=True)
        ]
        return {
            "law": law.law,
            "over": law.over,
            "formula": law.formula(),
            "constants": {name: _json(interval) for name, interval in law.constants().items()},
            "noise": law.noise,
            "aicc": _finite(law.aicc),
            "intervals": INTERVALS,
            "runs": runs,
            "held_out": None
            if held_out is None
            else {
                "runs": [point.name for point in held_out.points],
                "constants": {name: _json(each) for name, each in held_out.law.constants().items()},
                "predicted": _json(held_out.predicted),
                "measured": held_out.measured,
                "error": held_out.error,
            },
            "notes": list(self.notes),
        }

    def write_figure(self, path: Path) -> None:
        """Write the figure; the suffix chooses its format."""
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        draw(figure.add_subplot(), self.points, self.law, self.held_out)
        with atomic_file(path) as partial:
            figure.savefig(partial, dpi=130, format=path.suffix.removeprefix(".") or "png")


def analyze(
    points: Sequence[Point],
    law: Law | None = None,
    over: Over = "parameters",
    *,
    huber_delta: float = HUBER_DELTA,
    notes: Sequence[str] = (),
) -> ScalingReport:
    """Fit a law to runs, and predict the largest size from the others.

    Args:
        points: Runs.
        law: The form; None chooses by AICc.
        over: Variables of the law.
        huber_delta: Log residual at which the loss of the fit becomes linear.
        notes: Sentences about the runs.

    Raises:
        ValueError: If the runs are too few for the form, or cannot determine it.
    """
    if law is None:
        fitted = choose_law(points, over, huber_delta=huber_delta)
        notes = [
            *notes,
            f"{fitted.law} is the form with the lower AICc among those that the runs can determine",
        ]
    else:
        fitted = fit_law(points, law, over, huber_delta=huber_delta)
    try:
        held_out = hold_out_largest(points, fitted.law, over, huber_delta=huber_delta)
    except ValueError as error:
        return ScalingReport(points, fitted, None, [*notes, f"no prediction of the largest size: {error}"])
    return ScalingReport(points, fitted, held_out, notes)


def draw(axes: Axes, points: Sequence[Point], law: ScalingLaw, held_out: HeldOut | None = None) -> None:
    """Draw runs, curves and the irreducible loss on logarithmic axes.

    Args:
        axes: Where to draw.
        points: Runs.
        law: Fitted to all of them; drawn with the 95% band of its curve.
        held_out: Adds the curve that was fitted without the largest size.
    """
    inputs = inputs_of(points, law.over)
    low, high = inputs[0].min() / 1.5, inputs[0].max() * 3
    curve = np.geomspace(low, high, 100)[None]
    label = law.formula()
    if law.over == "both":  # one curve of many: that of the longest run
        most = float(inputs[1].max())
        curve = np.vstack([curve, np.full_like(curve, most)])
        label += f", D = {most:.3g}"
    axes.fill_between(curve[0], *law.band(curve), alpha=0.2, color="C2", linewidth=0)
    axes.plot(curve[0], law.predict(curve), color="C2", label=label)
    left_out = () if held_out is None else held_out.points
    fitted = [point for point in points if point not in left_out]
    axes.plot(inputs_of(fitted, law.over)[0], [point.loss for point in fitted], "o", color="C0", label="runs")
    if held_out is not None:
        axes.plot(curve[0], held_out.law.predict(curve), "--", color="C1", label="fitted without the largest")
        sizes = inputs_of(left_out, law.over)[0]
        axes.plot(sizes, [point.loss for point in left_out], "s", color="C1", label="largest size")
    if law.irreducible_loss > _LOWEST_LINE * min(point.loss for point in points):
        text = f"irreducible loss {law.irreducible_loss:.3g}"
        axes.axhline(law.irreducible_loss, linestyle=":", color="tab:gray", label=text)
    axes.set(xscale="log", yscale="log", xlabel=_LABELS[law.over], ylabel="validation loss, nats per token")
    for set_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        set_formatter("{x:.3g}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize="small")


def _text(interval: Interval) -> str:
    return f"{interval.value:.4g} [{interval.low:.4g}, {interval.high:.4g}]"


def _json(interval: Interval) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in interval._asdict().items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
