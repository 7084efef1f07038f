"""Readers of files of records, from any position: a line of JSON or a row of parquet is a document."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from gpt_toolkit.data.pretraining.corpus import Position, normalize_newlines
from gpt_toolkit.utf8 import not_utf8, open_utf8

BLOCK_BYTES: Final = 1 << 20
_CHOOSE = "set text_field to the one that holds the text"


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
    read = _read_parquet if path.name.lower().endswith(".parquet") else _read_json_lines
    return read(path, text_field, *(position or (0, 0)))


def _read_json_lines(
    path: Path, text_field: str, offset: int, number: int
) -> Iterator[tuple[str, Position, float]]:
    """Yield records from a byte offset on, before which ``number`` lines lie."""
    expected = f'expected one object per line, such as {{"{text_field}": "..."}}'
    for line, after, fraction in _lines(path, offset):
        number += 1
        where = f"{path}, line {number:,}"
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise not_utf8(path, line[error.start], f"line {number:,}") from error
        except json.JSONDecodeError as error:
            raise ValueError(f"{where}: {error.msg} at column {error.colno:,}; {expected}") from error
        except RecursionError:
            raise ValueError(f"{where}: brackets are nested too deeply; {expected}") from None
        if not isinstance(value, dict):
            raise ValueError(f"{where}: {_kind(value)}; {expected}")
        yield record_text(value, text_field, where), [after, number], fraction


def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int, float]]:
    """Yield the lines of a file from an offset on, the offset after each, and the fraction of the file read.

    A line ends in LF, CR LF or CR.
    """
    size = max(1, path.stat().st_size)
    with open_utf8(path, offset) as file:
        offset, waiting, is_end = file.tell(), b"", False
        while not is_end:
            block = file.read(max(BLOCK_BYTES, len(waiting)))
            is_end = not block
            lines = (waiting + block).splitlines(keepends=True)
            # The last line may continue, and a line feed may follow a CR.
            waiting = lines.pop() if lines and not is_end and not lines[-1].endswith(b"\n") else b""
            fraction = min(1.0, _packed_offset(file) / size)
            for line in lines:
                offset += len(line)
                yield line, offset, fraction


def _read_parquet(
    path: Path, text_field: str, first_group: int, first_row: int
) -> Iterator[tuple[str, Position, float]]:
    """Yield records from a row of a row group on."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if text_field not in columns:
                raise ValueError(
                    f"{path}: no column {text_field!r}; expected one of {', '.join(columns)}; {_CHOOSE}"
                )
            n_groups = file.num_row_groups
            for group in range(first_group, n_groups):
                n_rows = file.metadata.row_group(group).num_rows
                row = 0
                for batch in file.iter_batches(batch_size=256, row_groups=[group], columns=[text_field]):
                    if row + batch.num_rows <= first_row:
                        row += batch.num_rows
                        continue
                    rows = f"rows {row + 1:,} to {row + batch.num_rows:,} of row group {group + 1}"
                    texts = _strings(batch.column(0), f"{path}, {rows}")
                    for text in texts:
                        row += 1
                        if row > first_row:
                            where = f"{path}, row {row:,} of row group {group + 1}"
                            fraction = (group + row / n_rows) / n_groups
                            yield record_text({text_field: text}, text_field, where), [group, row], fraction
                first_row = 0
    except FileNotFoundError:
        raise
    except Exception as error:  # pyarrow also raises OSError, UnicodeDecodeError and others
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"{path}: {reason}; expected a complete parquet file; copy or download it again"
        ) from error


def _strings(column: Any, where: str) -> list[Any]:
    """Return the values of a column of parquet."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValueError(f"{where}: byte {byte:#04x}; expected UTF-8 text; write the file again") from error
    return values


def record_text(record: Mapping[str, Any], text_field: str, where: str) -> str:
    """Return the text of a record, with LF line ends; ``where`` is the record's place, for messages."""
    if text_field not in record:
        keys = ", ".join(map(str, record)) or "none"
        raise ValueError(f"{where}: no field {text_field!r}; expected one of {keys}; {_CHOOSE}")
    text = record[text_field]
    if not isinstance(text, str):
        fix = "leave the record out, or let it hold a text" if text is None else _CHOOSE
        raise ValueError(f"{where}: field {text_field!r} is {_kind(text)}; expected a string; {fix}")
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: field {text_field!r} with half a surrogate pair at character {error.start:,}; "
            "expected Unicode text; write the record again"
        ) from error
    return normalize_newlines(text)


def _kind(value: object) -> str:
    """Return the kind of a JSON value with its article."""
    kinds = {
        "NoneType": "null",
        "bool": "a boolean",
        "dict": "an object",
        "list": "an array",
        "str": "a string",
    }
    return kinds.get(type(value).__name__, "a number" if isinstance(value, int | float) else "no text")


def _packed_offset(file: BinaryIO) -> int:
    """Return the bytes read so far of the file on disk, packed or not."""
    raw = file.fileobj if isinstance(file, gzip.GzipFile) else file
    return raw.tell() if raw is not None else 0
