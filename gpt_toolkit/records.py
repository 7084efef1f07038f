"""Records of data files: CSV, TSV, JSON, JSON lines and parquet.

All but parquet may be packed with gzip. Files are read as streams; only a JSON array is held in memory as a
whole. Text may have any encoding and line end of :mod:`~gpt_toolkit.text_lines`, and delimited files any
dialect of :mod:`~gpt_toolkit.delimited`. A first column without a name, pandas' index, is left out; other
unnamed columns must be empty. Spaces around names are dropped.

A value is text, or has a type of JSON or parquet. Null and NaN of these are None.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from gpt_toolkit.delimited import Dialect, find_dialect, read_fields
from gpt_toolkit.text_lines import text_lines

ENDINGS: Final = (".tsv", ".csv", ".txt", ".jsonl", ".json", ".parquet")
"""Endings of files of records; all but the last may be followed by ``.gz``."""

Format: TypeAlias = Literal["delimited", "json_lines", "json", "parquet"]

ExtraFields: TypeAlias = Literal["error", "last", "before_last"]
"""Where a delimited line may have more fields than columns: nowhere, after the last one, or before it."""

OnBadRecord: TypeAlias = Callable[[str, str], None]
"""Handler of a record with a wrong number of fields, given its place and the error message. If the handler
returns, the record is skipped."""

_JSON_START = re.compile(r'\s*(\{\s*("|\}|$)|\[\s*([\[{\]]|$))')
_LONGEST_EXCERPT = 80  # characters of a line in an error message


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        fields: Values by column.
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
        dialect: Dialect of a delimited file; None for others.
    """

    path: Path
    format: Format
    names: tuple[str, ...]
    dialect: Dialect | None = None

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
            ValueError: If the file is broken (not text, gzip, CSV, JSON or parquet); names the line.
        """
        if self.format == "parquet":
            return _read_parquet(self.path)
        if self.format == "json":
            return _read_json(self.path)
        if self.format == "json_lines":
            return _read_json_lines(self.path)
        return self._delimited(columns, extra, on_bad_record)

    def _delimited(
        self, columns: Sequence[str], extra: ExtraFields, on_bad_record: OnBadRecord
    ) -> Iterator[Record]:
        assert self.dialect is not None
        names = list(columns)
        for number, fields in read_fields(self.path, self.dialect):
            where = f"{self.path}, line {number}"
            if not names:
                names = [name.strip() for name in fields]
                if twice := next((name for name in names if name and names.count(name) > 1), ""):
                    raise ValueError(
                        f"{where}: two columns named {twice}; expected different names; rename one of them"
                    )
                continue
            surplus = len(fields) - len(names)
            if surplus > 0 and extra == "before_last":
                fields = [*fields[: len(names) - 1], fields[-1]]
            elif surplus > 0 and extra == "error" and not columns and not any(fields[len(names) :]):
                pass  # delimiters at the end of the line
            elif (surplus > 0 and extra == "error") or (surplus < 0 and any(names[len(fields) :])):
                begins = excerpt(self.dialect.delimiter.join(fields))
                message = (
                    f"{where}: {len(fields)} fields, beginning with {begins}; expected {len(names)}: "
                    f"{', '.join(names)}; look for a delimiter or a line end inside a text"
                )
                on_bad_record(where, message)
                continue
            yield Record(_by_name(names, fields, where), where)


def _by_name(names: Sequence[str], fields: Sequence[str], where: str) -> dict[str, str]:
    """Return the fields by name, without unnamed columns."""
    record = dict(zip(names, fields, strict=False))
    if "" in record:
        del record[""]
        for number, (name, value) in enumerate(zip(names, fields, strict=False), start=1):
            if number > 1 and not name and value.strip():
                raise ValueError(
                    f"{where}: column {number} holds {excerpt(value)}, but the header has no name for it; "
                    "expected an empty column; give it a name"
                )
    return record


def ending(path: Path) -> str:
    """Return the known ending of a file's name, with ``.gz`` if the file is packed; "" if it is unknown."""
    name = path.name.lower()
    unpacked = name.removesuffix(".gz")
    known = next((end for end in ENDINGS if unpacked.endswith(end)), "")
    if not known or (known == ".parquet" and unpacked != name):
        return ""
    return name[len(unpacked) - len(known) :]


def open_records(path: Path, delimiter: str | None = None, *, detect_quotes: bool = False) -> RecordFile:
    """Recognize the format of a file from its name and its first lines.

    Args:
        path: The file.
        delimiter: Character between fields; None: the file's name and first line tell it.
        detect_quotes: Whether quotes may enclose the fields of a file with tabs, which is then read once.

    Raises:
        ValueError: If the file is empty or cannot be read.
    """
    end = ending(path).removesuffix(".gz")
    if end == ".parquet":
        return RecordFile(path, "parquet", _parquet_names(path))
    lines = list(islice((line for _, line in text_lines(path) if line.strip()), 2))
    if not lines:
        raise ValueError(f"{path}: empty; expected records")
    if end in (".json", ".jsonl") or (end == ".txt" and _JSON_START.match(lines[0])):
        return _open_json(path, lines, end)
    dialect = find_dialect(path, delimiter, is_tsv=end == ".tsv", detect_quotes=detect_quotes)
    _, names = next(read_fields(path, dialect), (0, []))
    if not names:
        raise ValueError(f"{path}: empty; expected records")
    return RecordFile(path, "delimited", tuple(name.strip() for name in names), dialect)


def read_records(path: Path, *, detect_quotes: bool = False) -> Iterator[Record]:
    """Read all records of a file whose first line, if it is delimited, names its columns.

    Args:
        path: The file.
        detect_quotes: Whether quotes may enclose the fields of a file with tabs.

    Raises:
        ValueError: If the file is empty or broken; names the line.
    """
    return open_records(path, detect_quotes=detect_quotes).records()


def excerpt(text: str) -> str:
    """Quote the beginning of a text for an error message, on one line."""
    return repr(text if len(text) <= _LONGEST_EXCERPT else text[:_LONGEST_EXCERPT] + "...")


# ---------------------------------------------------------------- JSON


def _open_json(path: Path, lines: Sequence[str], end: str) -> RecordFile:
    try:
        is_object_a_line = len(lines) > 1 and isinstance(json.loads(lines[0]), dict)
    except (ValueError, RecursionError):
        is_object_a_line = False  # a value of several lines, or a broken line, which reading reports
    if is_object_a_line or end == ".jsonl":
        return RecordFile(path, "json_lines", tuple(next(_read_json_lines(path)).fields))
    return RecordFile(path, "json", tuple(next(_read_json(path), Record({}, "")).fields))


def _read_json_lines(path: Path) -> Iterator[Record]:
    for number, line in text_lines(path):
        if line.strip():
            where = f"{path}, line {number}"
            yield Record(_object(_parse_json(line, where, "one object per line"), where), where)


def _read_json(path: Path) -> Iterator[Record]:
    text = "".join(line for _, line in text_lines(path))
    value = _parse_json(text, str(path), "an object or an array of objects")
    if isinstance(value, dict):
        value = _rows(value)
    for number, item in enumerate(value if isinstance(value, list) else [value], start=1):
        where = f"{path}, record {number}"
        yield Record(_object(item, where), where)


def _parse_json(text: str, where: str, expected: str) -> Any:
    constants = {"NaN": None, "Infinity": float("inf"), "-Infinity": float("-inf")}
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=constants.__getitem__)
    except json.JSONDecodeError as error:
        place = f", line {error.lineno}" if "\n" in text.rstrip() else ""
        problem = f"{error.msg} at column {error.colno}"
        raise ValueError(f"{where}{place}: {problem}; expected JSON, {expected}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: {error}; expected JSON, {expected}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, or raise if it names a key twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has the key {max(names, key=names.count)!r} twice")
    return value


def _rows(value: dict[str, Any]) -> Any:
    """Turn an object of columns, as pandas' ``to_json`` writes it, into records; return others unchanged."""
    columns = [list(column.values()) if isinstance(column, dict) else column for column in value.values()]
    is_table = len(columns) > 1 and all(isinstance(column, list) for column in columns)
    if not is_table or len(set(map(len, columns))) > 1:
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {type(value).__name__} {excerpt(str(value))}; expected an object")
    return {name.strip(): item for name, item in value.items()}


# ---------------------------------------------------------------- parquet


def _parquet_names(path: Path) -> tuple[str, ...]:
    import pyarrow.parquet as pq

    try:
        names = tuple(pq.read_schema(path).names)
    except Exception as error:  # pyarrow also raises OSError, ValueError, UnicodeDecodeError and others
        raise _not_parquet(path, error) from error
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ValueError(f"{path}: two columns named {twice}; expected different names; rename one of them")
    return names


def _read_parquet(path: Path) -> Iterator[Record]:
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for fields in batch.to_pylist():
                    number += 1
                    record = {name.strip(): _plain(value) for name, value in fields.items()}
                    yield Record(record, f"{path}, record {number}")
    except Exception as error:
        raise _not_parquet(path, error, f" after record {number}") from error


def _plain(value: object) -> object:
    """Return a value of parquet with NaN as None, and bytes, which some programs write for text, as text."""
    if isinstance(value, float) and isnan(value):
        return None
    return value.decode() if isinstance(value, bytes) else value


def _not_parquet(path: Path, error: Exception, place: str = "") -> ValueError:
    problem = " ".join(str(error).split()).rstrip(".")
    return ValueError(f"{path}: {problem}{place}; expected a parquet file; write it again")
