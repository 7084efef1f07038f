"""Text to token shards: encode in parallel, write safely, go on after a kill.

The shards of all splits grow together while the source is read once. Now and then everything written is
flushed to the disk and ``progress.json`` notes how long each file is and where reading goes on; a run that
was killed cuts the files back to that point and ends with the same bytes as one that was not.
"""

import hashlib
import json
import shutil
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from gpt_toolkit.data.pretraining.parallel_tokenize import Encoded, Encoder, OnThreads
from gpt_toolkit.data.pretraining.shard_writer import SplitState, SplitWriter, write_json, writing
from gpt_toolkit.data.pretraining.text_readers import Position, Source
from gpt_toolkit.data.pretraining.token_shards import FORMAT_VERSION, MANIFEST, Split, TokenCache, token_dtype
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.loading import Tokenizer

SHARD_TOKENS: Final = 1 << 26
"""A shard ends with the first piece of text that brings it to this many tokens."""

CHECKPOINT_TOKENS: Final = 1 << 24
"""Tokens between two notes of progress, at least: about 70 MB of English, seconds of work."""

_NOTES = 256
"""And at least this part of what is written already, as a note lists all shards; ours: a kill costs 0.4%."""

_JOURNAL = "progress.json"


def cache_key(source: Source, tokenizer: Tokenizer) -> str:
    """Address of the tokens of a source: a hash of all that decides their bytes."""
    parts = {"source": source.identity(), "tokenizer": tokenizer.fingerprint, "format": FORMAT_VERSION}
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def prepare_tokens(
    source: Source,
    tokenizer: Tokenizer,
    root: Path,
    progress: ProgressBar,
    *,
    encoder: Encoder | None = None,
    shard_tokens: int = SHARD_TOKENS,
    checkpoint_tokens: int = CHECKPOINT_TOKENS,
) -> TokenCache:
    """Write the tokens of a source, unless they are there already.

    Args:
        source: Where the text comes from.
        tokenizer: Turns text into token ids.
        root: Folder of all token caches; this one becomes the folder named by its key.
        progress: Told of the text as it is read.
        encoder: Where text is encoded; None: on a thread a core. The result does not depend on it.
        shard_tokens: Size of a shard, in tokens.
        checkpoint_tokens: Least number of tokens between two notes of progress.

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
                encoder or OnThreads()
            )
        return TokenCache.open(folder)
    finally:
        lock.release()


class _Preparation:
    """One run of :func:`prepare_tokens` that has to write."""

    def __init__(
        self,
        source: Source,
        tokenizer: Tokenizer,
        folder: Path,
        key: str,
        progress: ProgressBar,
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

    def run(self, encoder: Encoder) -> None:
        """Read, encode and write everything that is not on disk yet."""
        position = self._resume()
        since = 0
        encoded = encoder(self.source, position, self.tokenizer)
        try:
            for job in encoded:
                since = self._write(job, since)
            self._finish()
        finally:
            encoded.close()
            for writer in self.writers.values():
                with suppress(OSError):  # what a full disk did not take is past the last note of progress
                    writer.close()

    def _write(self, job: Encoded, since: int) -> int:
        """Write a job; returns the tokens written since the last note of progress."""
        self.share = job.share
        with self._disk():
            for split, ids in job.ids.items():
                writer = self.writers.setdefault(
                    split, SplitWriter(self.folder, split, self.dtype, self.shard_tokens)
                )
                writer.append(ids)
                since += len(ids)
                writer.state.n_bytes += job.n_bytes[split]
                writer.state.n_documents += job.n_documents[split]
            if since >= max(self.checkpoint_tokens, self._written() // _NOTES):
                for writer in self.writers.values():
                    writer.flush()
                states = {split: asdict(writer.state) for split, writer in self.writers.items()}
                write_json(
                    self.folder / _JOURNAL, {"key": self.key, "position": job.position, "splits": states}
                )
                since = 0
        self.progress.advance(sum(job.n_bytes.values()), job.share)
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
        written = self._written() * self.dtype.itemsize
        return writing(self.folder, written / self.share if self.share else None)

    def _written(self) -> int:
        """Tokens so far."""
        return sum(writer.state.n_tokens for writer in self.writers.values())
