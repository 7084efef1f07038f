"""Checksums of the files of a folder, in a file next to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from gpt_toolkit.checkpoints.torch_pickle import file_version
from gpt_toolkit.checksums import file_checksum
from gpt_toolkit.io import is_file_name, read_json, write_json

CHECKSUMS = "checksums.json"


def file_checksums(paths: Iterable[Path]) -> dict[str, int]:
    """Return the CRC-32 of each file, by its name."""
    return {path.name: file_checksum(path) for path in paths}


def write_checksums(folder: Path, checksums: Mapping[str, int]) -> None:
    """Write the checksums of a folder's files."""
    write_json(folder / CHECKSUMS, {"crc32": dict(sorted(checksums.items()))})


def verify_checksums(folder: Path) -> None:
    """Raise if a file of a folder has changed; do nothing if the folder has no checksums.

    Files that are as they were at the last call in this process are not read again.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has changed.
    """
    if (folder / CHECKSUMS).exists():
        _verify(folder, tuple(map(file_version, sorted(folder.iterdir()))))


@lru_cache(maxsize=16)  # errors are not kept
def _verify(folder: Path, versions: tuple[object, ...]) -> None:
    advice = "use another checkpoint, or another copy of it"
    stored = read_json(folder / CHECKSUMS, advice)
    expected = stored.get("crc32") if isinstance(stored, dict) else None
    if not isinstance(expected, dict) or not all(map(is_file_name, expected)):
        raise ValueError(f"{folder / CHECKSUMS}: damaged; expected the CRC-32 of each file by name; {advice}")
    for name, checksum in expected.items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: not found; expected it, because {CHECKSUMS} lists it; {advice}")
        if file_checksums([path])[name] != checksum:
            raise ValueError(f"{path}: damaged; expected the checksum of {CHECKSUMS}; {advice}")
