"""A corpus of numbered documents, and preparing it in small shards."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gpt_toolkit.data.pretraining.corpus import Chunk, Position
from gpt_toolkit.data.pretraining.parallel_tokenize import encode_on_threads
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.pretraining.write_token_shards import prepare_tokens
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer

SHARD, JOURNAL = 400, 150


class Killed(BaseException):
    """Stand-in for a signal that no code can catch."""


class Documents:
    """A corpus of numbered documents; every fifth is for validation."""

    title = "documents"

    def __init__(self, n: int = 100, kill_at: int | None = None, name: str = "a") -> None:
        self.n, self.kill_at, self.name = n, kill_at, name
        self.read: list[int] = []

    def identity(self) -> Mapping[str, Any]:
        return {"n": self.n, "name": self.name}

    def n_bytes(self) -> int | None:
        return None

    def chunks(self, position: Position = None) -> Iterator[Chunk]:
        for i in range(position or 0, self.n):
            if i == self.kill_at:
                raise Killed
            self.read.append(i)
            text = f"Document {i}: " + "abc " * (i % 13)
            yield Chunk(text, True, "val" if i % 5 == 4 else "train", i + 1, (i + 1) / self.n)


def run(corpus: Documents, root: Path, threads: int = 2, **options: int) -> TokenCache:
    sizes = {"shard_tokens": SHARD, "journal_tokens": JOURNAL} | options
    encoder = partial(encode_on_threads, n_threads=threads)
    with ProgressBar("Test") as progress:
        return prepare_tokens(corpus, ByteTokenizer(), root, progress, encoder=encoder, **sizes)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
