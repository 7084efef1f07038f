"""Corpora that have a name: data sets of the hub, and the built-in world."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from gpt_toolkit import storyworld
from gpt_toolkit.data.pretraining.text_files import estimate_bytes, split_named
from gpt_toolkit.data.pretraining.text_readers import Chunk, Position, text_of, utf8_length
from gpt_toolkit.data.pretraining.token_shards import SPLITS, Split

STORYWORLD: Final = "storyworld"
STORYWORLD_DOCUMENTS: Final = 12_000
"""Documents for training unless ``limit_documents`` says otherwise (ours: about 10 MB of text)."""

_WORLD_SPLITS: Final[Mapping[Split, str]] = {"train": "train", "val": "validation", "test": "test"}


def _chunk(text: str, split: Split, position: Position, share: float | None) -> Chunk:
    return Chunk(text, True, split, utf8_length(text), position, share)


@dataclass(frozen=True)
class HubSource:
    """A data set of the Hugging Face hub, or a folder in its layout.

    Args:
        name: Its name, with the configuration after a colon: ``wikitext:wikitext-2-raw-v1``.
        streaming: Read over the network record by record instead of downloading first.
        val_fraction: Where it has no validation split, every ``round(1 / val_fraction)``-th record is for
            that.
        text_field: Field of a record that holds its text.
        limit_documents: Records read of each split; None: all.
    """

    name: str
    streaming: bool
    val_fraction: float
    text_field: str
    limit_documents: int | None

    @property
    def title(self) -> str:
        """Its name."""
        return self.name

    @cached_property
    def _splits(self) -> dict[Split, Any]:
        """The data set's own splits under our names.

        Raises:
            ValueError: If it cannot be had, or has no training split.
        """
        import datasets

        name, _, config = self.name.partition(":")
        with self._loading():
            loaded = datasets.load_dataset(name, config or None, streaming=self.streaming)
        found: dict[Split, Any] = {}
        for own, rows in loaded.items():
            if (split := split_named(str(own))) is not None:
                found.setdefault(split, rows)
        if "train" not in found:
            raise ValueError(
                f"dataset: {self.name!r} has no training split; its splits: {', '.join(loaded)}."
            )
        return {split: found[split] for split in SPLITS if split in found}

    @cached_property
    def _revision(self) -> str:
        """The library's hash of the data set's files, or of their revision on the hub."""
        import datasets

        name, _, config = self.name.partition(":")
        with self._loading():
            builder = datasets.load_dataset_builder(name, config or None)
        return f"{builder.config.name} {builder.config.version} {builder.hash}"

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"dataset: {self.name!r} could not be loaded: {str(error).rstrip('.')}. A data set of the "
                "hub needs a network the first time; local files are given with files instead."
            ) from error

    def identity(self) -> Mapping[str, Any]:
        """Name, configuration and revision."""
        return {
            "kind": "hub",
            "name": self.name,
            "revision": self._revision,
            "val_fraction": self.val_fraction,
            "text_field": self.text_field,
            "limit_documents": self.limit_documents,
        }

    def n_bytes(self) -> int | None:
        """Roughly how many bytes of training text there are."""
        train = self._splits["train"]
        n_documents = self.limit_documents or (None if self.streaming else len(train))
        return None if n_documents is None else estimate_bytes(self.chunks(), n_documents)

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """All records in order, from a position on: split, records of it before."""
        first_split, done = position or (0, 0)
        every = max(2, round(1 / self.val_fraction)) if self.val_fraction and "val" not in self._splits else 0
        n_records = None
        if not self.streaming:
            n_records = sum(
                min(len(rows), self.limit_documents or len(rows)) for rows in self._splits.values()
            )
        passed = 0  # records of the splits before
        for number, (split, rows) in enumerate(self._splits.items()):
            if number >= first_split:
                for index, record in enumerate(self._from(rows, done), start=done):
                    text = text_of(record, self.text_field, f"{self.name}, {split} record {index + 1}")
                    held = split == "train" and every and index % every == every - 1
                    share = (passed + index + 1) / n_records if n_records else None
                    if text:
                        yield _chunk(text, "val" if held else split, [number, index + 1], share)
                done = 0
            if not self.streaming:
                passed += min(len(rows), self.limit_documents or len(rows))

    def _from(self, rows: Any, done: int) -> Iterator[Mapping[str, Any]]:
        limit = None if self.limit_documents is None else self.limit_documents - done
        return islice(iter(rows.skip(done) if done else rows), limit)


@dataclass(frozen=True)
class WorldSource:
    """Documents of the built-in world: stories, letters, dialogues and others.

    Args:
        seed: Chooses the documents.
        val_fraction: Documents for validation, and as many for testing, as a part of those for training.
        limit_documents: Documents for training.
        mix: The rate of each kind of document.
    """

    seed: int
    val_fraction: float
    limit_documents: int
    mix: Mapping[str, float]

    @property
    def title(self) -> str:
        """The world, and how many documents."""
        return f"{STORYWORLD} ({self.limit_documents:,} documents, seed {self.seed})"

    @property
    def _counts(self) -> dict[Split, int]:
        held = max(1, round(self.limit_documents * self.val_fraction)) if self.val_fraction else 0
        return {"train": self.limit_documents, "val": held, "test": held}

    def identity(self) -> Mapping[str, Any]:
        """Version of the world, seed, counts and rates."""
        return {
            "kind": STORYWORLD,
            "version": storyworld.VERSION,
            "seed": self.seed,
            "counts": self._counts,
            "mix": storyworld.shares(self.mix),
        }

    def n_bytes(self) -> int | None:
        """Roughly how many bytes of training text there are."""
        return estimate_bytes(self.chunks(), self.limit_documents)

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """All documents, from a position on: split, documents of it before."""
        first_split, done = position or (0, 0)
        total, passed = sum(self._counts.values()), 0
        for number, (split, count) in enumerate(self._counts.items()):
            if number >= first_split:
                for index in range(done, count):
                    text = storyworld.document(self.seed, _WORLD_SPLITS[split], index, self.mix)
                    yield _chunk(text, split, [number, index + 1], (passed + index + 1) / total)
                done = 0
            passed += count
