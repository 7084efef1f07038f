"""Storyworld counterparts of the published datasets: endless labeled examples, cut to finite splits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.dataset import Source, SourceExample, SupervisedDataset
from gpt_toolkit.data.supervised.label_maps import spec_labels
from gpt_toolkit.records import OnBadRecord
from gpt_toolkit.storyworld.datasets import DATASETS, EXAMPLES_VERSION, labeled_examples

STORYWORLD: Final = "storyworld"
TRAIN_SIZE: Final = 8_000
"""Default number of training examples (tuned here: about CoLA's size)."""
TEST_SIZE: Final = 1_000
"""Number of validation examples, and of test examples (tuned here: the error of an accuracy is 3 points)."""

_SEED: Final = 0
_MISMATCHED: Final = "mismatched"
_METRICS: Final = {"f1": ("f1", "accuracy"), "pearson": ("pearson", "spearman")}


@dataclass(frozen=True)
class StoryworldSource:
    """The first examples of Storyworld's splits of a dataset.

    Args:
        name: Name of the dataset.
        splits: Storyworld's splits, each with the subset of its examples.
        size: Number of examples of each.
    """

    name: str
    splits: tuple[tuple[str, str], ...]
    size: int

    @property
    def title(self) -> str:
        return f"{STORYWORLD}'s {self.name}"

    def identity(self) -> object:
        return [EXAMPLES_VERSION, self.name, _SEED, [list(split) for split in self.splits], self.size]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[SourceExample]:
        for split, subset in self.splits:
            found = islice(labeled_examples(self.name, _SEED, split), self.size)
            for number, (texts, target, _) in enumerate(found, start=1):
                yield SourceExample(texts, target, subset, where=f"{self.title}, {split} row {number}")


def open_storyworld(entry: str) -> SupervisedDataset:
    """Open a Storyworld dataset: ``storyworld:NAME``, or ``storyworld:NAME:SIZE`` for SIZE training examples.

    Raises:
        ValueError: If the name is unknown or the size is not a positive number.
    """
    name, _, size = entry.replace("/", ":").removeprefix(f"{STORYWORLD}:").partition(":")
    if name not in DATASETS:
        raise ValueError(f"dataset of {STORYWORLD}: {name!r}; expected one of {', '.join(DATASETS)}")
    if size and not (size.isascii() and size.isdigit() and int(size)):
        raise ValueError(
            f"{entry}: size {size!r}; expected a number of examples, as in {STORYWORLD}:{name}:2000"
        )
    world = DATASETS[name]
    subsets = ("matched", _MISMATCHED) if f"validation_{_MISMATCHED}" in world.splits else ()
    kind: Kind = "classification" if world.kind == "entailment" else world.kind
    choices = len(next(labeled_examples(name, _SEED, "train")).texts) - 2 if kind == "multiple_choice" else 1
    names = world.labels or (tuple("012345") if kind == "graded" else ())
    spec = TaskSpec(name, kind, names, choices, _METRICS.get(world.metric, (world.metric,)), subsets)
    sources: dict[str, Source] = {"train": StoryworldSource(name, (("train", ""),), int(size or TRAIN_SIZE))}
    for split, world_split in (("val", "validation"), ("test", "test")):
        splits = tuple(
            (f"{world_split}_{subset}" if subset == _MISMATCHED else world_split, subset)
            for subset in subsets or ("",)
        )
        sources[split] = StoryworldSource(name, splits, TEST_SIZE)
    title = f"{STORYWORLD}'s {name}, the counterpart of {world.counterpart}"
    return SupervisedDataset(spec, title, sources, spec_labels(spec))
