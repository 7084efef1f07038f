"""Rows of a file as they stand in it: delimited text, JSON, parquet; what a file is, its content says.

Fields parted by tabs hold quotes as plain characters, as every published file of GLUE does; fields parted by
anything else follow the rules of CSV. A byte-order mark is dropped, a line may end in CR LF, and only a JSON
array is held in memory whole.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from gpt_toolkit.io import open_bytes

ENDINGS: Final = (".tsv", ".csv", ".txt", ".jsonl", ".json", ".parquet")
"""Of files that hold rows; all but the last may have ``.gz`` after them."""

Layout: TypeAlias = Literal["delimited", "json_lines", "json", "parquet"]

Extra: TypeAlias = Literal["refused", "last", "before_last"]
"""Where a delimited row may have more fields than there are columns: never, after the last, before it."""

Fault: TypeAlias = Callable[[str, str], None]
"""Told of a row that cannot be used, its place and what is wrong: raises, or lets the reader go on."""

_BOM = b"\xef\xbb\xbf"
_LONGEST_FIELD = 1 << 24  # characters; ours: csv's own 131,072 is less than some articles have
_SHOWN = 80  # characters of a line in messages


class Record(NamedTuple):
    """A row.

    Attributes:
        fields: Its values by column; text, or what JSON and parquet have.
        line: The line at which it begins, or its number among the file's rows; from 1.
    """

    fields: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Head:
    """What the beginning of a file says.

    Attributes:
        layout: How it is to be read.
        names: Fields of the first line, keys of the first object, or columns.
        delimiter: Between fields; "" where there is none.
    """

    layout: Layout
    names: tuple[str, ...]
    delimiter: str = ""

    @property
    def unit(self) -> str:
        """What a row is counted in, for messages."""
        return "line" if self.layout in ("delimited", "json_lines") else "row"


def ending(path: Path) -> str:
    """The known ending of a file's name, with ``.gz`` where it has that, or ""."""
    name = path.name.lower()
    plain = name.removesuffix(".gz")
    known = next((end for end in ENDINGS if plain.endswith(end)), "")
    if not known or (known == ".parquet" and plain != name):
        return ""
    return name[len(plain) - len(known) :]


def read_head(path: Path, delimiter: str | None = None) -> Head:
    """Find out what a file is.

    Args:
        path: The file.
        delimiter: Between fields, where it is known; None: a tab if the first line has one, else a semicolon
            if it has no comma, else a comma.

    Raises:
        ValueError: If the file is empty or cannot be read.
    """
    if ending(path) == ".parquet":
        return Head("parquet", _parquet_names(path))
    number, line = next(((n, line) for n, line in lines(path) if line.strip()), (0, ""))
    if not number:
        raise ValueError(f"{path} is empty; rows were expected.")
    plain = ending(path).removesuffix(".gz")
    if plain in (".json", ".jsonl") or (plain == ".txt" and line.lstrip()[0] in "[{"):
        return _json_head(path, line)
    if delimiter is None:
        delimiter = "\t" if "\t" in line else ";" if ";" in line and "," not in line else ","
    names = tuple(_split(line, delimiter))
    return Head("delimited", names, delimiter)


def _json_head(path: Path, line: str) -> Head:
    try:
        value = json.loads(line)
    except ValueError:
        value = None  # an object or array of several lines, or a broken line: said when it is read as a row
    if isinstance(value, dict) or ending(path).startswith(".jsonl"):
        layout: Layout = "json_lines"
        first = next(_read_json_lines(path)).fields
    else:
        layout = "json"
        first = next(_read_json(path), Record({}, 0)).fields
    return Head(layout, tuple(first))


def read_table(
    path: Path, head: Head, columns: Sequence[str], extra: Extra, fault: Fault
) -> Iterator[Record]:
    """The rows of a file, as a stream.

    Args:
        path: The file.
        head: What ``read_head`` found.
        columns: Names of the fields, of a delimited file without a header; empty: its first line names them.
        extra: Where a delimited row may have more fields than there are columns.
        fault: Told of a delimited row with another number of fields.

    Raises:
        ValueError: If the file is not what it seems: not UTF-8, broken gzip, broken JSON; with the line.
    """
    if head.layout == "parquet":
        return _read_parquet(path, head.names)
    if head.layout == "json":
        return _read_json(path)
    if head.layout == "json_lines":
        return _read_json_lines(path)
    return _read_delimited(path, head.delimiter, columns, extra, fault)


def refuse(where: str, message: str) -> None:
    """A ``Fault`` that lets nothing pass."""
    raise ValueError(message)


def shown(text: str) -> str:
    """A text for messages: on one line, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their ends and numbers; only a line feed ends one."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(_BOM):
                line = line[len(_BOM) :]
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number} is not UTF-8: byte {line[error.start]:#04x}. Convert the file "
                    "first, "
                    f"for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8{ending(path)}"
                ) from error


def _split(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    return line.split(delimiter) if delimiter == "\t" else next(csv.reader([line], delimiter=delimiter), [])


def _rows_of_fields(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    numbered = lines(path)
    if delimiter == "\t":
        for number, line in numbered:
            if line.strip("\r\n"):
                yield number, _split(line, delimiter)
        return
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader((line for _, line in numbered), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for fields in reader:
            if fields:
                yield begin, fields
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {begin}: the row that begins here is broken: {error}. A text that holds the "
            "delimiter, "
            'a quote or a line end stands in quotes, and a quote in it is doubled: "".'
        ) from error


def _read_delimited(
    path: Path, delimiter: str, columns: Sequence[str], extra: Extra, fault: Fault
) -> Iterator[Record]:
    names = list(columns)
    for number, fields in _rows_of_fields(path, delimiter):
        if not names:
            names = fields
            if len(set(names)) < len(names):
                raise ValueError(
                    f"{path}, line {number}: the header names a column twice: {', '.join(names)}."
                )
            continue
        surplus = len(fields) - len(names)
        if surplus > 0 and extra == "before_last":
            fields = [*fields[: len(names) - 1], fields[-1]]
        elif surplus < 0 or (surplus > 0 and extra == "refused"):
            where = f"{path}, line {number}"
            fault(
                where,
                f"{where} has {len(fields)} fields, expected {len(names)}: {', '.join(names)}. It begins "
                f"{shown(delimiter.join(fields))}. Look for a delimiter or a line end inside a text.",
            )
            continue
        yield Record(dict(zip(names, fields, strict=False)), number)


def _read_json_lines(path: Path) -> Iterator[Record]:
    for number, line in lines(path):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number} is not JSON: {error}. Expected an object a line."
                ) from error
            yield Record(_object(value, f"{path}, line {number}"), number)


def _read_json(path: Path) -> Iterator[Record]:
    text = "".join(line for _, line in lines(path))
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{path} is not JSON: {error}. Expected an array of objects, or one object."
        ) from error
    for number, item in enumerate(value if isinstance(value, list) else [value], start=1):
        yield Record(_object(item, f"{path}, row {number}"), number)


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object but {type(value).__name__}: {shown(str(value))}.")
    return value


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
                    yield Record(fields, number)
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a readable parquet file after row {number}: {error}") from error
