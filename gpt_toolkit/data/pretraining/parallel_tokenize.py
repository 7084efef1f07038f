"""Text to token ids, many chunks at once, in reading order."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.encoding import map_on_threads, token_dtype
from gpt_toolkit.data.pretraining.corpus import END_MARK, Chunk, Corpus, Position, utf8_length
from gpt_toolkit.data.splits import Split
from gpt_toolkit.tokenizers.loading import Tokenizer

Job: TypeAlias = list[Chunk]
"""Chunks that one worker encodes at once."""

_JOB_CHARACTERS = 1 << 18  # short documents share a job, whose overhead is then small


@dataclass(frozen=True, slots=True)
class Encoded:
    """Result of a job.

    Attributes:
        ids: Token ids by split; each document follows its end-of-text token.
        n_bytes: Bytes of text by split.
        n_documents: Number of documents that begin in the job, by split.
        n_marks: Number of ``END_MARK`` in their text, by split.
        position: Position after the job.
        fraction: Fraction of the corpus that has been read with it, in [0, 1]; None if unknown.
    """

    ids: dict[Split, NDArray[Any]]
    n_bytes: dict[Split, int]
    n_documents: dict[Split, int]
    n_marks: dict[Split, int]
    position: Position
    fraction: float | None


Encoder: TypeAlias = Callable[[Corpus, Position, Tokenizer], Generator[Encoded, None, None]]
"""Yields the encoded jobs of a corpus in order, from a position on; closing the generator ends the work."""


def jobs(chunks: Iterable[Chunk]) -> Iterator[Job]:
    """Group chunks into jobs."""
    job: Job = []
    size = 0
    for chunk in chunks:
        job.append(chunk)
        size += len(chunk.text)
        if size >= _JOB_CHARACTERS:
            yield job
            job, size = [], 0
    if job:
        yield job


def encode(job: Job, tokenizer: Tokenizer) -> Encoded:
    """Encode a job; raise if the tokenizer returns an id outside its vocabulary."""
    pieces: dict[Split, list[NDArray[np.uint32]]] = {}
    n_bytes: dict[Split, int] = {}
    n_documents: dict[Split, int] = {}
    n_marks: dict[Split, int] = {}
    end_of_text = np.array([tokenizer.end_of_text], dtype=np.uint32)
    for chunk in job:
        found = pieces.setdefault(chunk.split, [])
        if chunk.starts_document:
            found.append(end_of_text)
        found.append(tokenizer.encode_chunk(chunk.text, first=chunk.starts_document))
        n_bytes[chunk.split] = n_bytes.get(chunk.split, 0) + utf8_length(chunk.text)
        n_documents[chunk.split] = n_documents.get(chunk.split, 0) + chunk.starts_document
        n_marks[chunk.split] = n_marks.get(chunk.split, 0) + chunk.text.count(END_MARK)
    dtype = token_dtype(tokenizer.vocab_size)
    result: dict[Split, NDArray[Any]] = {}
    for split, arrays in pieces.items():
        ids = np.concatenate(arrays)
        if len(ids) and int(ids.max()) >= tokenizer.vocab_size:
            raise ValueError(
                f"tokenizer {tokenizer.name}: id {ids.max()}; expected ids below its vocab_size "
                f"{tokenizer.vocab_size}"
            )
        result[split] = ids.astype(dtype)
    return Encoded(result, n_bytes, n_documents, n_marks, job[-1].position, job[-1].fraction)


def encode_on_threads(
    corpus: Corpus, position: Position, tokenizer: Tokenizer, n_threads: int | None = None
) -> Generator[Encoded, None, None]:
    """Encode on threads of this process, by default one a core."""
    return map_on_threads(partial(encode, tokenizer=tokenizer), jobs(corpus.chunks(position)), n_threads)
