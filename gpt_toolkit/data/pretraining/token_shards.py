"""Token shards on disk: their format, and reading a split as one stream of tokens.

A token cache is a folder with a ``manifest.json`` and the shards of each split: ``train-00000.tokens`` and so
on. A shard is a header of 64 bytes and then token ids, little-endian. An id has two bytes if the vocabulary
fits, otherwise four. The header holds the magic ``GPTTOKEN``, the format version, the bytes an id, the number
of ids and the CRC-32 of their bytes. It is written last, so a shard that was cut short has none.

The manifest is verified whenever it is read. The ids of a split are verified before they are used, once a
process: all of them up to :data:`VERIFIED_BYTES`, above that a random sample of shards, another one in each
process.
"""

import random
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.checksums import read_checked_json, verify_file
from gpt_toolkit.data.encoding import map_on_threads, token_dtype
from gpt_toolkit.data.splits import SPLITS, Split

FORMAT_VERSION: Final = 4
"""Raised when a reader of the former version would misread a cache, or the same text gives other tokens."""

HEADER_BYTES: Final = 64

OPEN_SHARDS: Final = 256
"""Shards of a stream that are mapped at once; tuned here: each holds a file open, and Unix allows 1,024."""

VERIFIED_BYTES: Final = 1 << 33
"""Bytes of a split's ids that a process verifies; tuned here: a few seconds, and 4 billion tokens."""

MANIFEST: Final = "manifest.json"
BLOCK_BYTES: Final = 1 << 22
_MAGIC = b"GPTTOKEN"
_HEADER = struct.Struct("<8sIIQI")


def shard_header(itemsize: int, count: int, checksum: int) -> bytes:
    """Return the header of a finished shard: ``HEADER_BYTES`` bytes."""
    return _HEADER.pack(_MAGIC, FORMAT_VERSION, itemsize, count, checksum).ljust(HEADER_BYTES, b"\0")


@dataclass(frozen=True)
class Shard:
    """A file of token ids.

    Attributes:
        path: Path of the file.
        count: Number of token ids.
        checksum: CRC-32 of the ids' bytes.
    """

    path: Path
    count: int
    checksum: int

    def check(self, dtype: np.dtype[Any]) -> None:
        """Raise if the file is missing, truncated or foreign, without reading the ids."""
        expected = HEADER_BYTES + self.count * dtype.itemsize
        fix = _fix(self.path.parent)
        if not self.path.is_file():
            raise ValueError(f"{self.path}: not found; expected a token file; {fix}")
        if (size := self.path.stat().st_size) != expected:
            raise ValueError(f"{self.path}: {size:,} bytes; expected {expected:,}; {fix}")
        with self.path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if header != shard_header(dtype.itemsize, self.count, self.checksum):
            raise ValueError(f"{self.path}: other header; expected that of {MANIFEST}; {fix}")

    def verify(self) -> None:
        """Read the whole file and raise if the ids are not those that were written."""
        verify_file(self.path, self.checksum, _fix(self.path.parent), start=HEADER_BYTES)


def _map(shards: Sequence[Shard], dtype: np.dtype[Any], number: int) -> NDArray[Any]:
    shard = shards[number]
    return np.memmap(shard.path, dtype, mode="r", offset=HEADER_BYTES, shape=(shard.count,))


class Tokens:
    """Tokens of one split: its memory-mapped shards, in reading order, as one stream."""

    def __init__(self, shards: Iterable[Shard], dtype: np.dtype[Any]) -> None:
        self.shards = tuple(shards)
        self.dtype = dtype
        self._map = lru_cache(OPEN_SHARDS)(partial(_map, self.shards, dtype))
        for number in range(min(OPEN_SHARDS, len(self.shards))):
            self._map(number)
        self._ends = np.cumsum([shard.count for shard in self.shards], dtype=np.int64)

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes map the files instead of receiving their ids
        return Tokens, (self.shards, self.dtype)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def read(self, start: int, length: int) -> NDArray[np.int64]:
        """Return token ids ``start`` to ``start + length - 1``: ``(length,)``."""
        row: NDArray[np.int64] = self.windows(np.array([start]), length)[0]
        return row

    def windows(self, starts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """Return windows of equal length.

        Args:
            starts: First token of each window, ``(n,)``.
            length: Tokens a window.

        Returns:
            ``(n, length)``.

        Raises:
            IndexError: If a window reaches outside the stream.
        """
        if len(starts) and (starts.min() < 0 or int(starts.max()) + length > len(self)):
            raise IndexError(f"windows: {length} tokens at {starts}; expected all within {len(self)} tokens")
        result = np.empty((len(starts), length), dtype=np.int64)
        shards = np.searchsorted(self._ends, starts, side="right")
        for row, start, shard in zip(result, starts.tolist(), shards.tolist(), strict=True):
            done = 0
            while done < length:  # a window may cross into the next shards
                ids = self._map(shard)
                begin = start + done - (int(self._ends[shard]) - len(ids))
                found = ids[begin : begin + length - done]
                row[done : done + len(found)] = found
                done, shard = done + len(found), shard + 1
        return result


@dataclass(frozen=True)
class TokenCache:
    """A finished folder of token shards.

    Attributes:
        folder: Path of the folder.
        manifest: Contents of its ``manifest.json``.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "TokenCache":
        """Open a cache and check the size and header of each of its files.

        Raises:
            FileNotFoundError: If the folder holds no finished cache.
            ValueError: If a file is truncated or foreign, or another version wrote the cache.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder}: no finished token cache; expected one; run `gpt-toolkit prepare` with the same "
                "arguments"
            )
        manifest = read_checked_json(path, _fix(folder))
        if (version := manifest.get("format")) != FORMAT_VERSION:
            raise ValueError(f"{path}: format {version}; expected {FORMAT_VERSION}; {_fix(folder)}")
        cache = cls(folder, manifest)
        for split in cache.splits:
            for shard in cache.shards(split):
                shard.check(cache.dtype)
        return cache

    @property
    def key(self) -> str:
        """Hash of corpus, splitting rule, tokenizer and format; the name of the folder."""
        return str(self.manifest["key"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the ids on disk."""
        return token_dtype(self.manifest["vocab_size"])

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that have text."""
        return tuple(split for split in SPLITS if split in self.manifest["splits"])

    def shards(self, split: Split) -> list[Shard]:
        """Return the files of a split, in reading order."""
        entries = self.manifest["splits"][split]["shards"]
        return [Shard(self.folder / entry["file"], entry["count"], entry["checksum"]) for entry in entries]

    def tokens(self, split: Split) -> Tokens:
        """Return the token stream of a split, whose ids are verified.

        Raises:
            ValueError: If a byte has changed since they were written.
        """
        self.verify([split], VERIFIED_BYTES)
        return Tokens(self.shards(split), self.dtype)

    def n_bytes(self, split: Split) -> int:
        """Return the UTF-8 bytes of the split's text."""
        return int(self.manifest["splits"][split]["n_bytes"])

    def n_tokens(self, split: Split) -> int:
        """Return the tokens of the split, those that begin its documents included."""
        return int(self.manifest["splits"][split]["n_tokens"])

    def n_documents(self, split: Split) -> int:
        """Return the number of documents of the split."""
        return int(self.manifest["splits"][split]["n_documents"])

    @property
    def n_marks(self) -> int:
        """Occurrences of ``END_MARK`` in the text of all splits."""
        return sum(int(split["n_marks"]) for split in self.manifest["splits"].values())

    def bytes_per_label(self, split: Split) -> float:
        """Return the mean UTF-8 bytes of a label; the first token of a split is not a label."""
        return self.n_bytes(split) / max(1, self.n_tokens(split) - 1)

    def verify(self, splits: Sequence[Split] | None = None, n_bytes: int | None = None) -> None:
        """Raise if the ids are not those that were written.

        Args:
            splits: The splits to read; None: all.
            n_bytes: Bytes of each split to read; if it has more, shards are chosen at random. None: all.
        """
        for split in self.splits if splits is None else splits:
            shards = self.shards(split)
            if n_bytes is not None:
                size = self.dtype.itemsize * max((shard.count for shard in shards), default=1)
                n_shards = min(len(shards), max(1, n_bytes // max(1, size)))
                shards = random.SystemRandom().sample(shards, n_shards)
            for _ in map_on_threads(Shard.verify, shards):
                pass


def _fix(folder: Path) -> str:
    return f"delete the folder {folder} and run `gpt-toolkit prepare` again"
