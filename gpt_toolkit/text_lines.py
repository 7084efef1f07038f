"""Lines of text files: UTF-8, or UTF-16 or UTF-32 with a byte-order mark; any line end; plain or gzip."""

import codecs
import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from gpt_toolkit.io import open_bytes

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY: Final = (
    (b"\x1f\x8b", "it is gzip: let its name end in .gz"),
    (b"PK\x03\x04", "it is a zip file or a spreadsheet: unpack it, or save it as CSV"),
    (b"PAR1", "it is parquet: let its name end in .parquet"),
)
_CONVERT: Final = "convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 "
_SAVE: Final = "save the file as UTF-8"
_HEAD = 1 << 16  # bytes from which encoding and line end are recognized; tuned here
_FIRST_LINE_END = re.compile(r'(?:[^"\r\n]|"[^"]*")*+(\r\n?|\n)')  # outside of quotes
_ESCAPED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as surrogateescape decodes them


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read lines with their numbers, from 1, and with their line ends.

    A line feed ends a line; a carriage return only in files without line feeds, as old Macintosh programs
    write them.

    Raises:
        ValueError: If the file is not text of its encoding; names the line.
    """
    with open_bytes(path) as file:
        head = file.read(_HEAD)
        file.seek(0)
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
        end = _FIRST_LINE_END.match(head.decode(encoding, errors="replace"))
        newline = "\r" if end is not None and end[1] == "\r" else "\n"
        is_utf8 = encoding.startswith("utf-8")
        errors = "surrogateescape" if is_utf8 else "strict"
        number = 0
        try:
            with TextIOWrapper(file, encoding, errors, newline) as lines:
                for number, line in enumerate(lines, start=1):
                    where = f"{path}, line {number}"
                    if "\0" in line:
                        raise ValueError(f"{where} holds NUL bytes; expected text; {_advice(head) or _SAVE}")
                    if is_utf8 and not line.isascii() and (bad := _ESCAPED.search(line)):
                        byte = f"byte {ord(bad[0]) - 0xDC00:#04x}"
                        advice = _advice(head) or _CONVERT + path.name
                        raise ValueError(f"{where} is not UTF-8: {byte}; {advice}")
                    yield number, line
        except UnicodeError as error:
            raise ValueError(
                f"{path}, after line {number}: not {encoding.upper()}, as the byte-order mark says: "
                f"{getattr(error, 'reason', error)}; {_SAVE}"
            ) from error


def _advice(head: bytes) -> str:
    """Say what a file that is not text may be; "" if that is not known."""
    if head[:200:2].count(0) > 50 or head[1:200:2].count(0) > 50:
        return f"it may be UTF-16 without a byte-order mark: {_SAVE}"
    return next((advice for magic, advice in _BINARY if head.startswith(magic)), "")
