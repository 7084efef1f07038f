"""Checksums and sizes of files, computed once."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpt_toolkit.checksums import read_checked_json, write_checked_json
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.utf8 import open_utf8

_BLOCK_BYTES = 1 << 20


class FileMemo:
    """Checksums and unpacked sizes of files, remembered by path, size and time of change.

    Args:
        folder: Folder of the remembered facts, one small file each; None: remember them in memory only.
        progress: Bar to advance by the bytes that are read for a checksum.
    """

    def __init__(self, folder: Path | None, progress: ProgressBar | None = None) -> None:
        self._folder, self._progress = folder, progress
        self._facts: dict[Path, dict[str, Any]] = {}

    def checksum(self, path: Path) -> str:
        """Return the BLAKE2b checksum of a file's bytes."""
        return str(self._fact(path, "blake2b"))

    def text_size(self, path: Path) -> int:
        """Return the bytes of a plain text file, unpacked."""
        return int(self._fact(path, "text_size"))

    def _fact(self, path: Path, kind: str) -> str | int:
        path = path.absolute()
        stat = path.stat()
        stamp = [str(path), stat.st_size, stat.st_mtime_ns]
        name = hashlib.blake2b(str(path).encode(), digest_size=16).hexdigest() + ".json"
        facts = self._facts.get(path, {})
        if not facts and self._folder is not None:
            with suppress(OSError, ValueError):
                facts = read_checked_json(self._folder / name, "read the file again")
        if facts.get("stamp") != stamp:
            facts = {"stamp": stamp}
        self._facts[path] = facts
        if kind not in facts:
            facts[kind] = self._blake2b(path) if kind == "blake2b" else _text_size(path)
            if self._folder is not None:
                write_checked_json(self._folder / name, facts)
        value: str | int = facts[kind]
        return value

    def _blake2b(self, path: Path) -> str:
        checksum = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                checksum.update(block)
                if self._progress is not None:
                    self._progress.advance(len(block))
        return checksum.hexdigest()


def _text_size(path: Path) -> int:
    with open_utf8(path) as file:
        if file.seekable():
            return file.seek(0, os.SEEK_END)
        while file.read(_BLOCK_BYTES):
            pass
        return file.tell()
