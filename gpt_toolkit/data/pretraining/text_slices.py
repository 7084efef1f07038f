"""Slices of a corpus: runs of files that are read one after the other, by any process that sees them."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.text_readers import (
    TEXT_SUFFIXES,
    Chunk,
    Position,
    character_boundary,
    read_records,
    read_text,
    suffix,
    utf8_length,
)
from gpt_toolkit.data.pretraining.token_shards import Split

SLICE_BYTES: Final = 1 << 26
"""Files make a slice as soon as they have this many bytes together; ours: some seconds of encoding. Another
value would end shards elsewhere."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How files are read.

    Attributes:
        fraction: How much of the training text is held out for validation: of a plain text file its end, of
            records every ``round(1 / fraction)``-th.
        text_field: Field of a record that holds its text.
        limit_documents: Documents read of each part; None: all.
    """

    fraction: float
    text_field: str
    limit_documents: int | None

    @property
    def counts(self) -> bool:
        """Whether what is read of a file depends on the number of documents before it."""
        return bool(self.fraction) or self.limit_documents is not None


@dataclass(frozen=True, slots=True)
class File:
    """A file in its place.

    Attributes:
        path: Where it is.
        split: What it is for.
        part: Number of its part.
        number: Its number in the part.
        text_size: Bytes of its text, unpacked, where an end of it is held out.
        before: Bytes of all files before it.
        size: Its own, on disk.
        total: Those of all files.
    """

    path: Path
    split: Split
    part: int
    number: int
    text_size: int | None
    before: int
    size: int
    total: int

    @property
    def is_text(self) -> bool:
        """Whether it is a plain text file, and so one document."""
        return suffix(self.path) in TEXT_SUFFIXES


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Files of one part.

    Attributes:
        files: In reading order.
        rule: How they are read.
        at: Place in the first one to begin at; None: its beginning.
        documents: Documents of the part before that.
    """

    files: tuple[File, ...]
    rule: Rule
    at: Position
    documents: int

    def chunks(self) -> Iterator[Chunk]:
        """Its text in order."""
        return read_files(self.files, self.rule, self.at, self.documents)

    def documents_after(self) -> int:
        """Documents of the part when it has been read; reads files of records where that matters."""
        at, documents = self.at, self.documents
        for file in self.files:
            if not file.is_text and self.rule.counts:
                for piece in _records(file, self.rule, at, documents):
                    documents = piece.documents
            documents += file.is_text
            at = None
        return documents


def read_files(
    files: Sequence[File], rule: Rule, at: Position, documents: int
) -> Generator[Chunk, None, int]:
    """The text of a slice's files.

    Args:
        files: Of one part, in reading order.
        rule: How they are read.
        at: Place in the first one to begin at; None: its beginning.
        documents: Documents of the part before that.

    Returns:
        Documents of the part when all has been read.
    """
    starts_slice = at is None
    for file in files:
        read = _text if file.is_text else _records
        for piece in read(file, rule, at, documents):
            documents = piece.documents
            yield Chunk(
                piece.text,
                piece.starts_document,
                piece.split,
                utf8_length(piece.text),
                [file.part, file.number, piece.at, documents],
                (file.before + piece.share * file.size) / file.total,
                starts_slice,
            )
            starts_slice = False
        at = None
        documents += file.is_text
    return documents


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk, and where its file and its part stand after it."""

    text: str
    starts_document: bool
    split: Split
    at: Position
    documents: int
    share: float


def _text(file: File, rule: Rule, at: int | None, documents: int) -> Iterator[_Piece]:
    """A plain text file; where a part of it is held out, that part is a document of its own."""
    if rule.limit_documents is not None and documents >= rule.limit_documents:
        return
    regions: list[tuple[Split, int, int | None]] = [(file.split, 0, None)]
    size = file.size
    if file.text_size is not None:
        size = file.text_size
        cut = character_boundary(file.path, int(size * (1 - rule.fraction)))
        regions = [("train", 0, cut), ("val", cut, None)]
    for region, start, stop in regions:
        begin = max(start, at or 0)
        starts_document = begin == start
        if stop is None or begin < stop:
            for text, after in read_text(file.path, begin, stop):
                yield _Piece(text, starts_document, region, after, documents, min(1.0, after / size))
                starts_document = False


def _records(file: File, rule: Rule, at: Position, documents: int) -> Iterator[_Piece]:
    every = max(2, round(1 / rule.fraction)) if file.split == "train" and rule.fraction else 0
    if rule.limit_documents is not None and documents >= rule.limit_documents:
        return
    for record in read_records(file.path, rule.text_field, at):
        held = every and documents % every == every - 1
        documents += 1
        if record.text:
            split = "val" if held else file.split
            yield _Piece(record.text, True, split, record.after, documents, record.share)
        if documents == rule.limit_documents:
            return
