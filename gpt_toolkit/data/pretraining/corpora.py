"""Corpora with a name: datasets of the Hugging Face hub, and Storyworld."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from gpt_toolkit import storyworld
from gpt_toolkit.data.pretraining.corpus import Chunk, Position, hold_out_interval, split_documents
from gpt_toolkit.data.pretraining.text_files import estimate_bytes
from gpt_toolkit.data.pretraining.text_records import record_text
from gpt_toolkit.data.splits import SPLITS, Split, split_named
from gpt_toolkit.suggestions import did_you_mean

STORYWORLD: Final = "storyworld"
STORYWORLD_DOCUMENTS: Final = 12_000
"""Default number of documents for training (tuned here: about 10 MB of text)."""

_STORYWORLD_SPLITS: Final[Mapping[Split, str]] = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class HubCorpus:
    """Dataset of the Hugging Face hub, or a folder in its layout.

    A position is the number of a split, of the records read of it, and of the documents read of the next one.

    Args:
        name: Name of the dataset, with its configuration after a colon: ``wikitext:wikitext-2-raw-v1``.
        streaming: Read over the network record by record instead of downloading first.
        val_fraction: If the dataset has no validation split, every ``round(1 / val_fraction)``-th record is
            for validation.
        text_field: Field of a record that holds its text.
        separator: Text that ends a document inside a record; None: a record is one document.
        limit_documents: Number of records to read of each split; None: all.
    """

    name: str
    streaming: bool
    val_fraction: float
    text_field: str
    separator: str | None
    limit_documents: int | None

    @property
    def title(self) -> str:
        """Name of the dataset."""
        return self.name

    @cached_property
    def _splits(self) -> dict[Split, Any]:
        """The dataset's splits under the names used here.

        Raises:
            ValueError: If the dataset cannot be loaded, or has no training split.
        """
        import datasets

        name, _, config = self.name.partition(":")
        with self._explain_errors():
            loaded = datasets.load_dataset(name, config or None, streaming=self.streaming)
        found: dict[Split, Any] = {}
        for split_name, records in loaded.items():
            if (split := split_named(str(split_name))) is not None:
                found.setdefault(split, records)
        if "train" not in found:
            raise ValueError(
                f"dataset: {self.name!r} with the splits {', '.join(loaded)}; expected a split named train"
            )
        return {split: found[split] for split in SPLITS if split in found}

    @cached_property
    def _revision(self) -> str:
        """The library's hash of the dataset's files, or of their revision on the hub."""
        import datasets

        name, _, config = self.name.partition(":")
        with self._explain_errors():
            builder = datasets.load_dataset_builder(name, config or None)
        return f"{builder.config.name} {builder.config.version} {builder.hash}"

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            hint = did_you_mean(self.name.partition(":")[0].lower(), [STORYWORLD])
            raise ValueError(
                f"dataset: {self.name!r} not loaded ({reason}){hint}; expected a dataset of the hub, and a "
                "network the first time; give local files with files instead"
            ) from error

    def identity(self) -> Mapping[str, Any]:
        """Return name, configuration and revision."""
        return {
            "kind": "hub",
            "name": self.name,
            "revision": self._revision,
            "val_fraction": self.val_fraction,
            "text_field": self.text_field,
            "separator": self.separator,
            "limit_documents": self.limit_documents,
        }

    def n_bytes(self) -> int | None:
        """Return roughly the bytes of the training text; None if unknown."""
        train = self._splits["train"]
        n_documents = self.limit_documents or (None if self.streaming else len(train))
        return None if n_documents is None else estimate_bytes(self.chunks(), n_documents)

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """Yield the records in order, from a position."""
        first_split, n_done, n_inside = position or (0, 0, 0)
        every = 0 if "val" in self._splits else hold_out_interval(self.val_fraction)
        limit = self.limit_documents
        sizes = [0 if self.streaming else len(records) for records in self._splits.values()]
        sizes = [min(size, limit or size) for size in sizes]
        for number, (split, records) in enumerate(self._splits.items()):
            if number < first_split:
                continue
            rest = islice(records.skip(n_done) if n_done else records, limit and limit - n_done)
            for index, record in enumerate(rest, start=n_done):
                text = record_text(record, self.text_field, f"{self.name}, {split} record {index + 1}")
                is_held_out = split == "train" and every and index % every == every - 1
                fraction = None if self.streaming else (sum(sizes[:number]) + index + 1) / sum(sizes)
                documents = split_documents(text, self.separator)
                for i, document in enumerate(documents[n_inside:], start=n_inside + 1):
                    after = [number, index + 1, 0] if i == len(documents) else [number, index, i]
                    yield Chunk(document, True, "val" if is_held_out else split, after, fraction)
                n_inside = 0
            n_done = 0


@dataclass(frozen=True)
class StoryworldCorpus:
    """Documents of Storyworld: stories, letters, dialogues and others.

    A position is the number of a split, and of the documents read of it.

    Args:
        seed: Seed of the documents.
        val_fraction: Documents for validation, as a fraction of those for training; as many are for testing.
        limit_documents: Number of documents for training.
        mix: Weight of each kind of document.
    """

    seed: int
    val_fraction: float
    limit_documents: int
    mix: Mapping[str, float]

    @property
    def title(self) -> str:
        """Name, number of documents and seed."""
        return f"{STORYWORLD} ({self.limit_documents:,} documents, seed {self.seed})"

    @property
    def _counts(self) -> dict[Split, int]:
        held_out = max(1, round(self.limit_documents * self.val_fraction)) if self.val_fraction else 0
        return {"train": self.limit_documents, "val": held_out, "test": held_out}

    def identity(self) -> Mapping[str, Any]:
        """Return version, seed, counts and weights."""
        return {
            "kind": STORYWORLD,
            "version": storyworld.VERSION,
            "seed": self.seed,
            "counts": self._counts,
            "mix": storyworld.shares(self.mix),
        }

    def n_bytes(self) -> int | None:
        """Return roughly the bytes of the training text."""
        return estimate_bytes(self.chunks(), self.limit_documents)

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """Yield the documents in order, from a position."""
        first_split, n_done = position or (0, 0)
        total, n_before = sum(self._counts.values()), 0
        for number, (split, count) in enumerate(self._counts.items()):
            if number >= first_split:
                for index in range(n_done, count):
                    text = storyworld.document(self.seed, _STORYWORLD_SPLITS[split], index, self.mix)
                    fraction = (n_before + index + 1) / total
                    yield Chunk(text, True, split, [number, index + 1], fraction)
                n_done = 0
            n_before += count
