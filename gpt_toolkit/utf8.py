"""Text files as UTF-8 bytes: byte-order marks, UTF-16, and files that hold no text."""

import codecs
import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from gpt_toolkit.io import open_bytes

_UTF8_MARK: Final = codecs.BOM_UTF8
_RECODED: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNPACK: Final = "unpack it first"
_EXTRACT: Final = "extract its text first"
_FORMATS: Final = (
    (b"\x1f\x8b", "gzip", "add .gz to its name"),
    (b"PAR1", "parquet", "let its name end in .parquet"),
    (b"PK\x03\x04", "a zip archive or an office document", "unpack it or save it as text first"),
    (b"\xfd7zXZ\0", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"%PDF-", "a PDF document", _EXTRACT),
    (b"\xd0\xcf\x11\xe0", "an office document", "save it as text first"),
    (b"{\\rtf", "rich text (RTF)", "save it as plain text first"),
    (b"\x89PNG", "a PNG image", _EXTRACT),
    (b"\xff\xd8\xff", "a JPEG image", _EXTRACT),
    (b"SQLite format 3\0", "an SQLite database", _EXTRACT),
)
_HEAD_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20


@contextmanager
def open_utf8(path: Path, start: int = 0) -> Iterator[BinaryIO]:
    """Open a text file as UTF-8 bytes, unpacked, and skip a byte-order mark.

    UTF-16 and UTF-32 with a byte-order mark are converted. ``tell`` gives offsets that ``start`` accepts.

    Args:
        path: The file.
        start: Offset to begin at; 0: after the byte-order mark.

    Raises:
        ValueError: If the file holds no text, as far as its beginning shows, or is broken gzip.
    """
    with open_bytes(path) as file:
        head = file.read(_HEAD_BYTES)
        for mark, encoding in _RECODED:
            if head.startswith(mark):
                file.seek(len(mark))
                recoded = io.BufferedReader(_Recoded(file, path, encoding), _BLOCK_BYTES)
                skipped = 0
                while skipped < start and (block := recoded.read(min(_BLOCK_BYTES, start - skipped))):
                    skipped += len(block)
                yield cast(BinaryIO, recoded)
                return
        for signature, name, advice in _FORMATS:
            if head.startswith(signature):
                raise ValueError(f"{path}: the content is {name}; expected UTF-8 text; {advice}")
        check_text(head, path, 0)
        file.seek(start or (len(_UTF8_MARK) if head.startswith(_UTF8_MARK) else 0))
        yield file


def check_text(data: bytes, path: Path, offset: int) -> None:
    """Raise if a part of a file has too many NUL bytes for text.

    A few are accepted: texts of the web contain some.

    Args:
        data: Bytes of the file.
        path: The file, for the message.
        offset: Offset of ``data`` in it.
    """
    n_nul = data.count(0)
    if (n_nul <= 8 or n_nul * 100 <= len(data)) and bytes(8) not in data:
        return
    fix = "leave it out, or extract its text first"
    even, odd = data[::2].count(0), data[1::2].count(0)
    if max(even, odd) * 5 > len(data) and min(even, odd) * 100 < len(data):
        guess = "UTF-16LE" if odd > even else "UTF-16BE"
        fix = f"convert it, for example: {_conversion(path, guess)}"
    raise ValueError(
        f"{path}: {n_nul:,} of {len(data):,} bytes are NUL, the first at offset {offset + data.index(0)}; "
        f"expected UTF-8 text; {fix}"
    )


def not_utf8(path: Path, byte: int, where: str) -> ValueError:
    """Return the error of a byte that is not UTF-8.

    Args:
        path: The file.
        byte: The byte.
        where: Place of the byte: its offset or line.
    """
    return ValueError(
        f"{path}: byte {byte:#04x} at {where}; expected UTF-8 text; convert it, for example: "
        f"{_conversion(path, 'WINDOWS-1252')}"
    )


def _conversion(path: Path, encoding: str) -> str:
    name = shlex.quote(path.name)
    if path.name.lower().endswith(".gz"):
        return f"gzip -dc {name} | iconv -f {encoding} -t UTF-8 > utf8{Path(path.stem).suffix}"
    return f"iconv -f {encoding} -t UTF-8 {name} > utf8{path.suffix}"


class _Recoded(io.RawIOBase):
    """A file of another encoding, as UTF-8 bytes."""

    def __init__(self, file: BinaryIO, path: Path, encoding: str) -> None:
        self._file, self._path, self._encoding = file, path, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._waiting = memoryview(b"")
        self._n_read = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n_read

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        is_end = False
        while not self._waiting and not is_end:
            block = self._file.read(_BLOCK_BYTES)
            is_end = not block
            try:
                self._waiting = memoryview(self._decoder.decode(block, final=is_end).encode())
            except UnicodeDecodeError as error:
                offset = self._file.tell() - len(error.object) + error.start
                raise ValueError(
                    f"{self._path}: {error.reason} at offset {offset}; expected {self._encoding} text, as "
                    "its byte-order mark says; save it as UTF-8"
                ) from error
        n = min(len(target), len(self._waiting))
        target[:n] = self._waiting[:n]
        self._waiting = self._waiting[n:]
        self._n_read += n
        return n
