"""Text to token shards: encode in parallel, write safely, go on after a kill.

The shards of all splits grow together while the source is read once. Now and then everything written is
flushed to the disk and ``progress.json`` notes how long each file is and where reading goes on; a run that
was killed cuts the files back to that point and ends with the same bytes as one that was not.
"""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gpt_toolkit.data.progress import ReadingProgress
from gpt_toolkit.data.readers import Chunk, Position, Source
from gpt_toolkit.data.shards import SplitState, SplitWriter, write_json, writing
from gpt_toolkit.data.tokens import FORMAT_VERSION, MANIFEST, Split, TokenCache, token_dtype
from gpt_toolkit.text.tokenizer import Tokenizer

SHARD_TOKENS: Final = 1 << 26
"""A shard ends with the first piece of text that brings it to this many tokens."""

CHECKPOINT_TOKENS: Final = 1 << 24
"""Tokens between two notes of progress: about 70 MB of English, seconds of work."""

_JOURNAL = "progress.json"
_JOB_CHARACTERS = 1 << 18  # short documents share one call into the pool


def cache_key(source: Source, tokenizer: Tokenizer) -> str:
    """Address of the tokens of a source: a hash of all that decides their bytes."""
    parts = {"source": source.identity(), "tokenizer": tokenizer.fingerprint, "format": FORMAT_VERSION}
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def prepare_tokens(
    source: Source,
    tokenizer: Tokenizer,
    root: Path,
    progress: ReadingProgress,
    *,
    threads: int | None = None,
    shard_tokens: int = SHARD_TOKENS,
    checkpoint_tokens: int = CHECKPOINT_TOKENS,
) -> TokenCache:
    """Write the tokens of a source, unless they are there already.

    Args:
        source: Where the text comes from.
        tokenizer: Turns text into token ids.
        root: Folder of all token caches; this one becomes the folder named by its key.
        progress: Told of the text as it is read.
        threads: Threads that encode; None: one a core. The result does not depend on it.
        shard_tokens: Size of a shard, in tokens.
        checkpoint_tokens: Tokens between two notes of progress.

    Raises:
        OSError: If the disk is full.
        ValueError: If the source has no text, or what :func:`readers` raise.
    """
    key = cache_key(source, tokenizer)
    folder = root / key
    with writing(folder, None):
        root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"Another process is preparing {folder}; waiting for it.")
        lock.acquire()
    try:
        if not (folder / MANIFEST).exists():
            _Preparation(source, tokenizer, folder, key, progress, shard_tokens, checkpoint_tokens).run(
                threads
            )
        return TokenCache.open(folder)
    finally:
        lock.release()


@dataclass
class _Job:
    """Chunks that are encoded in one call, and where reading goes on after them."""

    chunks: list[Chunk]
    position: Position
    share: float | None


def _jobs(chunks: Iterator[Chunk]) -> Iterator[_Job]:
    """Group chunks; groups depend only on where the first begins, so a resumed run makes the same ones."""
    group: list[Chunk] = []
    size = 0
    for chunk in chunks:
        group.append(chunk)
        size += len(chunk.text)
        if size >= _JOB_CHARACTERS:
            yield _Job(group, chunk.position, chunk.share)
            group, size = [], 0
    if group:
        yield _Job(group, group[-1].position, group[-1].share)


def _encode(job: _Job, tokenizer: Tokenizer) -> dict[Split, NDArray[Any]]:
    """Token ids of a job, by split, each document after its end-of-text token."""
    pieces: dict[Split, list[NDArray[np.uint32]]] = {}
    begin = np.array([tokenizer.end_of_text], dtype=np.uint32)
    for chunk in job.chunks:
        found = pieces.setdefault(chunk.split, [])
        if chunk.starts_document:
            found.append(begin)
        found.append(tokenizer.encode_chunk(chunk.text, first=chunk.starts_document))
    dtype = token_dtype(tokenizer.vocab_size)
    result: dict[Split, NDArray[Any]] = {}
    for split, arrays in pieces.items():
        ids = np.concatenate(arrays)
        if len(ids) and int(ids.max()) >= tokenizer.vocab_size:
            raise ValueError(
                f"Tokenizer {tokenizer.name} made the id {ids.max()}, but its vocab_size is "
                f"{tokenizer.vocab_size}."
            )
        result[split] = ids.astype(dtype)
    return result


class _Preparation:
    """One run of :func:`prepare_tokens` that has to write."""

    def __init__(
        self,
        source: Source,
        tokenizer: Tokenizer,
        folder: Path,
        key: str,
        progress: ReadingProgress,
        shard_tokens: int,
        checkpoint_tokens: int,
    ) -> None:
        self.source, self.tokenizer, self.folder, self.key, self.progress = (
            source,
            tokenizer,
            folder,
            key,
            progress,
        )
        self.shard_tokens, self.checkpoint_tokens = shard_tokens, checkpoint_tokens
        self.dtype = token_dtype(tokenizer.vocab_size)
        self.writers: dict[Split, SplitWriter] = {}
        self.share: float | None = None

    def run(self, threads: int | None) -> None:
        """Read, encode and write everything that is not on disk yet."""
        position = self._resume()
        threads = threads or _n_cores()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")
        ahead: deque[tuple[_Job, Future[dict[Split, NDArray[Any]]]]] = deque()
        since = 0
        try:
            for job in _jobs(self.source.chunks(position)):
                ahead.append((job, pool.submit(_encode, job, self.tokenizer)))
                if len(ahead) > 2 * threads:  # enough that no thread waits; more would only fill memory
                    since = self._write(*ahead.popleft(), since)
            while ahead:
                since = self._write(*ahead.popleft(), since)
            self._finish()
        finally:
            pool.shutdown(cancel_futures=True)
            for writer in self.writers.values():
                with suppress(OSError):  # what a full disk did not take is past the last note of progress
                    writer.close()

    def _write(self, job: _Job, encoded: Future[dict[Split, NDArray[Any]]], since: int) -> int:
        """Write a job; returns the tokens written since the last note of progress."""
        self.share = job.share
        ended = False
        with self._disk():
            for split, ids in encoded.result().items():
                writer = self.writers.setdefault(
                    split, SplitWriter(self.folder, split, self.dtype, self.shard_tokens)
                )
                ended |= writer.append(ids)
                since += len(ids)
            for chunk in job.chunks:
                state = self.writers[chunk.split].state
                state.n_bytes += chunk.n_bytes
                state.n_documents += chunk.starts_document
            if ended or since >= self.checkpoint_tokens:
                for writer in self.writers.values():
                    writer.flush()
                states = {split: asdict(writer.state) for split, writer in self.writers.items()}
                write_json(
                    self.folder / _JOURNAL, {"key": self.key, "position": job.position, "splits": states}
                )
                since = 0
        self.progress.advance(sum(chunk.n_bytes for chunk in job.chunks), job.share)
        return since

    def _finish(self) -> None:
        if "train" not in self.writers:
            raise ValueError(f"There is no training text in {self.source.title}: all of it is empty.")
        with self._disk():
            splits: dict[str, Any] = {}
            for split, writer in self.writers.items():
                writer.finish()
                splits[split] = asdict(writer.state)
                del splits[split]["open_tokens"]
            manifest = {
                "format": FORMAT_VERSION,
                "key": self.key,
                "vocab_size": self.tokenizer.vocab_size,
                "end_of_text": self.tokenizer.end_of_text,
                "tokenizer": {"name": self.tokenizer.name, "fingerprint": self.tokenizer.fingerprint},
                "source": self.source.identity(),
                "splits": splits,
            }
            write_json(self.folder / MANIFEST, manifest)
            for path in (self.folder / _JOURNAL, *self.folder.glob("*.partial")):
                path.unlink(missing_ok=True)

    def _resume(self) -> Position:
        """Bring the folder to the state of the last note of progress, or to none."""
        try:
            journal = json.loads((self.folder / _JOURNAL).read_bytes())
            if journal["key"] != self.key:
                raise ValueError("another cache's journal")
            for split, state in journal["splits"].items():
                writer = self.writers[split] = SplitWriter(self.folder, split, self.dtype, self.shard_tokens)
                writer.resume(SplitState(**state))
                for row in state["shards"]:
                    if not (self.folder / row["file"]).exists():
                        raise ValueError("a finished shard is missing")
        except (OSError, ValueError, KeyError, TypeError):  # nothing, or nothing to rely on: begin again
            for writer in self.writers.values():
                writer.close()
            self.writers = {}
            with self._disk():
                if self.folder.exists():
                    shutil.rmtree(self.folder)
                self.folder.mkdir(parents=True)
            return None
        known = {row["file"] for writer in self.writers.values() for row in writer.state.shards}
        for path in self.folder.glob("*.tokens"):
            if path.name not in known:  # finished after the journal had been written
                path.unlink()
        done = sum(writer.state.n_bytes for writer in self.writers.values())
        self.progress.note(f"Going on with {self.folder} after {done / 1e6:,.0f} MB of text.")
        return journal["position"]

    def _disk(self) -> AbstractContextManager[None]:
        written = sum(writer.state.n_tokens for writer in self.writers.values()) * self.dtype.itemsize
        return writing(self.folder, written / self.share if self.share else None)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
