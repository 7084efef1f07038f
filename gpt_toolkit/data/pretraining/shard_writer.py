"""Writing token shards so that nothing half-written is ever trusted."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.pretraining.token_shards import HEADER_BYTES, Split, new_checksum, shard_header

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass
class SplitState:
    """What is safely on disk of a split, as ``progress.json`` and the manifest hold it."""

    n_tokens: int
    n_bytes: int
    n_documents: int
    shards: list[dict[str, Any]]
    open_tokens: int


class SplitWriter:
    """Writes the shards of one split."""

    def __init__(self, folder: Path, split: Split, dtype: np.dtype[Any], shard_tokens: int) -> None:
        self.state = SplitState(0, 0, 0, [], 0)
        self._folder, self._split, self._dtype, self._limit = folder, split, dtype, shard_tokens
        self._file: BinaryIO | None = None
        self._checksum = new_checksum()

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._split}-{len(self.state.shards):05d}.tokens"

    @property
    def _partial(self) -> Path:
        return self._path.with_suffix(".partial")

    def resume(self, state: SplitState) -> None:
        """Go on from what the journal notes.

        Raises:
            ValueError: If the files hold less than that.
        """
        self.state = state
        if state.open_tokens:
            if not self._partial.exists():  # it was finished after the journal had been written
                self._path.rename(self._partial)
            end = HEADER_BYTES + state.open_tokens * self._dtype.itemsize
            if self._partial.stat().st_size < end:
                raise ValueError(f"{self._partial} is shorter than noted")
            self._file = self._partial.open("r+b")
            self._file.write(bytes(HEADER_BYTES))
            left = end - HEADER_BYTES
            while left:
                block = self._file.read(min(left, 1 << 22))
                self._checksum.update(block)
                left -= len(block)
            self._file.truncate(end)
            self._file.seek(end)

    def append(self, ids: NDArray[Any]) -> None:
        """Write ids; the shard ends where it has enough."""
        if self._file is None:
            self._file = self._partial.open("wb")
            self._file.write(bytes(HEADER_BYTES))
            self._checksum = new_checksum()
        data = ids.tobytes()
        self._file.write(data)
        self._checksum.update(data)
        self.state.open_tokens += len(ids)
        self.state.n_tokens += len(ids)
        if self.state.open_tokens >= self._limit:
            self.finish()

    def flush(self) -> None:
        """Bring everything written to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def finish(self) -> None:
        """End the open shard: header, disk, final name."""
        if self._file is None:
            return
        self._file.seek(0)
        self._file.write(shard_header(self._dtype.itemsize, self.state.open_tokens, self._checksum.digest()))
        self.flush()
        self.close()
        path = self._path
        self._partial.replace(path)
        self.state.shards.append(
            {"file": path.name, "count": self.state.open_tokens, "checksum": self._checksum.hexdigest()}
        )
        self.state.open_tokens = 0

    def close(self) -> None:
        """Close the open file, as it is."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


@contextmanager
def writing(folder: Path, needed: float | None) -> Iterator[None]:
    """Turn a full disk into one message that names the folder and the bytes it takes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        amount = f"about {needed / 1e6:,.0f} MB in all" if needed else "more room"
        free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
        full = OSError(
            f"The disk is full: the files in {folder} need {amount}, and {free / 1e6:,.0f} MB are free. "
            "Make room, or set GPT_TOOLKIT_CACHE to a folder on another disk, and run the same command again."
        )
        full.errno = error.errno
        raise full from error


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a JSON file so that it is there whole or not at all; ``durable``: also after a power cut."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
