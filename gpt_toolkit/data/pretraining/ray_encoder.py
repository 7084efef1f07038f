"""Encoding on all machines of a Ray cluster: tasks read slices of the files, one process writes their ids.

Every machine needs this package in the same versions, and sees the text under the same paths; the cache
folder is the writing process's alone. A task that is lost with its machine is done again elsewhere.
"""

import logging
import os
import time
from collections.abc import Generator
from typing import Any

from gpt_toolkit.data.pretraining.parallel_tokenize import Encoded, encode, in_order, jobs
from gpt_toolkit.data.pretraining.text_readers import DivisibleSource, Position, Slice, Source
from gpt_toolkit.tokenizers.loading import Tokenizer

_LOOK_AGAIN_S = 5.0  # at how many processors there are: machines may join and leave

_tokenizers: dict[str, Tokenizer] = {}
"""Of a worker process: unpacking one takes as long as encoding some jobs."""


class OnRay:
    """Encodes on every processor of a Ray cluster.

    The cluster is the one that RAY_ADDRESS names, else one that was started on this machine (``ray start``),
    else one of this machine's processors, which ends with the work.
    """

    def __call__(
        self, source: Source, position: Position, tokenizer: Tokenizer
    ) -> Generator[Encoded, None, None]:
        if not isinstance(source, DivisibleSource):
            raise ValueError(
                f"encode_on=ray reads files on many machines, but {source.title} is read from one end to the "
                "other: give files, or leave encode_on at threads."
            )
        try:
            import ray
        except ImportError as error:
            raise ValueError("encode_on=ray needs Ray: pip install 'gpt-toolkit[ray]'.") from error
        ours = not ray.is_initialized()
        if ours:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unasked
            ray.init(logging_level=logging.WARNING, log_to_driver=False)
        # In a list, so that a task gets the reference and not, each time anew, what it stands for.
        held, fingerprint = [ray.put(tokenizer)], tokenizer.fingerprint
        task: Any = ray.remote(num_cpus=1, num_returns="streaming")(_encode)
        try:
            slices = source.slices(position)
            for stream in in_order(slices, lambda one: task.remote(one, fingerprint, held), _Processors(ray)):
                for encoded in stream:
                    try:
                        yield ray.get(encoded)
                    except ray.exceptions.RayTaskError as error:
                        raise error.cause from None
        finally:
            if ours:
                ray.shutdown()


class _Processors:
    """How many processors the cluster has; at least one, for which tasks can wait."""

    def __init__(self, ray: Any) -> None:
        self._ray, self._n, self._looked = ray, 1, -_LOOK_AGAIN_S

    def __call__(self) -> int:
        if time.monotonic() - self._looked >= _LOOK_AGAIN_S:
            self._n = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
            self._looked = time.monotonic()
        return self._n


def _encode(part: Slice, fingerprint: str, held: list[Any]) -> Generator[Encoded, None, None]:
    """What runs on the cluster."""
    if fingerprint not in _tokenizers:
        import ray

        _tokenizers.clear()
        _tokenizers[fingerprint] = ray.get(held[0])
    for job in jobs(part.chunks()):
        yield encode(job, _tokenizers[fingerprint])
