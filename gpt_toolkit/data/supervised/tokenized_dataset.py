"""Labeled examples as token ids, encoded once and cached by content.

The cache holds the texts of an example in full and without special tokens, so it serves every context length.
A folder of the cache holds ``ids.bin``, the token ids of all texts end to end; ``ends.npy``, the end of each
text in it; ``examples.npy``, target, whether it has one, number and subset of each example;
``references.jsonl``, a line for each example; and ``manifest.json``, which has the checksums of the others.
Each process verifies them when it opens the folder. Reading maps the files into memory, so memory does not
grow with the dataset.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gpt_toolkit.checksums import file_checksum, read_checked_json, verify_file, write_checked_json
from gpt_toolkit.data.encoding import map_on_threads, token_dtype
from gpt_toolkit.data.supervised.dataset import Example, SupervisedDataset
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate
from gpt_toolkit.io import atomic_folder, explain_write_errors
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import Tokenizer

CACHE_VERSION: Final = 4
"""Raised when the same examples would be cached in another way."""

_MANIFEST = "manifest.json"
_FILES = ("ids.bin", "ends.npy", "examples.npy", "references.jsonl")
_EXAMPLE_DTYPE = np.dtype(
    [("target", np.float64), ("has_target", np.bool_), ("number", np.int64), ("subset", np.int64)]
)
_BATCH_CHARACTERS = 1 << 18  # examples that one call into the pool encodes
_CACHED_TEXTS = 4096  # texts of a call; neighboring examples often share a premise or a document


class TokenizedDataset:
    """The encoded examples of a split, mapped into memory.

    Args:
        folder: Folder of the cache.

    Attributes:
        targets: Target of each example; 0 if it has none.
        has_target: Whether each example has a target.
        numbers: Number of each example in its split.
        subsets: Subset of each example, as an index into ``TaskSpec.subsets``; -1 for none.
        n_texts: Number of texts of an example.
        n_ids: Number of all token ids.
        notes: Notes on the split, for the user.
        skipped: Number of records that are not among the examples, by reason.

    Raises:
        FileNotFoundError: If the examples have not been prepared.
        ValueError: If a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / _MANIFEST).is_file():
            raise FileNotFoundError(
                f"{folder}: no prepared examples; expected some; run `gpt-toolkit prepare` with the same "
                "arguments"
            )
        advice = f"delete the folder {folder} and run the same command again"
        manifest = read_checked_json(folder / _MANIFEST, advice)
        for name in _FILES:
            verify_file(folder / name, manifest["checksums"][name], advice)
        try:
            self.n_texts, self.notes = int(manifest["n_texts"]), list(map(str, manifest["notes"]))
            self.skipped: dict[str, int] = dict(manifest["skipped"])
            dtype, self.n_ids = token_dtype(manifest["vocab_size"]), int(manifest["n_ids"])
            if self.n_ids:
                self._ids = np.memmap(folder / "ids.bin", dtype, mode="r", shape=(self.n_ids,))
            else:
                self._ids = np.empty(0, dtype)  # type: ignore[assignment]  # an empty file cannot be mapped
            self._ends: NDArray[np.int64] = np.load(folder / "ends.npy", mmap_mode="r")
            table = np.load(folder / "examples.npy", mmap_mode="r")
            self.targets = np.ascontiguousarray(table["target"])
            self.has_target = np.ascontiguousarray(table["has_target"])
            self.numbers = np.ascontiguousarray(table["number"])
            self.subsets = np.ascontiguousarray(table["subset"])
            if len(self._ends) != len(self) * self.n_texts or self._ends[-1] != self.n_ids:
                raise ValueError("files of different sizes")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{folder}: damaged ({error}); expected prepared examples; {advice}") from error

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes map the files themselves
        return TokenizedDataset, (self.folder,)

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, ``(examples, texts)``."""
        return np.diff(self._ends, prepend=0).reshape(len(self), self.n_texts)

    @cached_property
    def references(self) -> list[list[str]]:
        """Correct answers of each example."""
        with (self.folder / "references.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def texts(self, index: int) -> list[NDArray[Any]]:
        """Return the token ids of each text of an example."""
        first = index * self.n_texts
        begin = int(self._ends[first - 1]) if first else 0
        texts = []
        for end in self._ends[first : first + self.n_texts].tolist():
            texts.append(self._ids[begin:end])
            begin = end
        return texts


def tokenized_folder(
    dataset: SupervisedDataset, split: str, tokenizer: Tokenizer, template: PromptTemplate | None, root: Path
) -> Path:
    """Return the folder of a split's encoded examples; its name follows from all that decides its content."""
    facts = {
        "examples": dataset.identity(split),
        "kind": dataset.spec.kind,
        "subsets": dataset.spec.subsets,
        "tokenizer": tokenizer.fingerprint,
        "view": template.key if template else "plain",
        "version": CACHE_VERSION,
    }
    return root / hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()


def tokenize_dataset(
    dataset: SupervisedDataset,
    split: str,
    tokenizer: Tokenizer,
    template: PromptTemplate | None,
    root: Path,
    progress: ProgressBar,
) -> TokenizedDataset:
    """Encode the examples of a split on all cores, unless the cache has them.

    Args:
        dataset: The dataset.
        split: Name of the split.
        tokenizer: Converts text to token ids.
        template: Turns examples into text; None: their texts are encoded as they are.
        root: Folder of all encoded examples.
        progress: Progress bar, advanced as text is encoded.

    Raises:
        OSError: If the disk is full.
        ValueError: If the split is empty, or an example does not fit its dataset's kind.
    """
    folder = tokenized_folder(dataset, split, tokenizer, template, root)
    if folder.is_dir():
        return TokenizedDataset(folder)
    advice = "make space, or set GPT_TOOLKIT_CACHE to a folder on another disk; then run this again"
    with explain_write_errors(folder, advice, disk_full_only=True):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"waiting for another process that is preparing {folder}")
            lock.acquire()
        try:
            if not folder.is_dir():
                for left_over in root.glob(f"{folder.name}.*.partial"):  # of a process that was killed
                    shutil.rmtree(left_over)
                writer = _Writer(dataset, split, tokenizer, template)
                with atomic_folder(folder) as unfinished:
                    writer.write(unfinished, progress)
        finally:
            lock.release()
    return TokenizedDataset(folder)


_Encoded: TypeAlias = tuple[list[Example], NDArray[Any], NDArray[np.int64]]


class _Writer:
    """Encodes and writes the examples of a split."""

    def __init__(
        self, dataset: SupervisedDataset, split: str, tokenizer: Tokenizer, template: PromptTemplate | None
    ) -> None:
        self.dataset, self.split, self.tokenizer, self.template = dataset, split, tokenizer, template
        self.dtype = token_dtype(tokenizer.vocab_size)
        self.subsets = {name: i for i, name in enumerate(dataset.spec.subsets)}

    def write(self, folder: Path, progress: ProgressBar) -> None:
        examples: list[NDArray[Any]] = []
        lengths: list[NDArray[np.int64]] = []
        with (
            (folder / "ids.bin").open("wb") as ids_file,
            (folder / "references.jsonl").open("w", encoding="utf-8") as references_file,
        ):
            for batch, ids, batch_lengths in map_on_threads(self._encode, self._batches()):
                ids_file.write(ids.tobytes())
                lengths.append(batch_lengths)
                examples.append(np.array([self._numbers(example) for example in batch], _EXAMPLE_DTYPE))
                for example in batch:
                    references = self.template.references(example) if self.template else ()
                    references_file.write(json.dumps(references, ensure_ascii=False) + "\n")
                progress.advance(sum(len(text.encode()) for one in batch for text in one.texts))
        if not examples:
            raise ValueError(
                f"{self.dataset.title}: no examples in its {self.split} split; expected at least one"
            )
        ends = np.cumsum(np.concatenate(lengths), dtype=np.int64)
        table = np.concatenate(examples)
        np.save(folder / "ends.npy", ends)
        np.save(folder / "examples.npy", table)
        manifest = {
            "checksums": {name: file_checksum(folder / name) for name in _FILES},
            "title": self.dataset.title,
            "split": self.split,
            "n_texts": len(ends) // len(table),
            "n_ids": int(ends[-1]),
            "notes": self.dataset.notes(self.split),
            "skipped": self.dataset.skipped(self.split),
            "vocab_size": self.tokenizer.vocab_size,
        }
        write_checked_json(folder / _MANIFEST, manifest)

    def _batches(self) -> Iterator[list[Example]]:
        batch: list[Example] = []
        n_characters = n_texts = 0
        for example in self.dataset.examples(self.split):
            n_texts = n_texts or len(example.texts)
            if len(example.texts) != n_texts:
                raise ValueError(
                    f"{self._place(example)}: {len(example.texts)} texts; expected {n_texts}, as in the "
                    "examples before it"
                )
            batch.append(example)
            n_characters += sum(map(len, example.texts))
            if n_characters >= _BATCH_CHARACTERS:
                yield batch
                batch, n_characters = [], 0
        if batch:
            yield batch

    def _encode(self, batch: list[Example]) -> _Encoded:
        """Return the examples, the token ids of all their texts end to end, and the length of each text."""
        known: dict[tuple[str, bool], NDArray[np.uint32]] = {}
        pieces: list[NDArray[np.uint32]] = []
        for example in batch:
            texts = self.template.texts(example) if self.template else example.texts
            for place, text in enumerate(texts):
                is_first = place == 0 or self.template is None  # the texts of a template are one text
                ids = known.get((text, is_first))
                if ids is None:
                    try:
                        ids = self.tokenizer.encode_chunk(text, first=is_first)
                    except ValueError as error:
                        advice = "choose a tokenizer that was trained on such text"
                        raise ValueError(f"{self._place(example)}: {error}; {advice}") from error
                    if len(known) == _CACHED_TEXTS:
                        known.clear()
                    known[text, is_first] = ids
                pieces.append(ids)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        return batch, np.concatenate(pieces).astype(self.dtype), lengths

    def _numbers(self, example: Example) -> tuple[float, bool, int, int]:
        """Return target, whether it has one, number and subset of an example."""
        if example.subset and example.subset not in self.subsets:
            raise ValueError(
                f"{self._place(example)}: subset {example.subset!r}; expected one of "
                f"{', '.join(self.subsets) or 'none'}"
            )
        subset = self.subsets[example.subset] if example.subset else -1
        return float(example.target or 0), example.target is not None, example.number, subset

    def _place(self, example: Example) -> str:
        return f"{self.dataset.title}, {self.split} example {example.number}"
