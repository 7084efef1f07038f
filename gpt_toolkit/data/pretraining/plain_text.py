"""Readers of plain text files, in chunks and from any position.

A file is one document, unless a separator ends documents in it. Memory does not grow with the size of a file.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.corpus import Position, normalize_newlines, utf8_length
from gpt_toolkit.tokenizers.loading import safe_cut
from gpt_toolkit.utf8 import check_text, not_utf8, open_utf8

BLOCK_BYTES: Final = 1 << 20
_LONGEST_BLOCK = 1 << 22  # text without a single space in 4 MiB is cut anywhere

_SHORTEST_SHIFT, _LONGEST_SHIFT = 256, 1 << 16
"""Bytes by which the held-out end may begin earlier or later; tuned here: some sentences, and some pages."""

_LINE_END = rb"(?:\r\n|\n|\r(?!\Z))"  # a line feed may follow a CR at the end of what is read
_BOUNDARIES: Final = tuple(map(re.compile, (_LINE_END + rb"{2,}", _LINE_END, rb"[ \t]+")))


def read_text(path: Path, start: int, stop: int | None) -> Iterator[tuple[str, int]]:
    """Yield a plain text file in chunks of about 1 MiB, cut where no token crosses.

    Args:
        path: ``.txt`` or ``.txt.gz``.
        start: First byte to read, of the unpacked file.
        stop: Byte to stop before; None: the end.

    Yields:
        A text that is not empty, and the offset of the byte after it.

    Raises:
        ValueError: If the file is not UTF-8 text, or its gzip is broken; with the offset.
    """
    with open_utf8(path, start) as file:
        offset, waiting = file.tell(), b""  # waiting holds the bytes from offset on
        size, is_last = BLOCK_BYTES, False
        while not is_last:  # the end of a piece follows from its offset alone, also after a resume
            wanted = (size if stop is None else min(size, stop - offset)) - len(waiting)
            block = file.read(wanted)
            check_text(block, path, offset + len(waiting))
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


def read_separated(
    path: Path, separator: str, position: Position = None
) -> Iterator[tuple[str, bool, Position]]:
    """Yield the documents of a plain text file that a separator ends, in chunks of at most about 1 MiB.

    Line ends next to a separator are not part of a document, and a document without text is left out.

    Args:
        path: ``.txt`` or ``.txt.gz``.
        separator: Text after each document but perhaps the last.
        position: Position after the last chunk that was read; None: the beginning.

    Yields:
        A text that is not empty, whether it begins a document, and the position after it.

    Raises:
        ValueError: As :func:`read_text`.
    """
    mark = separator.encode()
    start, is_inside = position or (0, False)
    with open_utf8(path, start) as file:
        offset, waiting, begin = file.tell(), b"", 0  # the byte at offset is waiting[begin]
        size, is_end = BLOCK_BYTES, False
        while not is_end or begin < len(waiting):
            end = waiting.find(mark, begin, begin + size + len(mark))
            if end < 0 and not is_end and len(waiting) < begin + size + len(mark):
                block = file.read(2 * size)
                check_text(block, path, offset + len(waiting) - begin)
                waiting, begin, is_end = waiting[begin:] + block, 0, not block
                continue
            ends_document = is_last = end >= 0 or begin + size >= len(waiting)
            text = _decode(waiting[begin : end if end >= 0 else begin + size], path, offset, is_last=is_last)
            if not is_last and not (text := text[: _cut(text, size)]):
                size += BLOCK_BYTES
                continue
            length = utf8_length(text) + (len(mark) if end >= 0 else 0)
            offset, begin, size = offset + length, begin + length, BLOCK_BYTES
            text = normalize_newlines(text)
            text = text if is_inside else text.lstrip("\n")
            text = text.rstrip("\n") if ends_document else text
            starts_document, is_inside = not is_inside, not ends_document and (is_inside or bool(text))
            if text:
                yield text, starts_document, [offset, is_inside]


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
        raise not_utf8(path, data[error.start], f"offset {offset + error.start:,}") from error


def held_out_offset(path: Path, size: int, fraction: float) -> int:
    """Return the offset of a plain text file at which its held-out end begins.

    It is near ``(1 - fraction) * size``: at the nearest end of a paragraph, else of a line, else of a
    word, else of a character.

    Args:
        path: ``.txt`` or ``.txt.gz``.
        size: Bytes of the file, unpacked.
        fraction: Fraction of the bytes that is held out.
    """
    target = int(size * (1 - fraction))
    reach = min(_LONGEST_SHIFT, max(_SHORTEST_SHIFT, (size - target) // 10), (size - target) // 2)
    start = max(0, target - reach)
    with open_utf8(path, start) as file:
        start = file.tell()
        nearby = file.read(target + reach + 4 - start)  # a character has up to 4 bytes
    for boundary in _BOUNDARIES:
        ends = [start + match.end() for match in boundary.finditer(nearby[: target + reach - start])]
        if offsets := [end for end in ends if 0 < end < size]:
            return min(offsets, key=lambda end: abs(end - target))
    following = nearby[target - start :]
    return target + next((i for i, byte in enumerate(following) if byte & 0xC0 != 0x80), len(following))
