"""The contents of GPT-1's tables and figure, read from ``paper_tables.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gpt_toolkit.yaml_files import read_yaml

FULL, SCRATCH, NO_AUX = "full", "no_pretraining", "no_aux"
"""Variants of a fine-tuning that code names."""
FIGURE: Final = "figure2"


class Column(NamedTuple):
    """A column: its title, and dataset (or Storyworld task) and metric of the runs that fill it."""

    title: str
    dataset: str = ""
    metric: str = ""


AVERAGE: Final = Column("average")
"""The unweighted mean of a row's other columns."""


class Task(NamedTuple):
    """A Storyworld task; ``guess`` is the score of guessing in percent."""

    datasets: str
    metric: str
    guess: float | None
    is_slow: bool = False


class Variant(NamedTuple):
    """A way to fine-tune: its title, and arguments of ``fit`` with fields to fill in."""

    title: str
    arguments: list[str]


class PaperTable(NamedTuple):
    """A table of the paper with its numbers, and the columns and variants of its Storyworld counterpart."""

    title: str
    columns: list[Column]
    rows: Mapping[str, list[float]]
    variants: list[str]
    storyworld_columns: list[Column]
    storyworld_variants: list[str]


class Budget(NamedTuple):
    """Arguments of ``fit`` that limit the cost of the Storyworld runs, and their estimated seconds."""

    pretrain: list[str]
    pretrain_steps: int
    pretrain_seconds: float
    n_layer: int
    finetune: list[str]
    slow_finetune: list[str]
    seconds: Mapping[str, float]

    def finetune_arguments(self, task: str) -> list[str]:
        """Return arguments of ``fit`` for a task."""
        return [*self.finetune, *(self.slow_finetune if TASKS[task].is_slow else [])]


def task_column(task: str) -> Column:
    """Return the column of a Storyworld task."""
    metric = TASKS[task].metric
    return Column(f"{task} ({metric})", task, f"{task}_{metric}")


def _table(entry: Mapping[str, Any]) -> PaperTable:
    storyworld = entry["storyworld"]
    columns = [Column(*column) for column in storyworld.get("columns", [])]
    return PaperTable(
        entry["title"],
        [Column(*column) for column in entry["columns"]],
        entry["rows"],
        entry["variants"],
        [*columns, *map(task_column, storyworld.get("tasks", []))],
        storyworld["variants"],
    )


_CONTENT = read_yaml(Path(__file__).with_name("paper_tables.yaml"))
TASKS: Final = {name: Task(**fields) for name, fields in _CONTENT["tasks"].items()}
VARIANTS: Final = {name: Variant(**fields) for name, fields in _CONTENT["variants"].items()}
TABLES: Final = {name: _table(entry) for name, entry in _CONTENT["tables"].items()}
BUDGETS: Final = {name: Budget(**fields) for name, fields in _CONTENT["budgets"].items()}
LAYER_TASKS: Final[Mapping[str, str]] = _CONTENT["figure2"]["layers"]
"""Figure 2 left: Storyworld tasks, and the datasets that they stand for."""
ZERO_SHOT: Final[Mapping[str, list[str]]] = _CONTENT["figure2"]["zero_shot"]
"""Figure 2 right: benchmark, protocol and metric of each curve."""
PARTS: Final = (*TABLES, FIGURE)
