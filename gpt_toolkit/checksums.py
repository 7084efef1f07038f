"""Checksums of cached files: a byte that has changed since a file was written is an error that names it.

CRC-32 misses one damaged file in four billion. It does not detect forgery: keep files of others out of the
cache.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.io import write_json

CHECKSUM: Final = "crc32"
"""Key of the checksum in a JSON file."""

_BLOCK_BYTES = 1 << 22
_verified: set[tuple[str, int, int, int]] = set()


def file_checksum(path: Path, start: int = 0) -> int:
    """Return the CRC-32 of a file's bytes from an offset on."""
    checksum = 0
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
    return checksum


def verify_file(path: Path, checksum: int, advice: str, start: int = 0) -> None:
    """Raise if the bytes of a file are not those that were written.

    A process reads a file once, unless its size or time of change differs then.

    Args:
        path: The file.
        checksum: CRC-32 of the bytes that were written.
        advice: What to do, as the end of the message.
        start: Offset of the first of these bytes.

    Raises:
        ValueError: If the file is missing or its checksum differs.
    """
    try:
        stat = path.stat()
        key = (str(path.absolute()), stat.st_size, stat.st_mtime_ns, checksum)
        if key in _verified:
            return
        found = file_checksum(path, start)
    except FileNotFoundError:
        raise ValueError(f"{path}: missing file; expected the one that was written; {advice}") from None
    if found != checksum:
        raise ValueError(f"{path}: checksum {found:#010x}; expected {checksum:#010x}; {advice}")
    _verified.add(key)


def write_checked_json(path: Path, value: Mapping[str, Any], *, indent: int | None = 1) -> None:
    """Write a JSON object with its checksum, atomically, and flush it to the disk."""
    write_json(path, {**value, CHECKSUM: _checksum_of(value)}, indent=indent, durable=True)


def read_checked_json(path: Path, advice: str) -> dict[str, Any]:
    """Read an object of :func:`write_checked_json`.

    Args:
        path: The file.
        advice: What to do if it is damaged, as the end of the message.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If its content is not what was written.
    """
    try:
        value = json.loads(path.read_bytes())
        checksum = value.pop(CHECKSUM)
        if checksum != _checksum_of(value):
            raise ValueError("another checksum")
    except OSError:
        raise
    except Exception as error:  # a damaged file has values of any kind
        raise ValueError(f"{path}: damaged ({type(error).__name__}: {error}); {advice}") from None
    return dict(value)


def _checksum_of(value: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())
