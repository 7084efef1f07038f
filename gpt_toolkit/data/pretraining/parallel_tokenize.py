"""Text to token ids, many pieces at once, in the order in which they are read.

Where text is encoded changes no id, and not where a shard ends either: jobs follow from the source alone.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.pretraining.text_readers import Chunk, Position, Source
from gpt_toolkit.data.pretraining.token_shards import Split, token_dtype
from gpt_toolkit.hardware import usable_cores
from gpt_toolkit.tokenizers.loading import Tokenizer

Job: TypeAlias = list[Chunk]
"""Chunks that are encoded, and written, at once."""

_JOB_CHARACTERS = 1 << 18  # short documents share one job

Item = TypeVar("Item")
Handle = TypeVar("Handle")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What becomes of a job.

    Attributes:
        ids: Token ids by split, each document after its end-of-text token.
        n_bytes: Bytes of text by split.
        n_documents: Documents that begin in it, by split.
        position: Where reading goes on after it.
        share: How much of the source has been read with it, in [0, 1]; None if unknown.
    """

    ids: dict[Split, NDArray[Any]]
    n_bytes: dict[Split, int]
    n_documents: dict[Split, int]
    position: Position
    share: float | None


class Encoder(Protocol):
    """Encodes a source, on whatever it may use."""

    def __call__(
        self, source: Source, position: Position, tokenizer: Tokenizer
    ) -> Generator[Encoded, None, None]:
        """Each job of the source, in order; closing the generator ends the work.

        Args:
            source: The text; read no further ahead than keeps everybody busy.
            position: Where in it to begin.
            tokenizer: Turns text into token ids.
        """


def jobs(chunks: Iterable[Chunk]) -> Iterator[Job]:
    """Group chunks; groups follow from where the first begins, and none goes on into another slice."""
    group: Job = []
    size = 0
    for chunk in chunks:
        if chunk.starts_slice and group:
            yield group
            group, size = [], 0
        group.append(chunk)
        size += len(chunk.text)
        if size >= _JOB_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def encode(job: Job, tokenizer: Tokenizer) -> Encoded:
    """Encode a job.

    Raises:
        ValueError: If the tokenizer makes an id outside its vocabulary.
    """
    pieces: dict[Split, list[NDArray[np.uint32]]] = {}
    n_bytes: dict[Split, int] = {}
    n_documents: dict[Split, int] = {}
    begin = np.array([tokenizer.end_of_text], dtype=np.uint32)
    for chunk in job:
        found = pieces.setdefault(chunk.split, [])
        if chunk.starts_document:
            found.append(begin)
        found.append(tokenizer.encode_chunk(chunk.text, first=chunk.starts_document))
        n_bytes[chunk.split] = n_bytes.get(chunk.split, 0) + chunk.n_bytes
        n_documents[chunk.split] = n_documents.get(chunk.split, 0) + chunk.starts_document
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
    return Encoded(result, n_bytes, n_documents, job[-1].position, job[-1].share)


class OnThreads:
    """Encodes on threads of this process, which tokenizers do side by side.

    Args:
        threads: How many; None: one a core.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cores()

    def __call__(
        self, source: Source, position: Position, tokenizer: Tokenizer
    ) -> Generator[Encoded, None, None]:
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="encode")

        def submit(job: Job) -> Future[Encoded]:
            return pool.submit(encode, job, tokenizer)

        try:
            for done in in_order(jobs(source.chunks(position)), submit, lambda: self.threads):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def in_order(
    items: Iterable[Item], submit: Callable[[Item], Handle], workers: Callable[[], int]
) -> Iterator[Handle]:
    """Hand items out, and give what was got for them, in order.

    Args:
        items: Work.
        submit: Hands an item out.
        workers: How many work now.
    """
    ahead: deque[Handle] = deque()
    for item in items:
        ahead.append(submit(item))
        if len(ahead) > 2 * workers():  # enough that nobody waits; more would only fill memory
            yield ahead.popleft()
    while ahead:
        yield ahead.popleft()
