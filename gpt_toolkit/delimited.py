"""Fields of delimited text files, in the dialects of CSV that spreadsheets and pandas write.

A first line ``sep=;`` names the delimiter. Lines without any value are skipped. Between tabs, quotes are
plain characters, as in every published file of GLUE, unless a user's file was written with quotes.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gpt_toolkit.text_lines import text_lines

_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's
_ENCLOSED: Final = re.compile(r'"(?:[^"]|"")*+"')
_LONGEST_FIELD = 1 << 24  # characters; tuned here: some articles are longer than csv's limit of 131,072


class Dialect(NamedTuple):
    """Form of a delimited file.

    Attributes:
        delimiter: Character between fields.
        has_quotes: Whether quotes enclose fields; a doubled quote in them is one.
    """

    delimiter: str
    has_quotes: bool


def find_dialect(path: Path, delimiter: str | None, *, is_tsv: bool, detect_quotes: bool) -> Dialect:
    """Find the dialect of a file that is not empty.

    Args:
        path: The file.
        delimiter: Character between fields. None: that of a line ``sep=;``; a tab if ``is_tsv`` or the first
            line has one outside of quotes; else a comma, if it has none a semicolon, and if not ``|``.
        is_tsv: Whether the file's name says that it has tabs.
        detect_quotes: Whether quotes may enclose the fields of a file with tabs, which is then read once.
    """
    first = next(line for _, line in text_lines(path) if line.strip())
    if delimiter is None and (separator := _SEPARATOR_LINE.fullmatch(first)):
        delimiter = separator[1]
    if delimiter is None:
        unquoted = re.sub(r'"[^"]*"', "", first)
        delimiter = "\t" if is_tsv else next((one for one in "\t,;|" if one in unquoted), ",")
    if delimiter == "\t":
        return Dialect(delimiter, detect_quotes and _has_quotes(path))
    return Dialect(delimiter, has_quotes=True)


def _has_quotes(path: Path) -> bool:
    """Return whether quotes enclose fields of a file with tabs.

    They do if each field that begins with a quote is enclosed by quotes, and one of these has a doubled quote
    or the whole header is enclosed. They also do if only then all records are as long as the header.
    """
    rows = read_fields(path, Dialect("\t", has_quotes=False))
    _, header = next(rows)
    is_plain, is_enclosed, has_reason = True, True, all(map(_ENCLOSED.fullmatch, header))
    for _, fields in rows:
        is_plain = is_plain and len(fields) == len(header)
        begun = [field for field in fields if field.startswith('"')]
        is_enclosed = is_enclosed and all(map(_ENCLOSED.fullmatch, begun))
        has_reason = has_reason or any('""' in field[1:-1] for field in begun)
    if is_plain:
        return is_enclosed and has_reason
    try:
        lengths = {len(fields) for _, fields in read_fields(path, Dialect("\t", has_quotes=True))}
    except ValueError:
        return False
    return len(lengths) == 1


def read_fields(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Read the fields of each record that has any value, with the number of its first line.

    Raises:
        ValueError: If the file is not text, or quotes are not closed or doubled; names the line.
    """
    numbered = text_lines(path)
    lines = ("\n" if number == 1 and _SEPARATOR_LINE.fullmatch(line) else line for number, line in numbered)
    if not dialect.has_quotes:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.rstrip("\r\n").split(dialect.delimiter)
        return
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    begin = 1
    try:
        for fields in reader:
            if any(map(str.strip, fields)):
                yield begin, fields
            begin = reader.line_num + 1
    except csv.Error as error:
        problem = str(error).partition(" - ")[0]
        raise ValueError(
            f"{path}, line {begin}: broken record ({problem}); expected quoted fields; quote a text that "
            'contains the delimiter, a quote or a line end, and double the quotes in it: ""'
        ) from error
