"""GPT-1's tables and Figure 2: means over seeds next to the paper's numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from gpt_toolkit import intervals
from gpt_toolkit.analysis.paper_tables.catalog import (
    AVERAGE,
    FULL,
    LAYER_TASKS,
    SCRATCH,
    TABLES,
    TASKS,
    VARIANTS,
    ZERO_SHOT,
    Column,
    task_column,
)
from gpt_toolkit.analysis.paper_tables.run_results import UserRun
from gpt_toolkit.io import atomic_file


class Estimate(NamedTuple):
    """A mean over ``n`` runs, and the half-width of its 95% interval: infinite for one run."""

    mean: float
    interval: float
    n: int

    @property
    def is_above_zero(self) -> bool:
        """True if the whole interval is above zero."""
        return self.mean - self.interval > 0


Cell = Estimate | float | None
"""A cell; None is a gap."""


def estimate(values: Mapping[int, float]) -> Estimate | None:
    """Return mean and interval of runs by seed; None without runs."""
    numbers = list(values.values())
    if not numbers:
        return None
    return Estimate(statistics.fmean(numbers), intervals.student_t(numbers), len(numbers))


def paired_difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Estimate | None:
    """Return ``ours`` minus ``theirs`` over the seeds that both have; None if they have none in common.

    Runs of one seed read their examples in the same order, so what both owe to it cancels.
    """
    return estimate({seed: ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())})


class Table(NamedTuple):
    """A table in percent.

    Attributes:
        title: Its title.
        columns: Titles of the columns, without that of the rows' names.
        rows: Cells by the row's name.
        notes: Sentences below it.
    """

    title: str
    columns: list[str]
    rows: dict[str, list[Cell]]
    notes: list[str]

    def markdown(self) -> str:
        """Return the table as a section of a page."""
        lines = [
            f"## {self.title}",
            "",
            f"| | {' | '.join(self.columns)} |",
            f"|---|{'---:|' * len(self.columns)}",
            *(f"| {name} | {' | '.join(map(cell_text, cells))} |" for name, cells in self.rows.items()),
            "",
            *(f"- {note}" for note in self.notes),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain types; a gap, and the interval of a single run, is null."""
        return {
            **self._asdict(),
            "rows": {name: list(map(_cell_json, row)) for name, row in self.rows.items()},
        }


def cell_text(cell: Cell) -> str:
    """Return ``82.1``, ``54.3 +- 1.2``, ``54.3 (1 run)`` or, for a gap, ``-``."""
    if isinstance(cell, Estimate):
        runs = f"+- {cell.interval:.1f}" if math.isfinite(cell.interval) else "(1 run)"
        return f"{cell.mean:.1f} {runs}"
    if cell is None:
        return "-"
    return f"{cell:.2f}" if abs(cell) <= 1 and cell % 1 else f"{cell:.1f}"


def _cell_json(cell: Cell) -> Any:
    if not isinstance(cell, Estimate):
        return cell
    interval = cell.interval if math.isfinite(cell.interval) else None
    return {"mean": cell.mean, "interval": interval, "runs": cell.n}


# ------------------------------------------------------------------ the tables

Scores = Mapping[int, Mapping[str, float]]
"""Metrics by seed."""
StoryworldScores = Mapping[tuple[str, str], Scores]
"""Scores of finished Storyworld runs, by task and variant."""


def published_table(part: str, runs: Sequence[UserRun]) -> Table:
    """Return a table of the paper on its own datasets: its numbers, and the user's runs below."""
    paper = TABLES[part]
    rows: dict[str, list[Cell]] = {name: [*cells] for name, cells in paper.rows.items()}
    untested = set()
    for variant in paper.variants:
        for model in sorted({run.model for run in runs if run.variant == variant}):
            scores: dict[str, dict[int, Mapping[str, float]]] = {}
            chosen = [run for run in runs if (run.variant, run.model) == (variant, model)]
            for run in chosen:
                scores.setdefault(run.dataset, {})[run.seed] = run.scores
            cells = _row(paper.columns, scores)
            if any(cell is not None for cell in cells):
                untested |= {run.dataset for run in chosen if not run.is_tested}
                title = f": {VARIANTS[variant].title}" if len(paper.variants) > 1 else ""
                rows[f"your runs{title}, {f'from {model}' if model else 'from scratch'}"] = cells
    notes = []
    if shown := sorted(untested & {column.dataset for column in paper.columns}):
        notes.append(f"not tested, best validation score: {', '.join(shown)}")
    if len(rows) == len(paper.rows):
        notes.append("no finished run of yours: gpt-toolkit fit --config gpt1/finetune_DATASET, then test")
    return Table(paper.title, [column.title for column in paper.columns], rows, notes)


def storyworld_table(part: str, scores: StoryworldScores, tasks: Sequence[str], backbone: str) -> Table:
    """Return the Storyworld counterpart of a table; ``backbone`` describes the model that was fine-tuned."""
    paper = TABLES[part]
    columns = [each for each in paper.storyworld_columns if each == AVERAGE or each.dataset in tasks]
    rows: dict[str, list[Cell]] = {}
    for variant in paper.storyworld_variants:
        by_task = {task: scores.get((task, variant), {}) for task in tasks}
        rows[VARIANTS[variant].title] = _row(columns, by_task)
    gaps = _gaps(rows, [column.title for column in columns])
    rows["guessing"] = [None if column == AVERAGE else TASKS[column.dataset].guess for column in columns]
    datasets = {column.dataset: TASKS[column.dataset].datasets for column in columns if column != AVERAGE}
    listed = "; ".join(f"{task} for {names}" for task, names in datasets.items())
    notes = [
        f"Storyworld counterparts, not the published datasets: {listed}",
        f"{backbone}; test examples; mean of seeds with its 95% interval (Student's t)",
    ]
    if AVERAGE in columns:
        notes.append(
            "the paper's LSTM is not part of this toolkit: only the table of the paper has its numbers"
        )
    title = f"{paper.title}: Storyworld counterparts"
    return Table(title, [column.title for column in columns], rows, notes + gaps)


def comparison_table(scores: StoryworldScores, tasks: Sequence[str]) -> Table:
    """Return pre-training, then fine-tuning, compared with the same network from scratch."""
    rows: dict[str, list[Cell]] = {}
    differences = []
    for column in map(task_column, tasks):
        ours, theirs = (_values(column, scores.get((column.dataset, v), {})) for v in (FULL, SCRATCH))
        difference = paired_difference(ours, theirs)
        rows[column.title] = [estimate(ours), estimate(theirs), difference]
        differences += [] if difference is None else [difference]
    better = sum(difference.mean > 0 for difference in differences)
    surely = sum(difference.is_above_zero for difference in differences)
    notes = [
        f"pre-training is better on {better} of {len(differences)} tasks, on {surely} of them by more than "
        "its interval",
        "difference: of runs of the same seed, with its 95% interval by Student's t",
    ]
    title = "Pre-training, then fine-tuning, compared with training from scratch: Storyworld counterparts"
    return Table(title, ["pre-trained", "from scratch", "difference"], rows, notes)


def layers_table(scores: StoryworldScores, tasks: Sequence[str], n_layer: int) -> Table:
    """Return Figure 2 left: the score by the number of layers transferred; embeddings always are."""
    rows: dict[str, list[Cell]] = {}
    for task in (task for task in LAYER_TASKS if task in tasks):
        variants = [*(f"layers_{k}" for k in range(n_layer)), FULL]
        cells = [estimate(_values(task_column(task), scores.get((task, v), {}))) for v in variants]
        rows[f"{task} (counterpart of {LAYER_TASKS[task]})"] = [*cells]
    columns = [str(k) for k in range(n_layer + 1)]
    notes = ["the paper: every layer helps, up to 9 points on MultiNLI from 0 to all 12"]
    title = "Figure 2, left: layers transferred, Storyworld counterparts"
    return Table(title, columns, rows, notes + _gaps(rows, columns))


def zero_shot_tables(
    by_step: Mapping[int, Sequence[Mapping[str, Any]]], scores: StoryworldScores, names: Sequence[str]
) -> tuple[Table, Table]:
    """Return Figure 2 right: zero-shot scores over the steps of pre-training.

    The second table has the same scores between guessing (0) and the state of the art (1), which on
    Storyworld is the score of fine-tuning.
    """
    raw: dict[str, list[Cell]] = {}
    scaled: dict[str, list[Cell]] = {}
    notes = [
        "state of the art: the mean of the fully fine-tuned runs here; for pronouns, all correct",
        "95% interval of one checkpoint: 7 points at most (200 examples), for reading 10 (100 examples)",
    ]
    for name in names:
        values = [_zero_shot_value(found, name) for found in by_step.values()]
        guess, best = 50.0, 100.0  # pronouns: two candidates
        if name in TASKS:
            finetuned = estimate(_values(task_column(name), scores.get((name, FULL), {})))
            guess, best = TASKS[name].guess or 0.0, math.nan if finetuned is None else finetuned.mean
        raw[name] = [*values, guess, None if math.isnan(best) else best]
        scaled[name] = [
            (value - guess) / (best - guess) if value is not None and best > guess else None
            for value in values
        ]
        if math.isnan(best):
            notes.append(f"{name}: no state of the art, because its fine-tuning is not done")
        elif best <= guess:
            notes.append(f"{name}: not drawn, because fine-tuning does not exceed guessing")
    if not by_step:
        notes.append("no checkpoints of pre-training; --checkpoints.keep_every_n_steps keeps them")
    steps = [f"{step:,}" for step in by_step]
    title = "Figure 2, right: zero-shot scores over the steps of pre-training, Storyworld counterparts"
    return (
        Table(title, [*steps, "guessing", "state of the art"], raw, notes),
        Table(f"{title}, between guessing (0) and the state of the art (1)", steps, scaled, []),
    )


def _zero_shot_value(scores: Sequence[Mapping[str, Any]], name: str) -> float | None:
    for score in scores:
        protocol = str(score["protocol"]).partition("-")[0]  # without its version
        if [score["benchmark"], protocol, score["metric"]] == ZERO_SHOT[name] and score["value"] is not None:
            return 100 * float(score["value"])
    return None


def _values(column: Column, scores: Scores) -> dict[int, float]:
    """Return percentages by seed."""
    return {seed: 100 * found[column.metric] for seed, found in scores.items() if column.metric in found}


def _row(columns: Sequence[Column], scores: Mapping[str, Scores]) -> list[Cell]:
    """Return the cells of the columns; an average only if all others exist."""
    cells = [estimate(_values(each, scores.get(each.dataset, {}))) for each in columns if each != AVERAGE]
    means = [cell.mean for cell in cells if cell is not None]
    average = statistics.fmean(means) if means and len(means) == len(cells) else None
    rest = iter(cells)
    return [average if column == AVERAGE else next(rest) for column in columns]


def _gaps(rows: Mapping[str, Sequence[Cell]], columns: Sequence[str]) -> list[str]:
    """Return a note that names the missing cells, averages apart; no note if none is missing."""
    missing = []
    for row, cells in rows.items():
        names = [name for name, cell in zip(columns, cells, strict=True) if cell is None]
        if names := [name for name in names if name != AVERAGE.title]:
            missing.append(f"{row}: {', '.join(names)}")
    return [f"not run, or not done: {'; '.join(missing)}"] if missing else []


def draw_figure2(layers: Table, zero_shot: Table, path: Path) -> None:
    """Draw scores by layers transferred (left) and scaled zero-shot scores by steps (right) as a PNG."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, cells in layers.rows.items():
        points = [(k, cell) for k, cell in enumerate(cells) if isinstance(cell, Estimate)]
        errors = [cell.interval if math.isfinite(cell.interval) else 0.0 for _, cell in points]
        ks, means = [k for k, _ in points], [cell.mean for _, cell in points]
        left.errorbar(ks, means, yerr=errors, marker="o", capsize=3, label=name if points else None)
    left.set(xlabel="layers transferred", ylabel="test accuracy, %", title="Storyworld: layers transferred")
    left.set_xticks(range(len(layers.columns)))
    steps = [int(step.replace(",", "")) for step in zero_shot.columns]
    for name, cells in zero_shot.rows.items():
        scores = [(step, cell) for step, cell in zip(steps, cells, strict=True) if cell is not None]
        if scores:
            right.plot(*zip(*scores, strict=True), marker="o", label=name)
    right.axhline(0, linestyle="--", linewidth=0.8, color="tab:gray")
    title = "Storyworld: zero-shot scores while pre-training"
    right.set(xlabel="steps of pre-training", ylabel="guessing 0, state of the art 1", title=title)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
        else:
            axes.text(0.5, 0.5, "no finished runs", ha="center", transform=axes.transAxes)
    with atomic_file(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
