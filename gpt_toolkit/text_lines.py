"""Lines of text files, with their numbers: any encoding of ``utf8``, any line end."""

import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from gpt_toolkit.utf8 import not_utf8, open_utf8

_HEAD = 1 << 16  # bytes from which the line end is recognized; tuned here
_FIRST_LINE_END: Final = re.compile(r'(?:[^"\r\n]|"[^"]*")*+(\r\n?|\n)')  # outside of quotes
_ESCAPED: Final = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as surrogateescape decodes them


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read lines with their numbers, from 1, and with their line ends.

    A line feed ends a line; a carriage return only in files without line feeds, as old Macintosh programs
    write them.

    Raises:
        ValueError: If the file is not text of its encoding; names the line or the offset.
    """
    with open_utf8(path) as file:
        end = _FIRST_LINE_END.match(file.read(_HEAD).decode(errors="replace"))
    newline = "\r" if end is not None and end[1] == "\r" else "\n"
    with open_utf8(path) as file, TextIOWrapper(file, "utf-8", "surrogateescape", newline) as lines:
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                raise ValueError(
                    f"{path}, line {number}: NUL bytes; expected text; remove them, or save the file as UTF-8"
                )
            if not line.isascii() and (bad := _ESCAPED.search(line)):
                raise not_utf8(path, ord(bad[0]) - 0xDC00, f"line {number}")
            yield number, line
