"""Readers of one file of text, in chunks and from any position: plain text, JSON lines, parquet.

A plain text file is one document. A line of JSON and a row of parquet are a document each. Memory does not
grow with the size of a file (a single record is held whole). Line ends become LF, and a byte-order mark at
the beginning of a file is dropped.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

from gpt_toolkit.data.splits import Split
from gpt_toolkit.io import open_bytes
from gpt_toolkit.tokenizers.loading import safe_cut

Position: TypeAlias = Any
"""A JSON value from which a reader can resume; None is the beginning."""

TEXT_SUFFIXES: Final = (".txt", ".txt.gz")
RECORD_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")
SUFFIXES: Final = TEXT_SUFFIXES + RECORD_SUFFIXES

BLOCK_BYTES: Final = 1 << 20
_LONGEST_BLOCK = 1 << 22  # text without a single space in 4 MiB is cut anywhere
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text of a document, or of a part of it.

    Attributes:
        text: The text; never empty.
        starts_document: Whether it is the first chunk of its document.
        split: Split of the document.
        position: Position after the chunk.
        fraction: Fraction of the corpus that has been read with it, in [0, 1]; None if unknown.
    """

    text: str
    starts_document: bool
    split: Split
    position: Position
    fraction: float | None


class Corpus(Protocol):
    """Text that can be turned into tokens."""

    @property
    def title(self) -> str:
        """Name in messages."""

    def identity(self) -> Mapping[str, Any]:
        """Return all that decides the text, as JSON values without times and paths."""

    def n_bytes(self) -> int | None:
        """Return roughly the bytes of the training text; None if unknown."""

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        """Yield the text in order, from a position."""


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


def read_text(path: Path, start: int, stop: int | None) -> Iterator[tuple[str, int]]:
    """Yield a plain text file in chunks of about 1 MiB, cut where no token crosses.

    Args:
        path: ``.txt`` or ``.txt.gz``.
        start: First byte to read, of the unpacked file.
        stop: Byte to stop before; None: the end.

    Yields:
        A text that is not empty, and the offset of the byte after it.

    Raises:
        ValueError: If the file is not UTF-8, or its gzip is broken; with the offset.
    """
    with open_bytes(path) as file:
        file.seek(start)
        offset, waiting = start, b""  # waiting holds the bytes from offset on
        if start == 0:
            head = file.read(len(_BOM) if stop is None else min(stop, len(_BOM)))
            if head == _BOM:
                offset = len(_BOM)
            else:
                waiting = head
        size, is_last = BLOCK_BYTES, False
        while not is_last:  # the end of a piece follows from its offset alone, also after a resume
            wanted = (size if stop is None else min(size, stop - offset)) - len(waiting)
            block = file.read(wanted)
            waiting += block
            is_last = len(block) < wanted or offset + len(waiting) == stop
            text = _decode(waiting, path, offset, is_last=is_last)
            if not is_last and not (text := text[: _cut(text, size)]):
                size += BLOCK_BYTES
                continue
            length = utf8_length(text)
            waiting = waiting[length:]
            offset += length
            size = BLOCK_BYTES
            if text:
                yield normalize_newlines(text), offset


def _cut(text: str, size: int) -> int:
    """Return where to cut a block of ``size`` bytes that is not the last; 0: read more first."""
    if (cut := safe_cut(text)) or size < _LONGEST_BLOCK:
        return cut
    return len(text) - text.endswith("\r")  # the line feed of a CR LF may follow


def _decode(data: bytes, path: Path, offset: int, *, is_last: bool) -> str:
    """Decode UTF-8; a block that is not the last may end inside a character, which is left out."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not is_last:
            return data[: error.start].decode()
        raise ValueError(
            f"{path} is not UTF-8: byte {data[error.start]:#04x} at offset {offset + error.start}; convert "
            f"it first, for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8.txt"
        ) from error


def character_boundary(path: Path, offset: int) -> int:
    """Return the first offset of a plain text file, from this one on, at which a UTF-8 character begins."""
    with open_bytes(path) as file:
        file.seek(offset)
        following = file.read(4)
    return offset + next((i for i, byte in enumerate(following) if byte & 0xC0 != 0x80), len(following))


def read_records(
    path: Path, text_field: str, position: Position = None
) -> Iterator[tuple[str, Position, float]]:
    """Yield the documents of a file of records.

    Args:
        path: ``.jsonl``, ``.jsonl.gz`` or ``.parquet``.
        text_field: Key or column that holds the text.
        position: Position after the last record that was read; None: the beginning.

    Yields:
        A text, the position after it, and the fraction of the file that has been read with it.

    Raises:
        ValueError: If a record is broken or has no text; with its line or row.
    """
    read = _read_parquet if suffix(path) == ".parquet" else _read_json_lines
    return read(path, text_field, *(position or (0, 0)))


def _read_json_lines(
    path: Path, text_field: str, offset: int, number: int
) -> Iterator[tuple[str, Position, float]]:
    """Yield records from a byte offset on, before which ``number`` lines lie."""
    size = path.stat().st_size
    expected = f'expected one object a line, such as {{"{text_field}": "..."}}'
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
                raise ValueError(f"{where} is not UTF-8 ({error.reason}); convert the file first") from error
            except ValueError as error:
                raise ValueError(f"{where} is not JSON ({error}); {expected}") from error
            if not isinstance(value, dict):
                raise ValueError(f"{where} is not an object but {type(value).__name__}; {expected}")
            fraction = min(1.0, _packed_offset(file) / size)
            yield text_of(value, text_field, where), [offset, number], fraction


def _read_parquet(
    path: Path, text_field: str, first_group: int, first_row: int
) -> Iterator[tuple[str, Position, float]]:
    """Yield records from a row of a row group on."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if text_field not in columns:
                raise ValueError(
                    f"{path} has no column {text_field!r}; it has {', '.join(columns)}; set text_field to "
                    "one of them"
                )
            n_groups = file.num_row_groups
            for group in range(first_group, n_groups):
                n_rows = file.metadata.row_group(group).num_rows
                row = 0
                for batch in file.iter_batches(batch_size=256, row_groups=[group], columns=[text_field]):
                    if row + batch.num_rows <= first_row:
                        row += batch.num_rows
                        continue
                    for text in batch.column(0).to_pylist():
                        row += 1
                        if row > first_row:
                            where = f"{path}, row {row} of row group {group + 1}"
                            fraction = (group + row / n_rows) / n_groups
                            yield text_of({text_field: text}, text_field, where), [group, row], fraction
                first_row = 0
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a readable parquet file: {error}") from error


def text_of(record: Mapping[str, Any], text_field: str, where: str) -> str:
    """Return the text of a record, with LF line ends; ``where`` is the record's place, for messages."""
    if text_field not in record:
        keys = ", ".join(map(str, record)) or "none"
        raise ValueError(
            f"{where} has no field {text_field!r}; its fields: {keys}; set text_field to one of them"
        )
    text = record[text_field]
    if not isinstance(text, str):
        raise ValueError(
            f"{where}: field {text_field!r} is not a string but {type(text).__name__}; set text_field to the "
            "field that holds the text"
        )
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: field {text_field!r} holds half a surrogate pair, which is not text"
        ) from error
    return normalize_newlines(text)


def hold_out_interval(fraction: float) -> int:
    """Return n if every n-th record is held out for validation; 0 if none is."""
    return max(2, round(1 / fraction)) if fraction else 0


def normalize_newlines(text: str) -> str:
    """Replace CR LF and lone CR by LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def utf8_length(text: str) -> int:
    """Return the length of a text in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode())


def _packed_offset(file: BinaryIO) -> int:
    """Return the bytes read so far of the file on disk, packed or not."""
    raw = file.fileobj if isinstance(file, gzip.GzipFile) else file
    return raw.tell() if raw is not None else 0
