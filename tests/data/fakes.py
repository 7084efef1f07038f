"""Labeled datasets that the tests make up."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.dataset import Example, SupervisedDataset
from gpt_toolkit.data.supervised.label_maps import class_labels
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset, tokenize_dataset
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer


class FakeDataset(SupervisedDataset):
    """Examples in memory.

    Attributes:
        content: Examples by split.
        facts: Notes on every split.
        n_read: How often examples were asked for.
    """

    def __init__(self, spec: TaskSpec, content: Mapping[str, Sequence[Example]]) -> None:
        super().__init__(spec, f"fake {spec.name}", {}, class_labels(()))
        self.content, self.n_read = content, 0

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in ("train", "val", "test") if split in self.content)

    def identity(self, split: str) -> str:
        return f"{self.spec} {split} {self.content[split]}"

    def examples(self, split: str) -> Iterator[Example]:
        self.n_read += 1
        return iter(self.content[split])

    def notes(self, split: str) -> list[str]:
        return list(self.facts)

    def skipped(self, split: str) -> dict[str, int]:
        return {}


def spec(name: str, kind: Kind = "classification", **fields: Any) -> TaskSpec:
    return TaskSpec(name, kind, **{"labels": ("no", "yes"), "choices": 1, "metrics": ("accuracy",), **fields})


def words(random: Random, longest: int) -> str:
    """Return text of 1 to ``longest`` letters."""
    return "".join(random.choices("abcdefgh", k=random.randint(1, longest)))


def single(name: str, n_train: int, *, longest: int = 40, n_val: int = 5, **fields: Any) -> FakeDataset:
    """Make a dataset of one text per example; the text names the example."""
    random = Random(name)

    def rows(split: str, n: int) -> list[Example]:
        return [Example((f"{name}.{split}.{i}.{words(random, longest)}",), i % 2, i) for i in range(n)]

    return FakeDataset(spec(name, **fields), {"train": rows("train", n_train), "val": rows("val", n_val)})


def encoded(
    fake: FakeDataset, root: Path, split: str = "train", template: PromptTemplate | None = None
) -> TokenizedDataset:
    """Encode the examples of a split as bytes."""
    with ProgressBar("test") as progress:
        return tokenize_dataset(fake, split, tokenizer(), template, root, progress)


def tokenizer() -> Tokenizer:
    return load_tokenizer("bytes")
