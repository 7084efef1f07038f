"""A corpus of local files: finding them, dividing them into splits, reading them as one stream."""

import glob
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpt_toolkit.data.pretraining.shard_writer import write_json
from gpt_toolkit.data.pretraining.text_readers import (
    SUFFIXES,
    TEXT_SUFFIXES,
    Chunk,
    Position,
    suffix,
    text_size,
)
from gpt_toolkit.data.pretraining.text_slices import SLICE_BYTES, File, FileSlice, Rule, read_files
from gpt_toolkit.data.pretraining.token_shards import SPLITS, Split
from gpt_toolkit.progress import ProgressBar

_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
_PACKED = 3  # ours: English shrinks to about a third under gzip; only for choosing a vocabulary's size
_SAMPLE_DOCUMENTS = 200  # ours: for the same purpose
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Found:
    """A file of the corpus, and the split that its name or its folder's name says, if any."""

    path: Path
    named: Split | None


def split_named(name: str) -> Split | None:
    """The split that the name of a file or folder speaks of.

    ``train``, ``valid.txt``, ``test-00000-of-00002.parquet`` and ``wiki.train.jsonl`` do.
    """
    stem = name[: len(name) - len(suffix(Path(name)))].lower()
    parts = re.split(r"[.\-_]", stem)
    return _NAMES.get(stem) or _NAMES.get(parts[0]) or _NAMES.get(parts[-1])


def find_files(patterns: Sequence[str], argument: str) -> list[Found]:
    """Files that paths, folders and globs stand for, in the order given, each sorted by name.

    Args:
        patterns: What the user wrote.
        argument: Name of the argument, for messages.

    Raises:
        FileNotFoundError: If one of them stands for nothing.
        ValueError: If a file's format is unknown.
    """
    found: dict[Path, Found] = {}
    for pattern in patterns:
        path = Path(pattern).expanduser()
        if path.exists():
            matches = [path]
        elif glob.has_magic(pattern):
            matches = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207 - any pattern
            if not matches:
                raise FileNotFoundError(f"{argument}: nothing matches {pattern!r} (looked in {Path.cwd()}).")
        else:
            raise FileNotFoundError(
                f"{argument}: there is no file or folder {pattern!r} (looked in {Path.cwd()})."
            )
        for match in matches:
            for item in _files_of(match, explicit=match == path, argument=argument):
                found.setdefault(item.path.resolve(), item)
    return list(found.values())


def _files_of(path: Path, *, explicit: bool, argument: str) -> Iterator[Found]:
    if path.is_dir():
        inside = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and suffix(file) and not _hidden(file.relative_to(path))
        ]
        if not inside and explicit:
            raise FileNotFoundError(
                f"{argument}: the folder {path} holds no file ending in {', '.join(SUFFIXES)}."
            )
        for file in inside:
            names = [split_named(name) for name in (*file.relative_to(path).parts, path.name)]
            yield Found(file, next(filter(None, names), None))
    elif suffix(path):
        yield Found(path, split_named(path.name))
    elif explicit:
        raise ValueError(
            f"{argument}: {path} has a format that cannot be read. Known endings: {', '.join(SUFFIXES)}; "
            "rename the file if it is one of these."
        )


def _hidden(relative: Path) -> bool:
    return any(name.startswith(".") for name in relative.parts)


@dataclass(frozen=True)
class Part:
    """The files of one split."""

    split: Split
    files: tuple[Path, ...]


def divide(
    files: Sequence[str], val_files: Sequence[str], test_files: Sequence[str], memo: "FileMemo"
) -> tuple[Part, ...]:
    """Decide which file belongs to which split.

    Names decide if they leave files for training; files without a split's name are for training. Files given
    for validation or testing are never training text.

    Raises:
        ValueError: If there is no training text, or two splits hold the same text.
    """
    found = find_files(files, "files")
    held = {
        "val": find_files(val_files, "val_files"),
        "test": find_files(test_files, "test_files"),
    }
    taken = {item.path.resolve() for items in held.values() for item in items}
    found = [item for item in found if item.path.resolve() not in taken]
    if all(item.named in ("val", "test") for item in found):  # one file that happens to be called test.txt
        found = [Found(item.path, None) for item in found]
    parts = []
    for split in SPLITS:
        paths = [item.path for item in found if (item.named or "train") == split]
        paths += [item.path for item in held.get(split, [])]
        if paths:
            parts.append(Part(split, tuple(paths)))
    if not parts or parts[0].split != "train":
        raise ValueError("files: all of them are also val_files or test_files, so no training text is left.")
    _refuse_copies(parts, memo)
    return tuple(parts)


def _refuse_copies(parts: Sequence[Part], memo: "FileMemo") -> None:
    if len(parts) == 1:
        return
    first: dict[str, tuple[Split, Path]] = {}
    for part in parts:
        for path in part.files:
            split, other = first.setdefault(memo.checksum(path), (part.split, path))
            if split != part.split and path.stat().st_size:
                raise ValueError(
                    f"{other} ({split}) and {path} ({part.split}) hold the same text. Leave one of them out, "
                    "so that no text is in two splits."
                )


class FileMemo:
    """Checksums and unpacked sizes of files, remembered by path, size and time of change.

    Args:
        folder: Where to keep them, one small file each; need not exist.
        progress: Told of the bytes of files that are read to the end for their checksum.
    """

    def __init__(self, folder: Path, progress: ProgressBar | None = None) -> None:
        self._folder, self._progress = folder, progress
        self._facts: dict[Path, dict[str, Any]] = {}

    def checksum(self, path: Path) -> str:
        """BLAKE2b of a file's bytes."""
        return str(self._fact(path, "blake2b"))

    def text_size(self, path: Path) -> int:
        """Bytes of a plain text file, unpacked."""
        return int(self._fact(path, "text_size"))

    def _fact(self, path: Path, kind: str) -> str | int:
        path = path.resolve()
        name = hashlib.blake2b(str(path).encode(), digest_size=16).hexdigest()
        memo = self._folder / f"{name}.json"
        if path not in self._facts:
            try:
                self._facts[path] = json.loads(memo.read_bytes())
            except (OSError, ValueError):
                self._facts[path] = {}
        stat = path.stat()
        stamp = [str(path), stat.st_size, stat.st_mtime_ns]
        if self._facts[path].get("stamp") != stamp:
            self._facts[path] = {"stamp": stamp}
        facts = self._facts[path]
        if kind not in facts:
            facts[kind] = self._blake2b(path) if kind == "blake2b" else text_size(path)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_json(memo, facts, durable=False)
        value: str | int = facts[kind]
        return value

    def _blake2b(self, path: Path) -> str:
        checksum = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                checksum.update(block)
                if self._progress is not None:
                    self._progress.advance(len(block))
        return checksum.hexdigest()


@dataclass(frozen=True)
class FileSource:
    """Local files as one stream of text.

    Args:
        parts: Files by split; the first is for training.
        val_fraction: Where no part is for validation, how much of the training part is: of a plain text file
            its end, of records every ``round(1 / val_fraction)``-th.
        text_field: Field of a record that holds its text.
        limit_documents: Documents read of each part; None: all.
        memo: Knows the files' checksums.
    """

    parts: tuple[Part, ...]
    val_fraction: float
    text_field: str
    limit_documents: int | None
    memo: FileMemo

    @property
    def title(self) -> str:
        """The first file, and how many more."""
        files = [path for part in self.parts for path in part.files]
        return str(files[0]) + (f" and {len(files) - 1} more" if len(files) > 1 else "")

    @property
    def _fraction(self) -> float:
        return 0.0 if any(part.split == "val" for part in self.parts) else self.val_fraction

    def identity(self) -> Mapping[str, Any]:
        """Checksums of the files, and the rule of splitting."""
        return {
            "kind": "files",
            "parts": [
                [part.split, [[suffix(path), self.memo.checksum(path)] for path in part.files]]
                for part in self.parts
            ],
            "val_fraction": self._fraction,
            "text_field": self.text_field,
            "limit_documents": self.limit_documents,
        }

    def n_bytes(self) -> int | None:
        """Roughly how many bytes of training text there are."""
        if self.limit_documents is not None:
            return estimate_bytes(self.chunks(), self.limit_documents)
        size = 0
        for path in self.parts[0].files:
            if suffix(path) in TEXT_SUFFIXES:
                size += self.memo.text_size(path)
            else:
                size += path.stat().st_size * (_PACKED if suffix(path) != ".jsonl" else 1)
        return int(size * (1 - self._fraction))

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """All text in order, from a position on: part, file, place in it, documents of the part before."""
        at, documents = position[2:] if position else (None, 0)
        for files in self._runs(position):
            if at is None and files[0].number == 0:  # a part begins
                documents = 0
            documents = yield from read_files(files, self._rule, at, documents)
            at = None

    def slices(self, position: Position = None) -> Iterator[FileSlice]:
        """The same text as slices that can be read apart."""
        at, documents = position[2:] if position else (None, 0)
        for files in self._runs(position):
            if at is None and files[0].number == 0:  # a part begins
                documents = 0
            absolute = tuple(replace(file, path=file.path.absolute()) for file in files)
            slice_ = FileSlice(absolute, self._rule, at, documents)
            yield slice_
            documents, at = slice_.documents_after(), None

    @property
    def _rule(self) -> Rule:
        return Rule(self._fraction, self.text_field, self.limit_documents)

    def _runs(self, position: Position) -> Iterator[tuple[File, ...]]:
        """The files of each slice, from a position on; which make one follows from their sizes alone."""
        first = tuple(position[:2]) if position else (0, 0)
        sizes = [[path.stat().st_size for path in part.files] for part in self.parts]
        total = sum(map(sum, sizes)) or 1
        before = 0
        for i, part in enumerate(self.parts):
            run: list[File] = []
            run_bytes = 0
            for j, (path, size) in enumerate(zip(part.files, sizes[i], strict=True)):
                if (i, j) >= first:
                    cut = part.split == "train" and self._fraction and suffix(path) in TEXT_SUFFIXES
                    text_size = self.memo.text_size(path) if cut else None
                    run.append(File(path, part.split, i, j, text_size, before, size, total))
                before, run_bytes = before + size, run_bytes + size
                if run_bytes >= SLICE_BYTES:
                    if run:
                        yield tuple(run)
                    run, run_bytes = [], 0
            if run:
                yield tuple(run)


def estimate_bytes(chunks: Iterator[Chunk], n_documents: int) -> int:
    """Roughly the bytes of ``n_documents`` documents, judged by the first of them."""
    seen = n_bytes = 0
    for chunk in chunks:
        if chunk.starts_document:
            if seen == min(n_documents, _SAMPLE_DOCUMENTS):
                break
            seen += 1
        n_bytes += chunk.n_bytes
    return n_bytes * n_documents // seen if seen else 0
