"""Text out of files, piece by piece: plain text, JSON lines and parquet, each from any point on.

A plain text file is one document; a line of JSON and a row of parquet are a document each. Memory does not
grow with the size of a file (a single record is held whole). Text is read with universal newlines: CR LF and
a lone CR become LF, and a byte-order mark at the beginning of a file is dropped.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeAlias, runtime_checkable

from gpt_toolkit.data.pretraining.token_shards import Split
from gpt_toolkit.io import open_bytes
from gpt_toolkit.tokenizers.loading import safe_cut

Position: TypeAlias = Any
"""A plain JSON value from which reading can go on; None is the beginning."""

TEXT_SUFFIXES: Final = (".txt", ".txt.gz")
RECORD_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")
SUFFIXES: Final = TEXT_SUFFIXES + RECORD_SUFFIXES

BLOCK_BYTES: Final = 1 << 20
_LONGEST_BLOCK = 1 << 22  # text without one space in 4 MiB is cut where it stands
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document.

    Attributes:
        text: The piece; never empty.
        starts_document: Whether a document begins with it.
        split: The split that the document belongs to.
        n_bytes: Length of the text in UTF-8 bytes.
        position: Where reading goes on after it.
        share: How much of the source has been read with it, in [0, 1]; None if unknown.
        starts_slice: Whether a slice of the source begins with it.
    """

    text: str
    starts_document: bool
    split: Split
    n_bytes: int
    position: Position
    share: float | None
    starts_slice: bool = False


class Source(Protocol):
    """Text that can be turned into tokens."""

    @property
    def title(self) -> str:
        """What messages call it."""

    def identity(self) -> Mapping[str, Any]:
        """All that decides which text it gives, as plain JSON values; no time stamps, no paths."""

    def n_bytes(self) -> int | None:
        """Roughly how many bytes of training text it holds; None if unknown."""

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """All of its text in order, from a position on."""


class Slice(Protocol):
    """A part of a source that can be read apart from it, in another process."""

    def chunks(self) -> Iterator[Chunk]:
        """Its text in order, as the source would give it."""


@runtime_checkable
class DivisibleSource(Source, Protocol):
    """A source that comes in slices."""

    def slices(self, position: Position = None) -> Iterator[Slice]:
        """All of its text as slices, in order, from a position on."""


@dataclass(frozen=True, slots=True)
class Record:
    """A document of a file of records.

    Attributes:
        text: The document.
        after: Where reading goes on after it.
        share: How much of the file has been read with it, in [0, 1].
    """

    text: str
    after: Position
    share: float


def suffix(path: Path) -> str:
    """The known ending of a file's name, or "" if it has none."""
    return next((end for end in SUFFIXES if path.name.lower().endswith(end)), "")


def read_text(path: Path, start: int, stop: int | None) -> Iterator[tuple[str, int]]:
    """A plain text file in blocks of about 1 MiB, cut where tokens cannot cross.

    Args:
        path: ``.txt`` or ``.txt.gz``.
        start: First byte to read, of the unpacked file.
        stop: Byte to stop before; None: the end.

    Yields:
        A text that is not empty, and the byte after it.

    Raises:
        ValueError: If the file is not UTF-8, or its gzip is broken; with the offset.
    """
    with open_bytes(path) as file:
        file.seek(start)
        offset, waiting = start, b""  # waiting = bytes from offset on
        if start == 0:
            head = file.read(len(_BOM) if stop is None else min(stop, len(_BOM)))
            if head == _BOM:
                offset = len(_BOM)
            else:
                waiting = head
        size, last = BLOCK_BYTES, False
        while not last:  # where a block ends follows from its offset alone, so it is the same after a resume
            room = (size if stop is None else min(size, stop - offset)) - len(waiting)
            block = file.read(room)
            waiting += block
            last = len(block) < room or offset + len(waiting) == stop
            text = _decode(waiting, path, offset, last=last)
            if not last and not (text := text[: _cut(text, size)]):
                size += BLOCK_BYTES
                continue
            length = utf8_length(text)
            waiting = waiting[length:]
            offset += length
            size = BLOCK_BYTES
            if text:
                yield normalize_newlines(text), offset


def _cut(text: str, size: int) -> int:
    """Where to cut a block of ``size`` bytes after which more follows: 0 is to wait for more."""
    if (cut := safe_cut(text)) or size < _LONGEST_BLOCK:
        return cut
    return len(text) - text.endswith("\r")  # the line feed that belongs to it may follow


def _decode(data: bytes, path: Path, offset: int, *, last: bool) -> str:
    """UTF-8 to text; unless it is the last, a block may end inside a character, which then waits."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not last:
            return data[: error.start].decode()
        raise ValueError(
            f"{path} is not UTF-8: byte {data[error.start]:#04x} at offset {offset + error.start}. Convert "
            f"it first, for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8.txt"
        ) from error


def text_size(path: Path) -> int:
    """Bytes of a plain text file, unpacked."""
    if not path.name.endswith(".gz"):
        return path.stat().st_size
    size = 0
    with open_bytes(path) as file:
        while block := file.read(BLOCK_BYTES):
            size += len(block)
    return size


def character_boundary(path: Path, offset: int) -> int:
    """The first offset of a plain text file, from this one on, at which a UTF-8 character begins."""
    with open_bytes(path) as file:
        file.seek(offset)
        following = file.read(4)
    return offset + next((i for i, byte in enumerate(following) if byte & 0xC0 != 0x80), len(following))


def read_records(path: Path, text_field: str, after: Position = None) -> Iterator[Record]:
    """The documents of a file of records.

    Args:
        path: ``.jsonl``, ``.jsonl.gz`` or ``.parquet``.
        text_field: Key or column that holds the text.
        after: The ``after`` of the last record that was read; None: begin.

    Raises:
        ValueError: If a record is broken or has no text; with its line or row.
    """
    if path.name.lower().endswith(".parquet"):
        return _read_parquet(path, text_field, after or [0, 0])
    return _read_json_lines(path, text_field, after or [0, 0])


def _read_json_lines(path: Path, text_field: str, after: list[int]) -> Iterator[Record]:
    offset, number = after
    size = path.stat().st_size
    with open_bytes(path) as file:
        file.seek(offset)
        for line in file:
            offset, number = offset + len(line), number + 1
            where = f"{path}, line {number}"
            if number == 1 and line.startswith(_BOM):
                line = line[len(_BOM) :]
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except UnicodeDecodeError as error:
                raise ValueError(f"{where} is not UTF-8 ({error.reason}). Convert the file first.") from error
            except ValueError as error:
                raise ValueError(
                    f"{where} is not JSON ({error}). A .jsonl file holds one object a line, such as "
                    f'{{"{text_field}": "..."}}.'
                ) from error
            if not isinstance(value, dict):
                raise ValueError(
                    f"{where} is not an object but {type(value).__name__}. A .jsonl file holds one object a "
                    f'line, such as {{"{text_field}": "..."}}.'
                )
            share = min(1.0, _bytes_passed(file) / size) if size else 1.0
            yield Record(text_of(value, text_field, where), [offset, number], share)


def _read_parquet(path: Path, text_field: str, after: list[int]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first_group, first_row = after
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if text_field not in columns:
                raise ValueError(
                    f"{path} has no column {text_field!r}; it has {', '.join(columns)}. Set text_field to "
                    "one of them."
                )
            for group in range(first_group, file.num_row_groups):
                row = 0
                for batch in file.iter_batches(batch_size=256, row_groups=[group], columns=[text_field]):
                    if row + batch.num_rows <= first_row:
                        row += batch.num_rows
                        continue
                    for text in batch.column(0).to_pylist():
                        row += 1
                        if row > first_row:
                            where = f"{path}, row {row} of row group {group + 1}"
                            share = (
                                group + row / file.metadata.row_group(group).num_rows
                            ) / file.num_row_groups
                            yield Record(text_of({text_field: text}, text_field, where), [group, row], share)
                first_row = 0
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a readable parquet file: {error}") from error


def text_of(record: Mapping[str, Any], text_field: str, where: str) -> str:
    """The text of a record, with universal newlines.

    Raises:
        ValueError: If there is none; with ``where``, the record's place.
    """
    if text_field not in record:
        keys = ", ".join(map(str, record)) or "none"
        raise ValueError(
            f"{where} has no field {text_field!r}; its fields: {keys}. Set text_field to one of them."
        )
    text = record[text_field]
    if not isinstance(text, str):
        raise ValueError(
            f"{where}: field {text_field!r} is not a string but {type(text).__name__}. Set text_field to the "
            "field that holds the text."
        )
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: field {text_field!r} holds half a surrogate pair, which is no text."
        ) from error
    return normalize_newlines(text)


def normalize_newlines(text: str) -> str:
    """CR LF and lone CR to LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def utf8_length(text: str) -> int:
    """Length of a text in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode())


def _bytes_passed(file: BinaryIO) -> int:
    """Bytes read so far of the file on disk, packed or not."""
    raw = file.fileobj if isinstance(file, gzip.GzipFile) else file
    return raw.tell() if raw is not None else 0
