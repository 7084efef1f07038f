"""The contents of GPT-1's tables and figure, read from ``paper_tables.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from gpt_toolkit.hardware import default_device, is_native

FULL, SCRATCH, NO_AUX = "full", "no_pretraining", "no_aux"
"""Variants of a fine-tuning that code names."""
FIGURE: Final = "figure2"

_WITHOUT_BF16 = 2.5  # fp32 on two AVX2 cores compared with bf16 on two with AVX-512 bf16, measured
_START_SECONDS = 8.0  # two starts of the command line in one process, measured
_TEST_ROWS = 2000  # validation and test; without gradients three times as fast
_TRAIN_ROWS = 8000  # of a Storyworld task, where the budget gives no other number


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its printed title.
        dataset: Dataset or Storyworld task whose runs fill it; "" if none does.
        metric: Name of the score, without ``val_`` or ``test_``.
    """

    title: str
    dataset: str = ""
    metric: str = ""


AVERAGE: Final = Column("average")
"""The unweighted mean of a row's other columns."""


class Task(NamedTuple):
    """A Storyworld task.

    Attributes:
        datasets: Datasets of the paper that it stands for.
        metric: Its metric.
        guess: Score of guessing in percent; None where it depends on the guess (F1).
        speed: Examples a second in fine-tuning, see the YAML.
        is_slow: Whether an example is several long sequences.
    """

    datasets: str
    metric: str
    guess: float | None
    speed: float
    is_slow: bool = False


class Variant(NamedTuple):
    """A way to fine-tune: its title, and arguments of ``fit`` with fields to fill in."""

    title: str
    arguments: list[str]


class PaperTable(NamedTuple):
    """A table of the paper and its Storyworld counterpart.

    Attributes:
        title: Its subject.
        columns: Its columns.
        rows: The paper's numbers.
        variants: Variants of the user's runs that it shows.
        storyworld_columns: Columns of the counterpart.
        storyworld_variants: Variants of the counterpart.
    """

    title: str
    columns: list[Column]
    rows: Mapping[str, list[float]]
    variants: list[str]
    storyworld_columns: list[Column]
    storyworld_variants: list[str]


@dataclass(frozen=True)
class Budget:
    """The cost of the Storyworld runs, beyond their configs.

    Attributes:
        pretrain: Arguments of ``fit`` for the backbone.
        pretrain_steps: Its steps.
        pretrain_seconds: Its time on two CPU cores, measured or estimated.
        n_layer: Its layers.
        speed: Speed of fine-tuning compared with the measured one.
        finetune: Arguments of ``fit`` for every fine-tuning.
        train_rows: Training examples of a task; None: those of the config.
        slow_train_rows: The same for slow tasks.
        epochs: Epochs of fine-tuning.
    """

    pretrain: list[str]
    pretrain_steps: int
    pretrain_seconds: float
    n_layer: int
    speed: float
    finetune: tuple[str, ...] = ()
    train_rows: int | None = None
    slow_train_rows: int | None = None
    epochs: int = 3

    def _rows(self, task: str) -> int | None:
        return self.slow_train_rows if TASKS[task].is_slow else self.train_rows

    def finetune_arguments(self, task: str) -> list[str]:
        """Return arguments of ``fit`` for a task."""
        rows = self._rows(task)
        return [*self.finetune, *([] if rows is None else ["--data.train_rows", str(rows)])]

    def seconds(self, task: str) -> float:
        """Estimate the time of a fine-tuning with its start and test."""
        rows = (self._rows(task) or _TRAIN_ROWS) * self.epochs + _TEST_ROWS / 3
        return _START_SECONDS + slowness() * rows / (TASKS[task].speed * self.speed)


def slowness() -> float:
    """Return roughly how many times as long this machine takes as the measured one, which has bf16."""
    import torch

    return 1.0 if is_native(torch.bfloat16, default_device()) else _WITHOUT_BF16


def task_column(task: str) -> Column:
    """Return the column of a Storyworld task."""
    metric = TASKS[task].metric
    return Column(f"{task} ({metric})", task, f"{task}_{metric}")


def _table(entry: Mapping[str, Any]) -> PaperTable:
    storyworld = entry["storyworld"]
    return PaperTable(
        entry["title"],
        [Column(*column) for column in entry["columns"]],
        entry["rows"],
        entry["variants"],
        [
            *(Column(*column) for column in storyworld.get("columns", [])),
            *map(task_column, storyworld.get("tasks", [])),
        ],
        storyworld["variants"],
    )


_CONTENT = yaml.safe_load(Path(__file__).with_name("paper_tables.yaml").read_text(encoding="utf-8"))
TASKS: Final = {name: Task(**fields) for name, fields in _CONTENT["tasks"].items()}
VARIANTS: Final = {name: Variant(**fields) for name, fields in _CONTENT["variants"].items()}
TABLES: Final = {name: _table(entry) for name, entry in _CONTENT["tables"].items()}
BUDGETS: Final = {name: Budget(**fields) for name, fields in _CONTENT["budgets"].items()}
LAYER_TASKS: Final[Mapping[str, str]] = _CONTENT["figure2"]["layers"]
"""Figure 2 left: Storyworld tasks, and the datasets that they stand for."""
ZERO_SHOT: Final[Mapping[str, list[str]]] = _CONTENT["figure2"]["zero_shot"]
"""Figure 2 right: benchmark, protocol and metric of each curve."""
PARTS: Final = (*TABLES, FIGURE)
