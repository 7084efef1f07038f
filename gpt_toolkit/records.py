"""Records of data files: CSV, TSV, JSON, JSON lines and parquet.

All but parquet may be packed with gzip. Between tabs, quotes are plain characters, as in every published file
of GLUE; other delimited files follow the rules of CSV. A byte-order mark is dropped and a line may end in
CR LF. Files are read as streams; only a JSON array is held in memory as a whole.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from gpt_toolkit.io import open_bytes

ENDINGS: Final = (".tsv", ".csv", ".txt", ".jsonl", ".json", ".parquet")
"""Endings of files of records; all but the last may be followed by ``.gz``."""

Format: TypeAlias = Literal["delimited", "json_lines", "json", "parquet"]

ExtraFields: TypeAlias = Literal["error", "last", "before_last"]
"""Where a delimited line may have more fields than columns: nowhere, after the last one, or before it."""

OnBadRecord: TypeAlias = Callable[[str, str], None]
"""Handler of a record with a wrong number of fields, given its place and the error message. If the handler
returns, the record is skipped."""

_BOM = b"\xef\xbb\xbf"
_LONGEST_FIELD = 1 << 24  # characters; tuned here: some articles are longer than csv's limit of 131,072
_LONGEST_EXCERPT = 80  # characters of a line in an error message


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        fields: Values by column; strings, or the types of JSON and parquet.
        where: File and line, or number of the record, for error messages.
    """

    fields: dict[str, Any]
    where: str


def raise_error(where: str, message: str) -> None:
    """Raise the error of a bad record."""
    raise ValueError(message)


@dataclass(frozen=True)
class RecordFile:
    """A file of records, as :func:`open_records` recognizes it.

    Args:
        path: The file.
        format: Format of its content.
        names: Fields of its first line, keys of its first object, or columns.
        delimiter: Character between fields; "" if the file is not delimited.
    """

    path: Path
    format: Format
    names: tuple[str, ...]
    delimiter: str = ""

    def records(
        self,
        columns: Sequence[str] = (),
        extra: ExtraFields = "error",
        on_bad_record: OnBadRecord = raise_error,
    ) -> Iterator[Record]:
        """Read all records, as a stream.

        Args:
            columns: Names of the columns of a delimited file without a header; empty: the first line is one.
            extra: Where a delimited line may have more fields than columns.
            on_bad_record: Handler of a delimited line with another number of fields.

        Raises:
            ValueError: If the file is broken (not UTF-8, gzip, CSV, JSON or parquet); names the line.
        """
        if self.format == "parquet":
            return _read_parquet(self.path, self.names)
        if self.format == "json":
            return _read_json(self.path)
        if self.format == "json_lines":
            return _read_json_lines(self.path)
        return _read_delimited(self.path, self.delimiter, columns, extra, on_bad_record)


def ending(path: Path) -> str:
    """Return the known ending of a file's name, with ``.gz`` if the file is packed; "" if it is unknown."""
    name = path.name.lower()
    unpacked = name.removesuffix(".gz")
    known = next((end for end in ENDINGS if unpacked.endswith(end)), "")
    if not known or (known == ".parquet" and unpacked != name):
        return ""
    return name[len(unpacked) - len(known) :]


def open_records(path: Path, delimiter: str | None = None) -> RecordFile:
    """Recognize the format of a file from its name and its first line.

    Args:
        path: The file.
        delimiter: Character between fields. None: a tab in ``.tsv`` files and if the first line has one;
            else a semicolon if the line has one and no comma; else a comma.

    Raises:
        ValueError: If the file is empty or cannot be read.
    """
    end = ending(path).removesuffix(".gz")
    if end == ".parquet":
        return RecordFile(path, "parquet", _parquet_names(path))
    line = next((line for _, line in read_lines(path) if line.strip()), "")
    if not line:
        raise ValueError(f"{path} is empty; expected records")
    if end in (".json", ".jsonl") or (end == ".txt" and line.lstrip()[0] in "[{"):
        return _open_json(path, line, end)
    delimiter = delimiter or _guess_delimiter(line, end)
    return RecordFile(path, "delimited", tuple(_split(line, delimiter)), delimiter)


def read_records(path: Path) -> Iterator[Record]:
    """Read all records of a file whose first line, if it is delimited, names its columns.

    Raises:
        ValueError: If the file is empty or broken; names the line.
    """
    return open_records(path).records()


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read lines with their numbers, from 1, and with their line ends; only a line feed ends a line."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                line = line.removeprefix(_BOM)
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number} is not UTF-8: byte {line[error.start]:#04x}. Convert the file, "
                    f"for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8{ending(path)}"
                ) from error


def excerpt(text: str) -> str:
    """Quote the beginning of a text for an error message, on one line."""
    return repr(text if len(text) <= _LONGEST_EXCERPT else text[:_LONGEST_EXCERPT] + "...")


# ---------------------------------------------------------------- delimited text


def _guess_delimiter(line: str, end: str) -> str:
    if end == ".tsv" or "\t" in line:
        return "\t"
    return ";" if ";" in line and "," not in line else ","


def _split(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    return line.split(delimiter) if delimiter == "\t" else next(csv.reader([line], delimiter=delimiter), [])


def _read_fields(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Read the fields of each record with the number of its first line."""
    if delimiter == "\t":
        for number, line in read_lines(path):
            if line.strip("\r\n"):
                yield number, _split(line, delimiter)
        return
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader((line for _, line in read_lines(path)), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for fields in reader:
            if fields:
                yield begin, fields
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {begin}: the record that begins here is broken: {error}. Quote a text that "
            'contains the delimiter, a quote or a line end, and double the quotes in it: ""'
        ) from error


def _read_delimited(
    path: Path, delimiter: str, columns: Sequence[str], extra: ExtraFields, on_bad_record: OnBadRecord
) -> Iterator[Record]:
    names = list(columns)
    for number, fields in _read_fields(path, delimiter):
        where = f"{path}, line {number}"
        if not names:
            names = fields
            if len(set(names)) < len(names):
                raise ValueError(f"{where}: the header names a column twice: {', '.join(names)}")
            continue
        surplus = len(fields) - len(names)
        if surplus > 0 and extra == "before_last":
            fields = [*fields[: len(names) - 1], fields[-1]]
        elif surplus < 0 or (surplus > 0 and extra == "error"):
            message = (
                f"{where} has {len(fields)} fields, expected {len(names)}: {', '.join(names)}. It begins "
                f"{excerpt(delimiter.join(fields))}. Look for a delimiter or a line end inside a text"
            )
            on_bad_record(where, message)
            continue
        yield Record(dict(zip(names, fields, strict=False)), where)


# ---------------------------------------------------------------- JSON


def _open_json(path: Path, line: str, end: str) -> RecordFile:
    try:
        is_object_a_line = isinstance(json.loads(line), dict)
    except ValueError:
        is_object_a_line = False  # a value of several lines, or a broken line, which reading reports
    if is_object_a_line or end == ".jsonl":
        return RecordFile(path, "json_lines", tuple(next(_read_json_lines(path)).fields))
    return RecordFile(path, "json", tuple(next(_read_json(path), Record({}, "")).fields))


def _read_json_lines(path: Path) -> Iterator[Record]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where} is not JSON: {error}. Expected an object a line") from error
        yield Record(_object(value, where), where)


def _read_json(path: Path) -> Iterator[Record]:
    text = "".join(line for _, line in read_lines(path))
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}. Expected an object or an array of objects") from error
    for number, item in enumerate(value if isinstance(value, list) else [value], start=1):
        where = f"{path}, record {number}"
        yield Record(_object(item, where), where)


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object but {type(value).__name__}: {excerpt(str(value))}")
    return value


# ---------------------------------------------------------------- parquet


def _parquet_names(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a readable parquet file: {error}") from error


def _read_parquet(path: Path, names: Sequence[str]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024, columns=list(names)):
                for fields in batch.to_pylist():
                    number += 1
                    yield Record(fields, f"{path}, record {number}")
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a readable parquet file after record {number}: {error}") from error
