"""Text to token shards: encode in parallel, write safely, resume after a kill.

The shards of all splits grow together while the corpus is read once. From time to time everything written is
flushed to the disk, and the journal ``progress.json`` stores the length of each file and the position of the
reader. After a kill the files are cut back to that state, so the result has the same bytes as without a kill.
"""

import hashlib
import json
import os
import shutil
import zlib
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gpt_toolkit.checksums import file_checksum, read_checked_json, write_checked_json
from gpt_toolkit.data.encoding import token_dtype
from gpt_toolkit.data.pretraining.corpus import Corpus, Position, changed_text
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoded, Encoder, encode_on_threads
from gpt_toolkit.data.pretraining.token_shards import (
    FORMAT_VERSION,
    HEADER_BYTES,
    MANIFEST,
    Shard,
    TokenCache,
    shard_header,
)
from gpt_toolkit.data.splits import Split
from gpt_toolkit.io import explain_write_errors
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.loading import Tokenizer

SHARD_TOKENS: Final = 1 << 26
"""Tokens of each shard but the last of a split."""

JOURNAL_TOKENS: Final = 1 << 24
"""Least number of new tokens between two journals; about 70 MB of English, some seconds of work."""

_JOURNAL_FRACTION = 256
"""At least 1/256 of the tokens are new, too, as a journal lists all shards; tuned here: a kill loses 0.4%."""

JOURNAL: Final = "progress.json"


def cache_key(corpus: Corpus, tokenizer: Tokenizer) -> str:
    """Return the address of a corpus's tokens: a hash of all that decides their bytes."""
    parts = {"source": corpus.identity(), "tokenizer": tokenizer.fingerprint, "format": FORMAT_VERSION}
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def prepare_tokens(
    corpus: Corpus,
    tokenizer: Tokenizer,
    root: Path,
    progress: ProgressBar,
    *,
    encoder: Encoder = encode_on_threads,
    shard_tokens: int = SHARD_TOKENS,
    journal_tokens: int = JOURNAL_TOKENS,
) -> TokenCache:
    """Write the tokens of a corpus, unless they are in the cache already.

    Args:
        corpus: Text to encode.
        tokenizer: Tokenizer of the text.
        root: Folder of all token caches; the new one is a folder in it, named by its key.
        progress: Bar to advance by the text that is read.
        encoder: Function that encodes the corpus. The result does not depend on it.
        shard_tokens: Size of a shard, in tokens.
        journal_tokens: Least number of new tokens between two journals.

    Raises:
        OSError: If the disk is full.
        ValueError: If the corpus has no text, or cannot be read.
    """
    key = cache_key(corpus, tokenizer)
    folder = root / key
    writer = _CacheWriter(folder, key, tokenizer, shard_tokens, journal_tokens)
    with writer.explain_full_disk():
        root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"Another process is preparing {folder}; waiting for it.")
        lock.acquire()
    try:
        if not (folder / MANIFEST).exists():
            with closing(writer):
                position = writer.resume(progress)
                with closing(encoder(corpus, position, tokenizer)) as results:
                    for encoded in results:
                        writer.append(encoded)
                        progress.advance(sum(encoded.n_bytes.values()), encoded.fraction)
                writer.finish(corpus)
        return TokenCache.open(folder)
    finally:
        lock.release()


class _CacheWriter:
    """Writer of a token cache, with a journal that lets another process resume."""

    def __init__(
        self, folder: Path, key: str, tokenizer: Tokenizer, shard_tokens: int, journal_tokens: int
    ) -> None:
        self._folder, self._key, self._tokenizer = folder, key, tokenizer
        self._shard_tokens, self._journal_tokens = shard_tokens, journal_tokens
        self._dtype = token_dtype(tokenizer.vocab_size)
        self._splits: dict[Split, _SplitWriter] = {}
        self._fraction: float | None = None
        self._new_tokens = 0  # since the last journal

    def resume(self, progress: ProgressBar) -> Position:
        """Bring the folder to the state of its journal and return the position to read from.

        Without a journal, or with one that cannot be trusted, the folder is emptied.
        """
        try:
            journal = read_checked_json(self._folder / JOURNAL, "begin again")
            if journal["key"] != self._key:
                raise ValueError("the journal of another cache")
            for name, state in journal["splits"].items():
                self._split(name, _SplitState(**state))
        except (OSError, ValueError, KeyError, TypeError):
            self.close()
            self._splits = {}
            with self.explain_full_disk():
                if self._folder.exists():
                    shutil.rmtree(self._folder)
                self._folder.mkdir(parents=True)
            return None
        known = {path for split in self._splits.values() for path in (*split.finished, split.partial)}
        for path in (*self._folder.glob("*.tokens"), *self._folder.glob("*.partial")):
            if path not in known:  # begun after the journal had been written
                path.unlink()
        n_bytes = sum(split.state.n_bytes for split in self._splits.values())
        progress.note(f"Resuming {self._folder} after {n_bytes / 1e6:,.0f} MB of text.")
        return journal["position"]

    def _split(self, name: Split, state: "_SplitState | None" = None) -> "_SplitWriter":
        if name not in self._splits:
            self._splits[name] = _SplitWriter(
                self._folder, name, self._dtype, self._shard_tokens, state or _SplitState()
            )
        return self._splits[name]

    def append(self, encoded: Encoded) -> None:
        """Write a result, and the journal when enough is new."""
        self._fraction = encoded.fraction
        with self.explain_full_disk():
            for name, ids in encoded.ids.items():
                split = self._split(name)
                split.append(ids)
                split.state.n_bytes += encoded.n_bytes[name]
                split.state.n_documents += encoded.n_documents[name]
                split.state.n_marks += encoded.n_marks[name]
                self._new_tokens += len(ids)
            if self._new_tokens >= max(self._journal_tokens, self._n_tokens // _JOURNAL_FRACTION):
                for split in self._splits.values():
                    split.flush()
                states = {name: asdict(split.state) for name, split in self._splits.items()}
                journal = {"key": self._key, "position": encoded.position, "splits": states}
                write_checked_json(self._folder / JOURNAL, journal)
                self._new_tokens = 0

    def finish(self, corpus: Corpus) -> None:
        """Finish all shards and write the manifest, which makes the cache valid."""
        if cache_key(corpus, self._tokenizer) != self._key:
            self.close()
            shutil.rmtree(self._folder)
            raise changed_text(corpus)
        if "train" not in self._splits:
            raise ValueError(f"{corpus.title}: no training text; expected a document that is not empty")
        with self.explain_full_disk():
            for split in self._splits.values():
                split.finish_shard()
            states = {name: asdict(split.state) for name, split in self._splits.items()}
            for state in states.values():
                del state["open_tokens"], state["open_checksum"]
            manifest = {
                "format": FORMAT_VERSION,
                "key": self._key,
                "vocab_size": self._tokenizer.vocab_size,
                "end_of_text": self._tokenizer.end_of_text,
                "tokenizer": {"name": self._tokenizer.name, "fingerprint": self._tokenizer.fingerprint},
                "source": corpus.identity(),
                "splits": states,
            }
            write_checked_json(self._folder / MANIFEST, manifest)
            for path in (self._folder / JOURNAL, *self._folder.glob("*.partial")):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the open files as they are."""
        for split in self._splits.values():
            with suppress(OSError):  # what a full disk did not take is not in the journal
                split.close()

    @property
    def _n_tokens(self) -> int:
        return sum(split.state.n_tokens for split in self._splits.values())

    def explain_full_disk(self) -> AbstractContextManager[None]:
        """Turn the error of a full disk into one that says what the cache needs, if known, and what to do."""
        advice = (
            "make space, or set GPT_TOOLKIT_CACHE to a folder on another disk, and run the same command again"
        )
        if self._fraction:
            n_bytes = self._n_tokens * self._dtype.itemsize / self._fraction
            advice = f"the token files need about {n_bytes / 1e6:,.0f} MB in all; {advice}"
        return explain_write_errors(self._folder, advice, disk_full_only=True)


@dataclass
class _SplitState:
    """Amounts of a split that are written, as the journal and the manifest store them.

    Attributes:
        n_tokens: Tokens, those of the open shard included.
        n_bytes: UTF-8 bytes of their text.
        n_documents: Documents that begin in it.
        n_marks: Occurrences of ``END_MARK`` in its text.
        open_tokens: Tokens of the open shard.
        open_checksum: CRC-32 of their bytes.
        shards: Name, count and checksum of each finished shard.
    """

    n_tokens: int = 0
    n_bytes: int = 0
    n_documents: int = 0
    n_marks: int = 0
    open_tokens: int = 0
    open_checksum: int = 0
    shards: list[dict[str, Any]] = field(default_factory=list)


class _SplitWriter:
    """Writer of the shards of one split, from a state on.

    An unfinished shard has a temporary name and no header.

    Raises:
        OSError: If the open shard is missing.
        ValueError: If a shard is not as the state says.
    """

    def __init__(
        self, folder: Path, split: Split, dtype: np.dtype[Any], shard_tokens: int, state: _SplitState
    ) -> None:
        self.state = state
        self._folder, self._split, self._dtype, self._shard_tokens = folder, split, dtype, shard_tokens
        self._file: BinaryIO | None = None
        for path, shard in zip(self.finished, state.shards, strict=True):
            Shard(path, shard["count"], shard["checksum"]).verify()
        if state.open_tokens:
            if not self.partial.exists():  # the shard was finished after the journal
                self._path(len(state.shards)).rename(self.partial)
            end = HEADER_BYTES + state.open_tokens * dtype.itemsize
            if self.partial.stat().st_size < end:
                raise ValueError(f"{self.partial}: too short; expected the length of the journal")
            with self.partial.open("r+b") as file:
                file.truncate(end)
            if file_checksum(self.partial, HEADER_BYTES) != state.open_checksum:
                raise ValueError(f"{self.partial}: wrong checksum; expected that of the journal")
            self._file = self.partial.open("r+b")
            self._file.write(bytes(HEADER_BYTES))
            self._file.seek(end)

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._split}-{number:05d}.tokens"

    @property
    def finished(self) -> list[Path]:
        """Files of the finished shards."""
        return [self._path(number) for number in range(len(self.state.shards))]

    @property
    def partial(self) -> Path:
        """File of the open shard."""
        path = self._path(len(self.state.shards))
        return path.with_name(f"{path.name}.partial")

    def append(self, ids: NDArray[Any]) -> None:
        """Write ids; a full shard is finished and the next one begun."""
        while len(ids):
            if self._file is None:
                self._file = self.partial.open("wb")
                self._file.write(bytes(HEADER_BYTES))
            fitting = ids[: self._shard_tokens - self.state.open_tokens]
            data = fitting.tobytes()
            self._file.write(data)
            self.state.open_checksum = zlib.crc32(data, self.state.open_checksum)
            self.state.open_tokens += len(fitting)
            self.state.n_tokens += len(fitting)
            if self.state.open_tokens == self._shard_tokens:
                self.finish_shard()
            ids = ids[len(fitting) :]

    def flush(self) -> None:
        """Force everything written onto the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def finish_shard(self) -> None:
        """Write the header of the open shard, flush it, and give it its final name."""
        if self._file is None:
            return
        state, path = self.state, self._path(len(self.state.shards))
        self._file.seek(0)
        self._file.write(shard_header(self._dtype.itemsize, state.open_tokens, state.open_checksum))
        self.flush()
        self.close()
        self.partial.replace(path)
        entry = {"file": path.name, "count": state.open_tokens, "checksum": state.open_checksum}
        state.shards.append(entry)
        state.open_tokens = state.open_checksum = 0

    def close(self) -> None:
        """Close the open file as it is."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
