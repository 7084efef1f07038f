"""Tables for the terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Shown

from gpt_toolkit.analysis.paired_differences import Estimate
from gpt_toolkit.analysis.paper_tables.assemble import Table

GAP = "-"


def show(tables: Sequence[Table]) -> None:
    """Print them."""
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no edge
        console = Console(width=200)
    for table in tables:
        console.print(f"[bold]{table.title}[/bold]", highlight=False)
        shown = Shown(box=None, header_style="bold")
        shown.add_column("")
        for column in table.columns:
            shown.add_column(column, justify="right")
        for name, cells in table.rows.items():
            shown.add_row(name, *map(cell_text, cells))
        console.print(shown)
        for note in table.notes:
            console.print(f"  {note}", markup=False, highlight=False)
        console.print()


def cell_text(cell: Estimate | float | None) -> str:
    """``82.1``, ``54.3 +- 1.2`` or, of a single run, ``54.3 (1 run)``."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return GAP
    if isinstance(cell, Estimate):
        runs = f"+- {cell.interval:.1f}" if math.isfinite(cell.interval) else "(1 run)"
        return f"{cell.mean:.1f} {runs}"
    return f"{cell:.2f}" if abs(cell) <= 1 and cell % 1 else f"{cell:.1f}"


def markdown(tables: Sequence[Table]) -> str:
    """All of them as one page."""
    parts = []
    for table in tables:
        lines = [
            f"## {table.title}",
            "",
            f"| | {' | '.join(table.columns)} |",
            f"|---|{'---:|' * len(table.columns)}",
            *(f"| {name} | {' | '.join(map(cell_text, cells))} |" for name, cells in table.rows.items()),
            "",
            *(f"- {note}" for note in table.notes),
        ]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def as_json(table: Table) -> dict[str, Any]:
    """A table with every number; a gap, and the interval of a single run, is null."""
    return {
        "title": table.title,
        "columns": table.columns,
        "rows": {name: [_number(cell) for cell in cells] for name, cells in table.rows.items()},
        "notes": table.notes,
    }


def _number(cell: Estimate | float | None) -> Any:
    if isinstance(cell, Estimate):
        return {"mean": cell.mean, "interval": _finite(cell.interval), "runs": cell.n}
    return None if cell is None else _finite(cell)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Whole or not at all."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
