"""Labeled examples for every type of task in GPT-1's Table 1, drawn without limit and without a network.

Every example depends on (seed, split, position) alone. Validation and test examples are about a person and a
thing that meet in no example, and in no story, of another split. The content of an example is drawn before
its label wherever possible, so that only the meaning determines the label.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from types import MappingProxyType

from gpt_toolkit.storyworld.datasets.acceptability import ACCEPTABILITY
from gpt_toolkit.storyworld.datasets.endings import ENDINGS
from gpt_toolkit.storyworld.datasets.entailment import ENTAILMENT
from gpt_toolkit.storyworld.datasets.labeled_example import Dataset, LabeledExample
from gpt_toolkit.storyworld.datasets.reading import READING
from gpt_toolkit.storyworld.datasets.sentence_pairs import PARAPHRASE, SIMILARITY
from gpt_toolkit.storyworld.datasets.sentiment import SENTIMENT
from gpt_toolkit.storyworld.people import mix

__all__ = ["DATASETS", "EXAMPLES_VERSION", "Dataset", "LabeledExample", "labeled_examples"]

EXAMPLES_VERSION = 2
"""Version of the examples, raised whenever any of them changes."""

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (ACCEPTABILITY, SENTIMENT, ENTAILMENT, PARAPHRASE, SIMILARITY, READING, ENDINGS)
    }
)
"""The datasets by name. The order is part of the seed of the examples."""


def labeled_examples(dataset: str, seed: int, split: str, start: int = 0) -> Iterator[LabeledExample]:
    """Return an endless stream of labeled examples.

    Args:
        dataset: A key of ``DATASETS``.
        seed: Number of the stream.
        split: "train", "validation" or "test"; for entailment also "validation_mismatched" and
            "test_mismatched", whose premises are of genres that the other splits do not have.
        start: Position of the first example. After reading ``n`` examples, continue with ``n``.

    Raises:
        ValueError: If the dataset or the split is unknown or the start negative; at once, not when the first
            example is read.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset: {dataset!r}; expected one of {', '.join(map(repr, DATASETS))}")
    found = DATASETS[dataset]
    if split not in found.splits:
        known = ", ".join(map(repr, found.splits))
        raise ValueError(f"split of {dataset}: {split!r}; expected one of {known}")
    if start < 0:
        raise ValueError(f"start: {start}; expected 0 or more")
    stream = mix(seed, [*DATASETS].index(dataset), found.splits.index(split))
    return (found.draw(Random(mix(stream, index)), split) for index in count(start))
