"""One CSV file with every logged number of a run, readable while it runs and whole after a resume."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from gpt_toolkit.callbacks.write_errors import writing


class MetricsFile(Logger):
    """Writes ``metrics.csv`` in the run's folder: a row per step, a column per name.

    A run that is resumed goes on in the same file: rows past the step it resumes from, written by the part
    that was lost, are dropped. Only the newest row is held in memory.

    Args:
        folder: The run's folder.
        resume_step: Step that the run goes on from; 0 begins a new file.
    """

    def __init__(self, folder: Path, resume_step: int = 0) -> None:
        super().__init__()
        self.path = folder / "metrics.csv"
        self._columns = ["step"]
        self._row: dict[str, Any] = {}  # the newest row, which may still grow
        self._row_start = 0  # where it begins in the file
        self._resume_step = resume_step
        self._begun = False

    @property
    def name(self) -> str:
        """Not used: a run has one folder."""
        return ""

    @property
    def version(self) -> str:
        """Not used: a run has one folder."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run's ``config.yaml`` holds them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add numbers to the row of that step, and the row to the file."""
        values = {name: value for name, value in metrics.items() if name != "epoch"}
        if values:
            with writing(self.path):
                self._add(values, step)

    def _add(self, values: dict[str, float], step: int | None) -> None:
        if not self._begun:
            self._begin()
        if self._row.get("step") != step:
            self._row = {"step": step}
            self._row_start = self.path.stat().st_size
        self._row.update(values)
        if new := [name for name in values if name not in self._columns]:
            self._widen(new)
        with self.path.open("r+", newline="") as file:
            file.seek(self._row_start)
            file.truncate()
            csv.DictWriter(file, self._columns).writerow(self._row)

    def _begin(self) -> None:
        """Start the file, or take up what an earlier part of the run wrote."""
        rows: list[dict[str, Any]] = []
        if self._resume_step and self.path.exists():
            with self.path.open(newline="") as file:
                reader = csv.DictReader(file)
                self._columns = list(reader.fieldnames or self._columns)
                rows = [
                    row
                    for row in reader
                    if (row["step"] or "x").isdigit() and int(row["step"]) <= self._resume_step
                ]
        self._rewrite(rows)
        self._begun = True

    def _widen(self, columns: list[str]) -> None:
        """Add columns: the rows so far stay, empty there."""
        with self.path.open(newline="") as file:
            before = file.read(self._row_start)
        rows = list(csv.DictReader(io.StringIO(before)))
        self._columns += columns
        self._rewrite(rows)
        self._row_start = self.path.stat().st_size

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f"{self.path.name}.partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self.path)
