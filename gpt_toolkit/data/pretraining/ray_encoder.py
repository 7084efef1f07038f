"""Encoding on all machines of a Ray cluster: tasks read and encode whole files, one process writes the ids.

Every machine needs this package in the same versions and the text under the same paths. Only the writing
process uses the cache folder. A task that is lost with its machine is repeated on another one.
"""

import logging
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from gpt_toolkit.data.encoding import in_order
from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.corpus import Corpus, Position
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoded, encode, jobs
from gpt_toolkit.data.pretraining.text_files import FileCorpus
from gpt_toolkit.tokenizers.loading import Tokenizer

TASK_BYTES: Final = 1 << 26
"""Least bytes of the files of a task; tuned here: seconds of encoding, milliseconds of overhead."""

_tokenizers: dict[str, Tokenizer] = {}
"""Tokenizer of a worker process; unpacking one takes as long as encoding several jobs."""


@dataclass(frozen=True)
class FileGroup:
    """Consecutive files of a corpus, which one task encodes.

    Attributes:
        corpus: Corpus of these files alone.
        position: Position in it to begin at.
        first: Number of its first file in the corpus.
        start: Fraction of the corpus before it.
        width: Its fraction of the corpus.
    """

    corpus: FileCorpus
    position: Position
    first: int
    start: float
    width: float

    def in_corpus(self, encoded: Encoded) -> Encoded:
        """Return a result with the position and fraction in the whole corpus."""
        number, at, documents = encoded.position
        fraction = self.start + self.width * (encoded.fraction or 0.0)
        return replace(encoded, position=[self.first + number, at, documents], fraction=fraction)


def file_groups(corpus: FileCorpus, position: Position) -> Iterator[FileGroup]:
    """Cut the files of a corpus into groups of at least ``TASK_BYTES``, from a position on.

    Where an n-th record is held out or documents are limited, reading a file needs the number of documents
    before it. Then the records of each group are counted here before the next group is yielded.
    """
    first, at, documents = position or (0, None, 0)
    needs_count = bool(corpus.held_out) or corpus.limit_documents is not None
    n_files, offsets = len(corpus.files), corpus.offsets
    while first < n_files:
        end, split = first + 1, corpus.files[first].split
        while end < n_files and corpus.files[end].split == split:
            if offsets[end] - offsets[first] >= TASK_BYTES:
                break
            end += 1
        files = tuple(replace(file, path=file.path.absolute()) for file in corpus.files[first:end])
        # The memo of a worker is not written: only this process uses the cache folder.
        part = replace(corpus, files=files, val_fraction=corpus.held_out, memo=FileMemo(None))
        start, stop = offsets[first] / max(1, offsets[-1]), offsets[end] / max(1, offsets[-1])
        yield FileGroup(part, [0, at, documents], first, start, stop - start)
        if end < n_files and corpus.files[end].split != split:
            documents = 0
        elif end < n_files and needs_count:
            documents = _documents_after(part, at, documents)
        first, at = end, None


def _documents_after(corpus: FileCorpus, at: Position, documents: int) -> int:
    """Return the number of documents of the split when the files of a group have been read."""
    for number in range(len(corpus.files)):
        if corpus.has_documents(number):
            documents += sum(starts for _, starts, _, _ in corpus.document_pieces(number, at))
        else:
            documents += 1
        if corpus.limit_documents is not None:
            documents = min(documents, corpus.limit_documents)
        at = None
    return documents


def encode_on_ray(corpus: Corpus, position: Position, tokenizer: Tokenizer) -> Generator[Encoded, None, None]:
    """Encode on every processor of a Ray cluster.

    The cluster is the one that RAY_ADDRESS names, else one that was started on this machine (``ray start``).
    Without either, the processors of this machine become a cluster that ends with the work.

    Raises:
        ValueError: If the corpus is not made of files, or Ray is not installed.
    """
    if not isinstance(corpus, FileCorpus):
        raise ValueError(
            f"encode_on: ray for {corpus.title}, which is read from beginning to end; expected files; give "
            "files, or set encode_on to threads"
        )
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "encode_on: ray, which is not installed; expected Ray; run pip install 'gpt-toolkit[ray]'"
        ) from error
    starts_ray = not ray.is_initialized()
    if starts_ray:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no statistics are sent without consent
        ray.init(logging_level=logging.WARNING, log_to_driver=False)
    # A list makes Ray pass the reference; a bare argument would be unpacked again for every task.
    shared = [ray.put(tokenizer)]
    task: Any = ray.remote(num_cpus=1, num_returns="streaming")(_encode)

    def submit(group: FileGroup) -> tuple[FileGroup, Any]:
        return group, task.remote(group.corpus, group.position, tokenizer.fingerprint, shared)

    def n_processors() -> int:  # asked for each task: machines may join and leave
        return max(1, int(ray.cluster_resources().get("CPU", 0)))

    try:
        for group, results in in_order(file_groups(corpus, position), submit, n_processors):
            for encoded in results:
                try:
                    yield group.in_corpus(ray.get(encoded))
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
    finally:
        if starts_ray:
            ray.shutdown()


def _encode(
    corpus: FileCorpus, position: Position, fingerprint: str, shared: list[Any]
) -> Generator[Encoded, None, None]:
    """Encode a group of files; runs on the cluster."""
    if fingerprint not in _tokenizers:
        import ray

        _tokenizers.clear()
        _tokenizers[fingerprint] = ray.get(shared[0])
    for job in jobs(corpus.chunks(position)):
        yield encode(job, _tokenizers[fingerprint])
