"""Labelled rows as token ids, encoded once and kept by content.

The texts of a row are kept whole and without marks, so one cache serves every context length. A folder of the
cache holds ``ids.bin``, the token ids of all texts end to end; ``ends.npy``, where each text ends in it;
``targets.npy``, ``rows.npy`` and ``parts.npy``, a number a row; ``references.jsonl``, a line a row; and
``manifest.json``. It is made under another name and renamed when it is whole.
"""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gpt_toolkit.data.pretraining.text_readers import utf8_length
from gpt_toolkit.data.pretraining.token_shards import MANIFEST, token_dtype
from gpt_toolkit.data.supervised.example import Example, SupervisedSet
from gpt_toolkit.hardware import usable_cores
from gpt_toolkit.io import explain_write_errors, write_json
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.loading import Tokenizer

ROWS_VERSION: Final = 1
"""Raised when the same rows would be kept otherwise."""

_JOB_CHARACTERS = 1 << 18  # rows that share one call into the pool
_REMEMBERED = 4096  # texts a job: sets repeat a premise or a document in neighboring rows


class View(Protocol):
    """What of a row is encoded."""

    @property
    def key(self) -> str:
        """Names the view: equal keys, equal texts of equal rows."""

    @property
    def continued(self) -> bool:
        """Whether the texts of a row go on with one another, or are each a text of its own."""

    def texts(self, example: Example) -> Sequence[str]:
        """The texts of a row."""

    def references(self, example: Example) -> Sequence[str]:
        """Answers that count as right, where the answer is text."""


class Plain:
    """The texts as the set gives them."""

    key = "plain"
    continued = False

    def texts(self, example: Example) -> Sequence[str]:
        """The set's own."""
        return example.texts

    def references(self, example: Example) -> Sequence[str]:
        """None: the answer is a class or a number."""
        return ()


class EncodedRows:
    """The rows of a split, memory-mapped.

    Args:
        folder: Where they lie.

    Raises:
        FileNotFoundError: If they have not been prepared.
        ValueError: If a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / MANIFEST).is_file():
            raise FileNotFoundError(
                f"No prepared rows in {folder}: run `gpt-toolkit prepare` with the same arguments first."
            )
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            self.n_texts, self.remarks = int(manifest["n_texts"]), list(map(str, manifest["remarks"]))
            dtype, n_ids = token_dtype(manifest["vocab_size"]), int(manifest["n_ids"])
            self._ids = (
                np.memmap(folder / "ids.bin", dtype, mode="r", shape=(n_ids,))
                if n_ids
                else np.empty(0, dtype)
            )
            self._ends: NDArray[np.int64] = np.load(folder / "ends.npy", mmap_mode="r")
            self.targets: NDArray[np.float64] = np.load(folder / "targets.npy")
            self.numbers: NDArray[np.int64] = np.load(folder / "rows.npy")
            self.parts: NDArray[np.int64] = np.load(folder / "parts.npy")
            if len(self._ends) != len(self) * self.n_texts or self._ends[-1] != n_ids:
                raise ValueError("the files do not belong together")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f"The prepared rows in {folder} are damaged ({error}): delete the folder and run the same "
                "command again."
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes map the files anew
        return EncodedRows, (self.folder,)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def n_ids(self) -> int:
        """Tokens of all texts."""
        return int(self._ends[-1])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, ``(rows, texts)``."""
        return np.diff(self._ends, prepend=0).reshape(len(self), self.n_texts)

    def texts(self, index: int) -> list[NDArray[Any]]:
        """Token ids of each text of a row."""
        first = index * self.n_texts
        begin = int(self._ends[first - 1]) if first else 0
        ends = self._ends[first : first + self.n_texts].tolist()
        texts = []
        for end in ends:
            texts.append(self._ids[begin:end])
            begin = end
        return texts

    @cached_property
    def references(self) -> list[list[str]]:
        """Answers that count as right, for each row."""
        with (self.folder / "references.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def rows_folder(rows: SupervisedSet, split: str, tokenizer: Tokenizer, view: View, root: Path) -> Path:
    """Where the encoded rows of a split lie: named by all that decides their bytes."""
    parts = {
        "rows": rows.identity(split),
        "kind": rows.spec.kind,
        "parts": rows.spec.parts,
        "tokenizer": tokenizer.fingerprint,
        "view": view.key,
        "version": ROWS_VERSION,
    }
    return root / hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def encode_rows(
    rows: SupervisedSet,
    split: str,
    tokenizer: Tokenizer,
    view: View,
    root: Path,
    progress: ProgressBar,
    *,
    threads: int | None = None,
) -> EncodedRows:
    """Encode the rows of a split, unless they are there already.

    Args:
        rows: The set.
        split: Which of its splits.
        tokenizer: Turns text into token ids.
        view: What of a row is encoded.
        root: Folder of all encoded rows.
        progress: Told of the text as it is read.
        threads: Threads that encode; None: one a core. The result does not depend on it.

    Raises:
        OSError: If the disk is full.
        ValueError: If the split has no rows, or a row is not as its set's kind wants it.
    """
    folder = rows_folder(rows, split, tokenizer, view, root)
    if (folder / MANIFEST).is_file():
        return EncodedRows(folder)
    with _explain_full_disk(folder):
        root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"Another process is preparing {folder}; waiting for it.")
        lock.acquire()
    try:
        if not (folder / MANIFEST).is_file():
            for left in root.glob(f"{folder.name}.*.partial"):  # of a process that was killed
                shutil.rmtree(left)
            partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
            try:
                with _explain_full_disk(folder):
                    partial.mkdir()
                    _Encoding(rows, split, tokenizer, view, partial, progress).run(threads)
                    partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return EncodedRows(folder)
    finally:
        lock.release()


def _explain_full_disk(folder: Path) -> AbstractContextManager[None]:
    advice = (
        "make space, or set GPT_TOOLKIT_CACHE to a folder on another disk, and run the same command again"
    )
    return explain_write_errors(folder, advice, disk_full_only=True)


class _Encoding:
    """One run of :func:`encode_rows` that has to write."""

    def __init__(
        self,
        rows: SupervisedSet,
        split: str,
        tokenizer: Tokenizer,
        view: View,
        folder: Path,
        progress: ProgressBar,
    ) -> None:
        self.rows, self.split, self.tokenizer, self.view = rows, split, tokenizer, view
        self.folder, self.progress = folder, progress
        self.dtype = token_dtype(tokenizer.vocab_size)
        self.parts = {part: i for i, part in enumerate(rows.spec.parts)}

    def run(self, threads: int | None) -> None:
        """Read, encode and write all rows."""
        targets: list[float] = []
        numbers: list[int] = []
        parts: list[int] = []
        lengths: list[NDArray[np.int64]] = []
        threads = threads or usable_cores()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")
        ahead: deque[tuple[list[Example], Future[tuple[NDArray[Any], NDArray[np.int64]]]]] = deque()
        with (
            (self.folder / "ids.bin").open("wb") as ids_file,
            (self.folder / "references.jsonl").open("w", encoding="utf-8") as references,
        ):

            def write() -> None:
                job, encoded = ahead.popleft()
                ids, found = encoded.result()
                ids_file.write(ids.tobytes())
                lengths.append(found)
                for row in job:
                    targets.append(np.nan if row.target is None else float(row.target))
                    numbers.append(row.row)
                    parts.append(self._part(row))
                    answers = list(self.view.references(row))
                    references.write(json.dumps(answers, ensure_ascii=False) + "\n" if answers else "[]\n")
                self.progress.advance(sum(utf8_length(text) for row in job for text in row.texts))

            try:
                for job in self._jobs():
                    ahead.append((job, pool.submit(self._encode, job)))
                    if len(ahead) > 2 * threads:  # enough that no thread waits; more would only fill memory
                        write()
                while ahead:
                    write()
            finally:
                pool.shutdown(cancel_futures=True)
        if not targets:
            raise ValueError(f"{self.rows.title} has no rows in its {self.split} split.")
        ends = np.cumsum(np.concatenate(lengths), dtype=np.int64)
        np.save(self.folder / "ends.npy", ends)
        np.save(self.folder / "targets.npy", np.array(targets, np.float64))
        np.save(self.folder / "rows.npy", np.array(numbers, np.int64))
        np.save(self.folder / "parts.npy", np.array(parts, np.int64))
        manifest = {
            "title": self.rows.title,
            "split": self.split,
            "n_rows": len(targets),
            "n_texts": len(ends) // len(targets),
            "n_ids": int(ends[-1]),
            "remarks": self.rows.remarks(self.split),
            "vocab_size": self.tokenizer.vocab_size,
        }
        write_json(self.folder / MANIFEST, manifest, indent=1, durable=True)

    def _jobs(self) -> Iterator[list[Example]]:
        job: list[Example] = []
        size = 0
        n_texts = 0
        for row in self.rows.examples(self.split):
            n_texts = n_texts or len(row.texts)
            if len(row.texts) != n_texts:
                raise ValueError(
                    f"{self.rows.title}, {self.split} row {row.row} has {len(row.texts)} texts, the rows "
                    f"before it {n_texts}: all rows of a set have equally many."
                )
            job.append(row)
            size += sum(map(len, row.texts))
            if size >= _JOB_CHARACTERS:
                yield job
                job, size = [], 0
        if job:
            yield job

    def _encode(self, job: list[Example]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Token ids of a job's texts end to end, and the length of each."""
        known: dict[str, NDArray[np.uint32]] = {}
        pieces: list[NDArray[np.uint32]] = []
        for row in job:
            for place, text in enumerate(self.view.texts(row)):
                first = place == 0 or not self.view.continued
                key = text if first else f"\0{text}"
                if (ids := known.get(key)) is None:
                    try:
                        ids = self.tokenizer.encode_chunk(text, first=first)
                    except ValueError as error:
                        raise ValueError(
                            f"{self.rows.title}, {self.split} row {row.row}: {error} Choose a tokenizer that "
                            "was made for such text."
                        ) from error
                    if len(known) == _REMEMBERED:
                        known.clear()
                    known[key] = ids
                pieces.append(ids)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        return np.concatenate(pieces).astype(self.dtype), lengths

    def _part(self, row: Example) -> int:
        if not row.part:
            return -1
        if row.part not in self.parts:
            raise ValueError(
                f"{self.rows.title}, {self.split} row {row.row} is of the part {row.part!r}; expected one "
                f"of {', '.join(self.parts) or 'none'}."
            )
        return self.parts[row.part]
