"""Storyworld's twins of the published sets: labelled rows without end, cut to finite splits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.dataset import RowSet, Source
from gpt_toolkit.data.supervised.label_maps import Targets, choice_targets, class_targets, grade_targets
from gpt_toolkit.data.supervised.record_readers import Fault
from gpt_toolkit.data.supervised.schemas import Raw
from gpt_toolkit.storyworld.datasets import DATASETS, EXAMPLES_VERSION, labeled_examples

STORYWORLD: Final = "storyworld"
TRAIN_ROWS: Final = 8_000
"""Rows for training unless the entry says otherwise (ours: about CoLA's size)."""
HELD_ROWS: Final = 1_000
"""Rows for validation, and as many for testing (ours: an accuracy is known to 3 points)."""

_SEED: Final = 0
_MISMATCHED: Final = "mismatched"
_METRICS: Final = {"f1": ("f1", "accuracy"), "pearson": ("pearson", "spearman")}


@dataclass(frozen=True)
class WorldRows:
    """The first rows of streams of a task.

    Args:
        task: Its name.
        streams: The world's splits, each with the part that its rows are of.
        n_rows: Rows of each.
    """

    task: str
    streams: tuple[tuple[str, str], ...]
    n_rows: int

    @property
    def title(self) -> str:
        """The task."""
        return f"{STORYWORLD}'s {self.task}"

    def identity(self) -> object:
        """Version of the rows, seed, streams and counts."""
        return [EXAMPLES_VERSION, self.task, _SEED, [list(stream) for stream in self.streams], self.n_rows]

    def rows(self, fault: Fault) -> Iterator[Raw]:
        """The rows, stream by stream."""
        for split, part in self.streams:
            for number, row in enumerate(
                islice(labeled_examples(self.task, _SEED, split), self.n_rows), start=1
            ):
                yield Raw(row.texts, row.target, f"{self.title}, {split} row {number}", part)


def open_world(entry: str) -> RowSet:
    """A twin by name: ``storyworld:TASK``, or ``storyworld:TASK:ROWS`` with the number of rows for training.

    Raises:
        ValueError: If there is no such task, or the number is none.
    """
    name, _, size = entry.replace("/", ":").removeprefix(f"{STORYWORLD}:").partition(":")
    if name not in DATASETS:
        raise ValueError(f"{STORYWORLD} has no task {name!r}; it has {', '.join(DATASETS)}.")
    if size and not (size.isascii() and size.isdigit() and int(size)):
        raise ValueError(
            f"{entry}: {size!r} is no number of rows. Write {STORYWORLD}:{name}:2000 for 2,000 of them."
        )
    task = DATASETS[name]
    n_choices = (
        len(next(labeled_examples(name, _SEED, "train")).texts) - 2 if task.kind == "multiple_choice" else 1
    )
    parts = ("matched", _MISMATCHED) if f"validation_{_MISMATCHED}" in task.splits else ()
    labels, targets = _targets(task.kind, task.labels, n_choices)
    kind: Kind = "classification" if task.kind == "entailment" else task.kind
    spec = TaskSpec(
        name,
        kind,
        labels,
        n_choices,
        _METRICS.get(task.metric, (task.metric,)),
        parts,
    )
    sources: dict[str, Source] = {"train": WorldRows(name, (("train", ""),), int(size or TRAIN_ROWS))}
    for split, own in (("val", "validation"), ("test", "test")):
        streams = tuple(
            (own if part != _MISMATCHED else f"{own}_{_MISMATCHED}", part) for part in parts or ("",)
        )
        sources[split] = WorldRows(name, streams, HELD_ROWS)
    return RowSet(spec, f"{STORYWORLD}'s {name}, a twin of {task.counterpart}", sources, targets)


def _targets(kind: str, labels: tuple[str, ...], n_choices: int) -> tuple[tuple[str, ...], Targets]:
    if kind == "multiple_choice":
        return (), choice_targets(n_choices)
    if kind == "graded":
        return labels or tuple("012345"), grade_targets(0, 5)
    return labels, class_targets(labels)
