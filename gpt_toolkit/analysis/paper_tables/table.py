"""Tables of means over seeds: their cells, and the same table for the terminal, as Markdown and as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

from gpt_toolkit import intervals


class Estimate(NamedTuple):
    """A mean over runs.

    Attributes:
        mean: The mean.
        interval: Half-width of its 95% interval by Student's t; infinite for one run.
        n: Number of runs.
    """

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
    return (
        Estimate(statistics.fmean(numbers), intervals.student_t(numbers), len(numbers)) if numbers else None
    )


def paired_difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Estimate | None:
    """Return ``ours`` minus ``theirs`` over the seeds that both have; None if they have none in common.

    Runs of one seed read their examples in the same order, so what both owe to it cancels.
    """
    return estimate({seed: ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())})


def normalize(score: float, guess: float, best: float) -> float:
    """Return a score between guessing (0) and the state of the art (1), as in GPT-1's Figure 2 right.

    Returns:
        NaN if the state of the art does not exceed guessing.
    """
    return (score - guess) / (best - guess) if best > guess else math.nan


@dataclass
class Table:
    """A table; numbers in percent.

    Attributes:
        title: Its title.
        columns: Titles of the columns, without that of the rows' names.
        rows: Cells by the row's name.
        notes: Sentences below it.
    """

    title: str
    columns: list[str]
    rows: dict[str, list[Cell]]
    notes: list[str] = field(default_factory=list)

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
        rows = {name: [_cell_json(cell) for cell in cells] for name, cells in self.rows.items()}
        return {"title": self.title, "columns": self.columns, "rows": rows, "notes": self.notes}


def print_tables(tables: Sequence[Table]) -> None:
    """Print tables on standard output."""
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no edge
        console = Console(width=200)
    for table in tables:
        console.print(f"[bold]{table.title}[/bold]", highlight=False)
        printed = RichTable(box=None, header_style="bold")
        printed.add_column("")
        for column in table.columns:
            printed.add_column(column, justify="right")
        for name, cells in table.rows.items():
            printed.add_row(name, *map(cell_text, cells))
        console.print(printed)
        for note in table.notes:
            console.print(f"  {note}", markup=False, highlight=False)
        console.print()


def cell_text(cell: Cell) -> str:
    """Return ``82.1``, ``54.3 +- 1.2``, ``54.3 (1 run)`` or, for a gap, ``-``."""
    if isinstance(cell, Estimate):
        runs = f"+- {cell.interval:.1f}" if math.isfinite(cell.interval) else "(1 run)"
        return f"{cell.mean:.1f} {runs}"
    if cell is None or math.isnan(cell):
        return "-"
    return f"{cell:.2f}" if abs(cell) <= 1 and cell % 1 else f"{cell:.1f}"


def _cell_json(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        return {"mean": cell.mean, "interval": _finite(cell.interval), "runs": cell.n}
    return None if cell is None else _finite(cell)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
