"""Scaling laws of pre-training runs: reads the runs, fits a law, and prints, writes and draws the result."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
from gpt_toolkit.checkpoints.torch_pickle import safe_load
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY, SHARD_EXTRA, read_description
from gpt_toolkit.io import atomic_file, explain_read_errors
from gpt_toolkit.progress import output_console
from gpt_toolkit.yaml_files import read_yaml

INTERVALS = "95% intervals by a parametric bootstrap of the runs, widened by Student's t"
_EVALUATION = ("dataset", "files", "val_files", "val_fraction", "text_field", "separator", "world")
"""Settings of the DataModule that choose the text for validation."""
_LOWEST_LINE = 0.2  # below this fraction of the lowest loss, the line would leave no height to the curves
_LABELS = {
    "parameters": "parameters without embeddings",
    "tokens": "training tokens",
    "compute": "training FLOPs",
    "both": "parameters without embeddings",
}


# ------------------------------------------------------------------ runs


@dataclass(frozen=True)
class ScalingRun:
    """A finished pre-training run.

    Attributes:
        point: Its folder, size, length and validation loss.
        tokens: Key of its token cache: equal keys, equal text.
        setting: What must be equal in all runs, by its name in messages.
        validation: Settings that choose the text for validation, compared if the token caches differ.
        n_val_windows: Most windows of a validation pass; None: the whole split.
        best_loss: Lowest validation loss.
    """

    point: Point
    tokens: str
    setting: dict[str, Any]
    validation: dict[str, Any]
    n_val_windows: int | None
    best_loss: float


def read_runs(folders: Sequence[Path]) -> list[ScalingRun]:
    """Read runs, and check that their losses can be compared.

    Raises:
        FileNotFoundError: If a folder is not that of a run.
        ValueError: If a run is unfinished, not pre-training from scratch, or given twice; or if tokenizer,
            context length or validation text differ.
    """
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"{folder}: given twice; expected every run once; leave one out")
    runs = []
    for folder in folders:
        with explain_read_errors(folder, "leave it out"):
            runs.append(read_run(folder))
    first, *others = runs
    for run in others:
        ours, theirs = run.setting, first.setting
        if run.tokens != first.tokens:
            ours, theirs = ours | run.validation, theirs | first.validation
        for what, value in ours.items():
            if value != theirs[what]:
                raise ValueError(
                    f"{run.point.name}: {what} is {json.dumps(value)}; expected {json.dumps(theirs[what])} "
                    f"as in {first.point.name}; give runs whose losses can be compared"
                )
    return runs


def read_run(folder: Path) -> ScalingRun:
    """Read one run.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
        ValueError: If the run is unfinished, or not pre-training from scratch.
    """
    config = _read_config(folder)
    data, trainer = config["data"].get("init_args") or {}, config["trainer"]
    last = folder / "checkpoints" / "last.ckpt"
    fix = f"resume it with gpt-toolkit fit --config {folder}/config.yaml --ckpt_path last, or leave it out"
    if not (folder / "model").is_dir() or not last.exists():
        raise ValueError(f"{folder}: unfinished run; expected model/ and checkpoints/last.ckpt; {fix}")
    content = safe_load(last / SHARD_EXTRA if last.is_dir() else last)
    decoder, _ = read_description(content, str(last))
    record = content[CHECKPOINT_KEY]
    plan = re.fullmatch(r"tokens=(\S+) .*windows_per_step=(\d+) .*", str(record.get("plan")))
    if record.get("task") != "PretrainTask" or plan is None:
        raise ValueError(
            f"{folder}: run of {record.get('task')}; expected PretrainTask with a CorpusDataModule; "
            "leave it out"
        )
    if start := (config["model"].get("init_args") or {}).get("init_from"):
        raise ValueError(
            f"{folder}: begins with weights of {start}, whose training tokens are unknown; expected training "
            "from scratch; leave it out"
        )
    budget = (content.get("callbacks") or {}).get("Budget") or {}
    planned, step = budget.get("max_steps") or trainer.get("max_steps"), int(record["step"])
    if isinstance(planned, int) and step < planned and not trainer.get("max_time"):
        raise ValueError(f"{folder}: unfinished run at step {step:,}; expected {planned:,}; {fix}")
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_loss")]
    losses = [(int(row["step"]), float(row["val_loss"])) for row in rows]
    if not losses:
        raise ValueError(
            f"{folder}: no validation loss in metrics.csv; expected val_loss; train with data.val_fraction "
            "above 0 or val_files"
        )
    measured_step, loss = losses[-1]
    n_tokens = measured_step * int(plan[2]) * decoder.n_ctx
    n_params = 12 * decoder.n_layer * decoder.n_embd**2  # Kaplan et al. 2020, eq. 2.1
    limit, batch_size = trainer.get("limit_val_batches"), data.get("batch_size")
    return ScalingRun(
        Point(str(folder), n_params, n_tokens, float(decoder.flops_per_token) * n_tokens, loss),
        tokens=plan[1],
        setting={"tokenizer": str(record.get("fingerprint")), "context length": decoder.n_ctx},
        validation={f"validation data (data.{name})": data.get(name) for name in _EVALUATION},
        n_val_windows=limit * batch_size if isinstance(limit, int) and isinstance(batch_size, int) else None,
        best_loss=min(loss for _, loss in losses),
    )


def _read_config(folder: Path) -> dict[str, Any]:
    missing = [name for name in ("config.yaml", "metrics.csv") if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: not the folder of a run (no {' and no '.join(missing)}); expected a folder that "
            "gpt-toolkit fit wrote, such as runs/scaling_nano"
        )
    try:
        config: dict[str, Any] = read_yaml(folder / "config.yaml")
        config["model"]["class_path"], config["data"]["class_path"], config["trainer"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / 'config.yaml'}: not a run's config; expected one that gpt-toolkit fit wrote"
        ) from None
    return config


def warnings_of(runs: Sequence[ScalingRun]) -> list[str]:
    """Return what weakens the comparison of the runs, a sentence each."""
    warnings = []
    # Where a pass reads the whole split, its size follows from the tokens.
    amounts = {run.n_val_windows or run.tokens for run in runs}
    if len(amounts) > 1:
        warnings.append(
            "validation reads different amounts of the same text; equal trainer.limit_val_batches times "
            "data.batch_size makes losses more comparable"
        )
    warnings += [
        f"{run.point.name}: its last validation loss is {run.point.loss:.4f}, its best {run.best_loss:.4f}"
        for run in runs
        if run.point.loss > 1.01 * run.best_loss
    ]
    return warnings


# ------------------------------------------------------------------ report


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
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("run", no_wrap=True)
        for title in ("parameters", "tokens", "FLOPs", "val_loss", "predicted"):
            table.add_column(title, justify="right", no_wrap=True)
        for point, predicted in zip(self.points, self._predictions(), strict=True):
            counts = (f"{point.n_params:,.0f}", f"{point.n_tokens:,.0f}", f"{point.flops:.3g}")
            table.add_row(point.name, *counts, f"{point.loss:.4f}", f"{predicted:.4f}")
        law, held_out = self.law, self.held_out
        lines = ["", f"{law.law} over {law.over}: {law.formula()}    parameters without embeddings"]
        lines += [f"  {name:8} {_text(interval)}" for name, interval in law.constants().items()]
        lines.append(f"  residuals {law.noise:.2%} of the loss; {INTERVALS}")
        if held_out is not None:
            lines.append(
                f"fitted without {', '.join(point.name for point in held_out.points)}: predicted "
                f"{_text(held_out.predicted)}, measured {held_out.measured:.4f}, error {held_out.error:+.4f} "
                f"nats ({held_out.error / held_out.measured:+.2%})"
            )
        console = output_console()
        console.print(table)
        for line in (*lines, *self.notes):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _predictions(self) -> list[float]:
        values: list[float] = self.law.predict(inputs_of(self.points, self.law.over)).tolist()
        return values

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain types."""
        law, held_out = self.law, self.held_out
        names = ("run", "parameters", "tokens", "flops", "val_loss", "predicted")
        rows = [(*each, loss) for each, loss in zip(self.points, self._predictions(), strict=True)]
        content = {
            "law": law.law,
            "over": law.over,
            "formula": law.formula(),
            "constants": _json(law.constants()),
            "noise": law.noise,
            "aicc": _finite(law.aicc),
            "intervals": INTERVALS,
            "runs": [dict(zip(names, row, strict=True)) for row in rows],
            "held_out": None,
            "notes": list(self.notes),
        }
        if held_out is not None:
            content["held_out"] = {
                "runs": [point.name for point in held_out.points],
                "constants": _json(held_out.law.constants()),
                **_json({"predicted": held_out.predicted}),
                "measured": held_out.measured,
                "error": held_out.error,
            }
        return content

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
    """Fit a law to runs, and predict the largest size from the others; ``law`` None chooses by AICc.

    Raises:
        ValueError: If the runs are too few for the form, or cannot determine it.
    """
    notes = list(notes)
    if law is None:
        fitted = choose_law(points, over, huber_delta=huber_delta)
        notes.append(f"{fitted.law} is the form with the lower AICc among those that the runs can determine")
    else:
        fitted = fit_law(points, law, over, huber_delta=huber_delta)
    held_out = None
    try:
        held_out = hold_out_largest(points, fitted.law, over, huber_delta=huber_delta)
    except ValueError as error:
        notes.append(f"no prediction of the largest size: {error}")
    return ScalingReport(points, fitted, held_out, notes)


def draw(axes: Axes, points: Sequence[Point], law: ScalingLaw, held_out: HeldOut | None = None) -> None:
    """Draw runs, the law with its 95% band, and the irreducible loss on logarithmic axes.

    ``held_out`` adds the curve that was fitted without the largest size.
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


def _json(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {
        name: {end: _finite(value) for end, value in interval._asdict().items()}
        for name, interval in intervals.items()
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
