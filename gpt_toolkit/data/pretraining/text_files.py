"""A corpus of local files: find them, divide them into splits, read them as one stream of documents."""

import glob
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.corpus import (
    Chunk,
    Position,
    hold_out_interval,
    split_documents,
    utf8_length,
)
from gpt_toolkit.data.pretraining.plain_text import held_out_offset, read_separated, read_text
from gpt_toolkit.data.pretraining.text_records import read_records
from gpt_toolkit.data.splits import SPLITS, Split, split_named

TEXT_SUFFIXES: Final = (".txt", ".txt.gz")
RECORD_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")
SUFFIXES: Final = TEXT_SUFFIXES + RECORD_SUFFIXES

_COMPRESSION = 3  # tuned here: gzip shrinks English to about a third; only the choice of a vocabulary uses it
_SAMPLE_DOCUMENTS = 200  # tuned here: enough to estimate the mean length of a document


def suffix(path: Path) -> str:
    """Return the known suffix of a file's name, "" if it has none."""
    return next((end for end in SUFFIXES if path.name.lower().endswith(end)), "")


def is_plain_text(path: Path) -> bool:
    """Return whether a file is plain text, which makes it one document."""
    return suffix(path) in TEXT_SUFFIXES


def read_documents(path: Path, text_field: str) -> Iterator[Iterator[str]]:
    """Yield the documents of a file, each as the texts of its chunks."""
    if is_plain_text(path):
        yield (text for text, _ in read_text(path, 0, None))
    else:
        for text, _, _ in read_records(path, text_field):
            yield iter([text])


def find_files(patterns: Sequence[str], argument: str) -> dict[Path, Split | None]:
    """Find the files of paths, folders and globs: in the order given, each pattern's sorted by name.

    Args:
        patterns: Paths, folders and globs of the user.
        argument: Name of the argument, for messages.

    Returns:
        The split that the name of each file or its folder says, if any, by its path.

    Raises:
        FileNotFoundError: If a pattern matches nothing.
        ValueError: If a file's format is unknown.
    """
    found: dict[Path, tuple[Path, Split | None]] = {}
    for pattern in patterns:
        path = Path(pattern).expanduser()
        if path.exists():
            matches = [path]
        elif glob.has_magic(pattern):
            folder = next(parent for parent in path.parents if parent.exists())  # its name is not a pattern
            matches = sorted(folder.glob(str(path.relative_to(folder))))
            if not matches:
                raise FileNotFoundError(
                    f"{argument}: {pattern!r} matches nothing in {Path.cwd()}; expected at least one file"
                )
        else:
            raise FileNotFoundError(
                f"{argument}: {pattern!r} not found in {Path.cwd()}; expected a file or folder"
            )
        for match in matches:
            for file, split in _files_of(match, is_explicit=match == path, argument=argument):
                found.setdefault(file.resolve(), (file, split))
    return dict(found.values())


def _files_of(path: Path, *, is_explicit: bool, argument: str) -> Iterator[tuple[Path, Split | None]]:
    if path.is_dir():
        is_empty = True
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path).parts
            if file.is_file() and suffix(file) and not any(name.startswith(".") for name in inside):
                is_empty = False
                yield file, next(filter(None, map(split_named, (*inside[:-1], _stem(file), path.name))), None)
        if is_empty and is_explicit:
            raise FileNotFoundError(
                f"{argument}: no file in {path}; expected some ending in {', '.join(SUFFIXES)}"
            )
    elif suffix(path):
        yield path, split_named(_stem(path))
    elif is_explicit:
        raise ValueError(
            f"{argument}: unknown format of {path}; expected {', '.join(SUFFIXES)}; rename the file if "
            "it is one of these"
        )


def _stem(path: Path) -> str:
    return path.name[: len(path.name) - len(suffix(path))]


@dataclass(frozen=True)
class SplitFile:
    """A file that belongs to a split."""

    path: Path
    split: Split


def divide(
    files: Sequence[str], val_files: Sequence[str], test_files: Sequence[str], memo: FileMemo
) -> tuple[SplitFile, ...]:
    """Decide which file belongs to which split; training files come first.

    Names decide if they leave files for training. A file without a split's name is for training. Files given
    for validation or testing are never training text.

    Raises:
        ValueError: If no training text is left, or two splits hold the same text.
    """
    given: dict[Split, list[Path]] = {
        "train": [],
        "val": list(find_files(val_files, "val_files")),
        "test": list(find_files(test_files, "test_files")),
    }
    taken = {path.resolve() for paths in given.values() for path in paths}
    found = find_files(files, "files")
    if taken:
        found = {path: split for path, split in found.items() if path.resolve() not in taken}
    if not found:
        raise ValueError("files: all are also val_files or test_files; expected at least one for training")
    has_train = any(split not in ("val", "test") for split in found.values())
    result = []
    for split in SPLITS:  # a single file may be called test.txt, so names do not count without training text
        named = [path for path, name in found.items() if ((has_train and name) or "train") == split]
        result += [SplitFile(path, split) for path in (*named, *given[split])]
    if len({file.split for file in result}) > 1:
        first: dict[str, SplitFile] = {}
        for file in result:
            other = first.setdefault(memo.checksum(file.path), file)
            if file.split != other.split and file.path.stat().st_size:
                raise ValueError(
                    f"{other.path} ({other.split}), {file.path} ({file.split}): the same text; expected "
                    "different texts in different splits; leave one of them out"
                )
    return tuple(result)


@dataclass(frozen=True)
class FileCorpus:
    """Local files as one stream of documents.

    A position is the number of a file, the position in it, and the documents of its split before that.

    Args:
        files: Files in reading order; those of a split are together, and the training files first.
        val_fraction: Fraction of the training text that is for validation if no file is. It is the end of a
            plain text file that is one document, and else every ``round(1 / val_fraction)``-th document.
        text_field: Field of a record that holds its text.
        separator: Text that ends a document inside a plain text file or a record; None: each is one document.
        limit_documents: Number of documents to read of each split; None: all.
        memo: Checksums and sizes of the files.
    """

    files: tuple[SplitFile, ...]
    val_fraction: float
    text_field: str
    separator: str | None
    limit_documents: int | None
    memo: FileMemo

    @property
    def title(self) -> str:
        """Path of the first file, and the number of the others."""
        others = len(self.files) - 1
        return str(self.files[0].path) + (f" and {others} more" if others else "")

    @cached_property
    def held_out(self) -> float:
        """Fraction of the training text that is for validation; 0 if some files are."""
        return 0.0 if any(file.split == "val" for file in self.files) else self.val_fraction

    def identity(self) -> Mapping[str, Any]:
        """Return the files' checksums and the rule of splitting."""
        return {
            "kind": "files",
            "parts": [
                [split, [[suffix(file.path), self.memo.checksum(file.path)] for file in files]]
                for split, files in groupby(self.files, lambda file: file.split)
            ],
            "val_fraction": self.held_out,
            "text_field": self.text_field,
            "separator": self.separator,
            "limit_documents": self.limit_documents,
        }

    def n_bytes(self) -> int | None:
        """Return roughly the bytes of the training text."""
        if self.limit_documents is not None:
            return estimate_bytes(self.chunks(), self.limit_documents)
        size = 0
        for file in self.files:
            if file.split != "train":
                continue
            if is_plain_text(file.path):
                size += self.memo.text_size(file.path)
            else:
                size += file.path.stat().st_size * (1 if suffix(file.path) == ".jsonl" else _COMPRESSION)
        return int(size * (1 - self.held_out))

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """Yield the text in order, from a position."""
        first, at, n_documents = position or (0, None, 0)
        for number in range(first, len(self.files)):
            if number > first and self.files[number].split != self.files[number - 1].split:
                n_documents = 0
            if at is not None or n_documents != self.limit_documents:
                read = self._documents if self.has_documents(number) else self._text
                n_documents = yield from read(number, at, n_documents)
            at = None

    @property
    def is_plain_text(self) -> bool:
        """True if no file has records."""
        return all(is_plain_text(file.path) for file in self.files)

    def has_documents(self, number: int) -> bool:
        """Return whether a file is more than one document."""
        return bool(self.separator) or not is_plain_text(self.files[number].path)

    def _text(self, number: int, at: int | None, n_documents: int) -> Generator[Chunk, None, int]:
        """Read a plain text file; its held-out end is a document of its own. Return the documents so far."""
        file = self.files[number]
        regions: list[tuple[Split, int, int | None]] = [(file.split, 0, None)]
        size = file.path.stat().st_size
        if file.split == "train" and self.held_out:
            size = self.memo.text_size(file.path)
            cut = held_out_offset(file.path, size, self.held_out)
            regions = [("train", 0, cut), ("val", cut, None)]
        for split, start, stop in regions:
            begin = max(start, at or 0)
            starts_document = begin == start
            if stop is None or begin < stop:
                for text, after in read_text(file.path, begin, stop):
                    fraction = self._fraction(number, min(1.0, after / size))
                    yield Chunk(text, starts_document, split, [number, after, n_documents], fraction)
                    starts_document = False
        return n_documents + 1

    def _documents(self, number: int, at: Position, n_documents: int) -> Generator[Chunk, None, int]:
        """Read a file of documents. Return the documents so far."""
        split = self.files[number].split
        every = hold_out_interval(self.held_out) if split == "train" else 0
        for text, starts_document, after, fraction in self.document_pieces(number, at):
            if starts_document and n_documents == self.limit_documents:
                break
            n_documents += starts_document
            if text:
                is_held_out = every and n_documents % every == 0
                position = [number, after, n_documents]
                yield Chunk(
                    text,
                    starts_document,
                    "val" if is_held_out else split,
                    position,
                    self._fraction(number, fraction),
                )
        return n_documents

    def document_pieces(
        self, number: int, at: Position = None
    ) -> Iterator[tuple[str, bool, Position, float]]:
        """Yield the documents of a file in pieces, whatever their split.

        Args:
            number: Number of the file.
            at: Position in it; None: the beginning.

        Yields:
            A text, which may be empty; whether it begins a document; the position after it; and the fraction
            of the file that has been read with it.
        """
        path = self.files[number].path
        if is_plain_text(path):
            size = max(1, path.stat().st_size)
            for text, starts_document, after in read_separated(path, self.separator or "", at):
                yield text, starts_document, after, min(1.0, after[0] / size)
            return
        before, n_done = at or (None, 0)  # the position before a record, and the documents read of it
        for text, after, fraction in read_records(path, self.text_field, before):
            documents = split_documents(text, self.separator) or [""]
            for i, document in enumerate(documents[n_done:], start=n_done + 1):
                yield document, True, [after, 0] if i == len(documents) else [before, i], fraction
            before, n_done = after, 0

    @cached_property
    def offsets(self) -> list[int]:
        """Bytes on disk of the files before each, and of all."""
        return list(accumulate((file.path.stat().st_size for file in self.files), initial=0))

    def _fraction(self, number: int, fraction: float) -> float:
        """Return the fraction of the corpus before a file and this fraction of it."""
        start, stop = self.offsets[number : number + 2]
        return (start + fraction * (stop - start)) / self.offsets[-1]


def estimate_bytes(chunks: Iterator[Chunk], n_documents: int) -> int:
    """Estimate the bytes of ``n_documents`` documents from the first of them."""
    n_seen = n_bytes = 0
    for chunk in chunks:
        if chunk.starts_document:
            if n_seen == min(n_documents, _SAMPLE_DOCUMENTS):
                break
            n_seen += 1
        n_bytes += utf8_length(chunk.text)
    return n_bytes * n_documents // n_seen if n_seen else 0
