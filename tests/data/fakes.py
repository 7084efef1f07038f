"""Labelled sets that are made up by the tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.example import Example
from gpt_toolkit.data.supervised.tokenized_rows import EncodedRows, Plain, View, encode_rows
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.loading import Tokenizer


@dataclass
class FakeSet:
    """A set of rows in memory; ``read`` counts how often its rows were asked for."""

    spec: TaskSpec
    content: Mapping[str, Sequence[Example]]
    prompt: str = ""
    notes: list[str] = field(default_factory=list)
    read: int = 0

    @property
    def title(self) -> str:
        return f"fake {self.spec.name}"

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in ("train", "val", "test") if split in self.content)

    def identity(self, split: str) -> str:
        return f"{self.spec} {split} {self.content[split]}"

    def examples(self, split: str) -> Iterator[Example]:
        self.read += 1
        return iter(self.content[split])

    def remarks(self, split: str) -> list[str]:
        return self.notes


def spec(name: str, kind: Kind = "classification", **fields: Any) -> TaskSpec:
    return TaskSpec(name, kind, **{"labels": ("no", "yes"), "choices": 1, "metrics": ("accuracy",), **fields})


def words(random: Random, longest: int) -> str:
    """Text of 1 to ``longest`` letters."""
    return "".join(random.choices("abcdefgh", k=random.randint(1, longest)))


def single(name: str, n_train: int, *, longest: int = 40, n_val: int = 5, **fields: Any) -> FakeSet:
    """A classification of one text; each text names its row."""
    random = Random(name)

    def rows(split: str, n: int) -> list[Example]:
        return [Example((f"{name}.{split}.{i}.{words(random, longest)}",), i % 2, i) for i in range(n)]

    return FakeSet(spec(name, **fields), {"train": rows("train", n_train), "val": rows("val", n_val)})


def encoded(fake: FakeSet, root: Path, split: str = "train", view: View | None = None) -> EncodedRows:
    """Rows of a set, encoded as bytes."""
    with ProgressBar("test") as progress:
        return encode_rows(fake, split, tokenizer(), view or Plain(), root, progress, threads=1)


def tokenizer() -> Tokenizer:
    return load_tokenizer("bytes")
