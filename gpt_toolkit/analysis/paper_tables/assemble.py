"""The tables, put together from what the runs left."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpt_toolkit.analysis.paired_differences import Estimate, estimate, normalized, paired_difference
from gpt_toolkit.analysis.paper_tables.published import (
    AVERAGE,
    LAYER_TASKS,
    TABLES,
    TWINS,
    ZERO_SHOT,
    Column,
    twin_column,
)
from gpt_toolkit.analysis.paper_tables.run_results import RealRun
from gpt_toolkit.analysis.paper_tables.runs import FULL, NO_AUX, SCRATCH, VARIANTS

Scores = Mapping[int, Mapping[str, float]]
"""Metrics by seed."""
TwinScores = Mapping[tuple[str, str], Scores]
"""Of the built-in world's runs that are done, by task and variant."""


@dataclass
class Table:
    """A table as it is shown and kept; numbers in percent.

    Attributes:
        title: What stands above it.
        columns: Titles of the columns, without that of the rows' names.
        rows: Cells by name of the row; None is a gap.
        notes: What stands below it.
    """

    title: str
    columns: list[str]
    rows: dict[str, list[Estimate | float | None]]
    notes: list[str] = field(default_factory=list)


def real_table(part: str, runs: Sequence[RealRun]) -> Table:
    """A table of the paper on its own sets: its numbers, and the user's runs beneath."""
    paper = TABLES[part]
    rows: dict[str, list[Estimate | float | None]] = {name: [*cells] for name, cells in paper.rows.items()}
    untested = set()
    for variant in _variants(part):
        for model in sorted({run.model for run in runs if run.variant == variant}):
            own = [run for run in runs if (run.variant, run.model) == (variant, model)]
            cells = _row(paper.columns, {name: _by_seed(own, name) for name in {run.set_name for run in own}})
            if all(cell is None for cell in cells):
                continue
            untested |= {run.set_name for run in own if not run.tested}
            begins = f"from {model}" if model else "from scratch"
            rows[
                f"ours: {VARIANTS[variant]}, {begins}" if AVERAGE in paper.columns else f"ours, {begins}"
            ] = cells
    notes = []
    if here := sorted(untested & {column.set_name for column in paper.columns}):
        notes.append(f"not tested, best validation score: {', '.join(here)}")
    if len(rows) == len(paper.rows):
        notes.append("no finished run of yours: gpt-toolkit fit --config gpt1/finetune_SET, then test")
    return Table(paper.title, [column.title for column in paper.columns], rows, notes)


def _variants(part: str) -> tuple[str, ...]:
    return (FULL, SCRATCH, NO_AUX) if part == "table5" else (FULL,)


def _by_seed(runs: Sequence[RealRun], set_name: str) -> dict[int, Mapping[str, float]]:
    return {run.seed: run.scores for run in runs if run.set_name == set_name}


def twin_table(part: str, scores: TwinScores, tasks: Sequence[str], backbone: str) -> Table:
    """The same table on the built-in world."""
    paper = TABLES[part]
    columns = [column for column in paper.twins if column is AVERAGE or column.set_name in tasks]
    rows: dict[str, list[Estimate | float | None]] = {}
    for variant in (FULL, SCRATCH, NO_AUX) if part == "table5" else (FULL, SCRATCH):
        rows[VARIANTS[variant]] = _row(columns, {task: scores.get((task, variant), {}) for task in tasks})
    rows["guessing"] = [None if column is AVERAGE else TWINS[column.set_name].guess for column in columns]
    twins = {column.set_name: TWINS[column.set_name].of for column in columns if column is not AVERAGE}
    notes = [
        f"the built-in world's twins, not the published sets: {_joined(twins)}",
        f"{backbone}; test rows; mean of seeds with its 95% interval (Student's t)",
    ]
    if part == "table5":
        notes.append("the paper's LSTM is not built here: its numbers stand in the table of the paper alone")
    titles = [column.title for column in columns]
    if gaps := _gaps(rows, titles):
        notes.append(f"not run, or not done: {gaps}")
    return Table(f"{paper.title}: Storyworld's twins", titles, rows, notes)


def comparison(scores: TwinScores, tasks: Sequence[str]) -> Table:
    """Pre-training, then fine-tuning, against the same network from scratch."""
    rows: dict[str, list[Estimate | float | None]] = {}
    better, sure, known = 0, 0, 0
    for task in tasks:
        column = twin_column(task)
        ours, theirs = (_values(column, scores.get((task, variant), {})) for variant in (FULL, SCRATCH))
        difference = paired_difference(ours, theirs)
        rows[column.title] = [estimate(ours), estimate(theirs), difference]
        if difference is not None:
            known, better, sure = known + 1, better + (difference.mean > 0), sure + difference.above_zero
    notes = [
        f"pre-training is better on {better} of {known} tasks, on {sure} of them by more than its interval",
        "difference: of runs of the same seed; its 95% interval by Student's t over them",
    ]
    title = "Pre-training, then fine-tuning, against training from scratch: Storyworld's twins"
    return Table(title, ["pre-trained", "from scratch", "difference"], rows, notes)


def layers(scores: TwinScores, tasks: Sequence[str], n_layer: int) -> Table:
    """Figure 2 left: the score by the number of layers transferred; embeddings always are."""
    rows: dict[str, list[Estimate | float | None]] = {}
    for task in (task for task in LAYER_TASKS if task in tasks):
        variants = [*(f"layers_{k}" for k in range(n_layer)), FULL]
        column = twin_column(task)
        rows[f"{task} (twin of {LAYER_TASKS[task]})"] = [
            _cell(column, scores.get((task, variant), {})) for variant in variants
        ]
    columns = [str(k) for k in range(n_layer + 1)]
    notes = ["the paper: every layer helps, up to 9 points on MultiNLI from 0 to all 12"]
    if gaps := _gaps(rows, columns):
        notes.append(f"not run, or not done: {gaps}")
    return Table("Figure 2, left: layers transferred, Storyworld's twins", columns, rows, notes)


def zero_shot(
    found: Mapping[int, Sequence[Mapping[str, Any]]], scores: TwinScores, names: Sequence[str]
) -> tuple[Table, Table]:
    """Figure 2 right: zero-shot scores while pre-training goes on.

    Args:
        found: Scores of each checkpoint, by its step.
        scores: Of fine-tuning, for the state of the art on the built-in world.
        names: The curves.

    Returns:
        The scores, and the same between guessing (0) and the state of the art (1).
    """
    raw: dict[str, list[Estimate | float | None]] = {}
    scaled: dict[str, list[Estimate | float | None]] = {}
    notes = []
    for name in names:
        values = [_zero_shot_value(found[step], name) for step in found]
        guess, best = _ends(name, scores)
        raw[name] = [*values, guess, best]
        ends = None if best is None else (guess, best)
        scaled[name] = [None if v is None or ends is None else normalized(v, *ends) for v in values]
        if best is None:
            notes.append(f"{name}: no state of the art, for its fine-tuning is not done")
        elif best <= guess:
            notes.append(f"{name}: not drawn, for fine-tuning is no better than guessing")
    steps = [f"{step:,}" for step in found]
    if not found:
        notes.append("no checkpoints of pre-training: --checkpoints.keep_every_n_steps keeps them")
    about = [
        "state of the art: the mean of the fully fine-tuned runs here; of pronouns, all right",
        "95% of one checkpoint's accuracy is within 7 points (200 rows), of reading within 10 (100 rows)",
    ]
    title = "Figure 2, right: zero-shot scores over the steps of pre-training, Storyworld's twins"
    return (
        Table(title, [*steps, "guessing", "state of the art"], raw, [*about, *notes]),
        Table(f"{title}, between guessing (0) and the state of the art (1)", steps, scaled),
    )


def _zero_shot_value(scores: Sequence[Mapping[str, Any]], name: str) -> float | None:
    benchmark, protocol, metric = ZERO_SHOT[name]
    for score in scores:
        of = (score["benchmark"], str(score["protocol"]).partition("-")[0], score["metric"])
        if of == (benchmark, protocol, metric) and score["value"] is not None:
            return 100 * float(score["value"])
    return None


def _ends(name: str, scores: TwinScores) -> tuple[float, float | None]:
    """What guessing and the state of the art give."""
    if name not in TWINS:
        return 50.0, 100.0  # two candidates
    best = _cell(twin_column(name), scores.get((name, FULL), {}))
    return TWINS[name].guess or 0.0, None if best is None else best.mean


def _values(column: Column, scores: Scores) -> dict[int, float]:
    return {seed: 100 * found[column.metric] for seed, found in scores.items() if column.metric in found}


def _cell(column: Column, scores: Scores) -> Estimate | None:
    return estimate(_values(column, scores))


def _row(columns: Sequence[Column], scores: Mapping[str, Scores]) -> list[Estimate | float | None]:
    """Cells of the columns; the average is there if all the others are."""
    cells = {c: _cell(c, scores.get(c.set_name, {})) for c in columns if c is not AVERAGE}
    means = [cell.mean for cell in cells.values() if cell is not None]
    average = statistics.fmean(means) if means and len(means) == len(cells) else None
    return [average if column is AVERAGE else cells[column] for column in columns]


def _gaps(rows: Mapping[str, Sequence[Any]], columns: Sequence[str]) -> str:
    """Names of the cells that are missing, guessing's and averages apart."""
    missing = [
        f"{row}: {', '.join(names)}"
        for row, cells in rows.items()
        if row != "guessing"
        and (names := [c for c, v in zip(columns, cells, strict=True) if v is None and c != AVERAGE.title])
    ]
    return "; ".join(missing)


def _joined(twins: Mapping[str, str]) -> str:
    return "; ".join(f"{task} for {sets}" for task, sets in twins.items())
