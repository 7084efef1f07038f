"""Logger of all numbers of a run in one CSV file, readable while it runs and complete after a resume."""

from __future__ import annotations

import csv
from argparse import Namespace
from io import StringIO
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from gpt_toolkit.callbacks.checkpoint_writer import explain_run_write_errors
from gpt_toolkit.io import atomic_file


class MetricsFile(Logger):
    """Writer of ``metrics.csv`` in the run's folder: a row for each step, a column for each metric.

    A resumed run continues the file without the rows after the step from which it resumes. Only the newest
    row is held in memory.

    Args:
        folder: The run's folder.
        resume_step: Step from which the run resumes; 0 begins a new file.
    """

    def __init__(self, folder: Path, resume_step: int = 0) -> None:
        super().__init__()
        self.path = folder / "metrics.csv"
        self._columns: list[str] = []  # empty before the first write
        self._row: dict[str, Any] = {}  # the newest row, which may still grow
        self._row_start = 0  # its position in the file
        self._resume_step = resume_step

    name = version = ""  # not used: a run has one folder

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run's ``config.yaml`` holds them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add metrics to the row of a step, and write the row."""
        values = {name: value for name, value in metrics.items() if name != "epoch"}
        if values:
            with explain_run_write_errors(self.path):
                self._add(values, step)

    def _add(self, values: dict[str, float], step: int | None) -> None:
        if not self._columns:
            self._columns = ["step"]
            rows = self._read() if self._resume_step and self.path.exists() else []
            rows = [row for row in rows if row["step"].isdigit() and int(row["step"]) <= self._resume_step]
            self._write(rows)
            if rows and int(rows[-1]["step"]) == self._resume_step:  # its validation may follow now
                self._row = {name: value for name, value in rows[-1].items() if name and value}
                self._row["step"] = self._resume_step
                self._row_start = self.path.stat().st_size - len(self._line())
        if self._row.get("step") != step:
            self._row = {"step": step}
            self._row_start = self.path.stat().st_size
        self._row.update(values)
        if new := [name for name in values if name not in self._columns]:
            rows = self._read()
            if self.path.stat().st_size > self._row_start:
                rows.pop()  # the newest row, which is written again below
            self._columns += new
            self._write(rows)
            self._row_start = self.path.stat().st_size
        with self.path.open("rb+", buffering=0) as file:
            file.seek(self._row_start)
            file.write(self._line())  # over the row as it was: a kill in between leaves its first values
            file.truncate()

    def _line(self) -> bytes:
        """Return the newest row as it is written."""
        line = StringIO(newline="")
        csv.DictWriter(line, self._columns).writerow(self._row)
        return line.getvalue().encode()

    def _read(self) -> list[dict[str, str]]:
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file, restval="")
            self._columns = list(reader.fieldnames or self._columns)
            return list(reader)

    def _write(self, rows: list[dict[str, str]]) -> None:
        with atomic_file(self.path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")  # of a row that was cut
            writer.writeheader()
            writer.writerows(rows)
