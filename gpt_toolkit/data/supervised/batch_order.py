"""The order of training examples: a pure function of seed and place, the same on any number of ranks.

Each batch is of one dataset. The examples of an epoch of a dataset are shuffled and divided into pools. A
pool is sorted by length and cut into batches, so that examples of similar lengths share one. Then the batches
of the epoch are shuffled. Epochs follow one another without end, and each reads every example once.

The sampling probabilities of datasets are those of T5 (Raffel et al. 2020, §3.5.2) and seqio. Batch ``m`` of
a dataset with probability ``p`` is due at time ``(m + 1/2) / p``; the stream is all batches in the order of
their times. So the number of a dataset's batches among the first ``n`` differs from ``p n`` by less than the
number of datasets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.permutation import permutation

BUCKET_VERSION = 1
"""Raised whenever the same (seed, dataset, batch) gives other examples than before."""

LENGTH_STEP = 8
"""Sequences are padded to a multiple of this many tokens (tuned here: for tensor cores)."""

_CACHED_EPOCHS = 2  # a step may cross one border between epochs

Mixing: TypeAlias = Literal["proportional", "capped", "temperature", "equal"]

_BLOCK = 1024  # batches of the mixture that are computed at once


def padded(lengths: NDArray[np.int64], n_ctx: int) -> NDArray[np.int64]:
    """Round lengths up to a multiple of ``LENGTH_STEP``, at most ``n_ctx``."""
    return np.minimum(-(-lengths // LENGTH_STEP) * LENGTH_STEP, n_ctx)


@dataclass(frozen=True)
class Limits:
    """Limits of the size of a batch.

    Args:
        batch_size: Largest number of examples.
        batch_tokens: Largest number of tokens, with padding and all sequences of an example; a batch has at
            least one example. None: no such limit.
        n_sequences: Sequences of an example.
    """

    batch_size: int
    batch_tokens: int | None = None
    n_sequences: int = 1

    def size(self, longest: int) -> int:
        """Return the number of examples in a batch whose longest has this many tokens, padded."""
        if self.batch_tokens is None:
            return self.batch_size
        return max(1, min(self.batch_size, self.batch_tokens // (longest * self.n_sequences)))


class _Epoch(NamedTuple):
    """The batches of one epoch: batch ``b`` is ``indices[starts[order[b]] : ends[order[b]]]``."""

    indices: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    order: NDArray[np.int64]


class BatchOrder:
    """The endless list of training batches of a dataset.

    Args:
        name: Name of the dataset.
        lengths: Tokens of each example's longest sequence, padded.
        limits: Limits of the size of a batch.
        bucket: Batches in a pool; 1: examples are not sorted.
        seed: Chooses the order.
    """

    def __init__(self, name: str, lengths: NDArray[np.int64], limits: Limits, bucket: int, seed: int) -> None:
        self.name, self.lengths, self.limits, self.bucket, self.seed = name, lengths, limits, bucket, seed
        self._epochs: dict[int, _Epoch] = {}
        self._ends: list[int] = []  # number of the batch after each epoch, for the epochs planned so far

    def __len__(self) -> int:
        """Return the batches of the first epoch; with ``batch_tokens`` others differ a little."""
        return self._end_of(0)

    def indices(self, number: int) -> NDArray[np.int64]:
        """Return the indices of the examples of a batch."""
        epoch, batch = self._find(number)
        place = epoch.order[batch]
        return epoch.indices[epoch.starts[place] : epoch.ends[place]]

    def _find(self, number: int) -> tuple[_Epoch, int]:
        if self.limits.batch_tokens is None:
            epoch, batch = divmod(number, len(self))
            return self._epoch(epoch), batch
        epoch = next((i for i, end in enumerate(self._ends) if number < end), len(self._ends))
        while number >= self._end_of(epoch):
            epoch += 1
        return self._epoch(epoch), number - (self._ends[epoch - 1] if epoch else 0)

    def _end_of(self, epoch: int) -> int:
        if self.limits.batch_tokens is None:
            return -(-len(self.lengths) // self.limits.batch_size) * (epoch + 1)
        while len(self._ends) <= epoch:
            before = self._ends[-1] if self._ends else 0
            self._ends.append(before + len(self._epoch(len(self._ends)).order))
        return self._ends[epoch]

    def _epoch(self, number: int) -> _Epoch:
        if number not in self._epochs:
            while len(self._epochs) >= _CACHED_EPOCHS:
                self._epochs.pop(next(iter(self._epochs)))
            self._epochs[number] = self._plan(number)
        return self._epochs[number]

    def _plan(self, number: int) -> _Epoch:
        label = (BUCKET_VERSION, self.seed, self.name, number)
        shuffled = permutation(len(self.lengths), *label, "rows")
        pool_size = self.bucket * self.limits.batch_size
        pools = np.arange(len(shuffled)) // pool_size
        indices = shuffled[np.lexsort((-self.lengths[shuffled], pools))]
        borders = np.arange(0, len(indices) + pool_size, pool_size).clip(max=len(indices))
        starts, ends = _cut(self.lengths[indices], borders, self.limits)
        return _Epoch(indices, starts, ends, permutation(len(starts), *label, "batches"))


def _cut(
    lengths: NDArray[np.int64], borders: NDArray[np.int64], limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut examples whose lengths decrease between two borders into batches; return starts and ends.

    No batch crosses a border. The first and the last border are the ends of all examples.
    """
    starts, ends = [], []
    longest = lengths.tolist()
    for begin, border in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        place = begin
        while place < border:
            starts.append(place)
            place = min(border, place + limits.size(longest[place]))
            ends.append(place)
    return np.array(starts, np.int64), np.array(ends, np.int64)


def evaluation_batches(
    lengths: NDArray[np.int64], limits: Limits, world_size: int
) -> list[NDArray[np.int64]]:
    """Return batches that read each example once, the longest first; a rank reads every world_size-th one.

    The largest batches are halved until all ranks have equally many, as sharded models need, if there are
    enough examples.

    Args:
        lengths: Tokens of each example's longest sequence, padded.
        limits: Limits of the size of a batch.
        world_size: Number of ranks.
    """
    indices = np.argsort(-lengths, kind="stable")
    starts, ends = _cut(lengths[indices], np.array([0, len(indices)]), limits)
    batches = [indices[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    while len(batches) % world_size:
        largest = max(range(len(batches)), key=lambda i: len(batches[i]))
        if len(batches[largest]) < 2:
            break
        half = -(-len(batches[largest]) // 2)
        batches[largest : largest + 1] = [batches[largest][:half], batches[largest][half:]]
    return batches


def example_rates(
    sizes: Sequence[int], mixing: Mixing, cap: int | None, temperature: float
) -> tuple[float, ...]:
    """Compute the sampling probability of each dataset's examples.

    Args:
        sizes: Number of examples of each dataset.
        mixing: ``proportional`` to the sizes; ``capped``: sizes count at most as ``cap``; ``temperature``:
            these to the power ``1 / temperature`` (seqio: mixing_rate_num_examples); ``equal``.
        cap: Largest size that counts; None: no limit.
        temperature: 1 is ``capped``; larger is nearer to ``equal``.

    Returns:
        Probabilities that sum to 1.
    """
    weights = np.asarray(sizes, np.float64)
    if mixing == "equal":
        weights = np.ones_like(weights)
    elif mixing != "proportional" and cap is not None:
        weights = np.minimum(weights, cap)
    if mixing == "temperature":
        weights = weights ** (1 / temperature)
    rates: list[float] = (weights / weights.sum()).tolist()
    return tuple(rates)


def batch_rates(rates: Sequence[float], examples_per_batch: Sequence[float]) -> tuple[float, ...]:
    """Compute the sampling probability of each dataset's batches, so that examples have theirs.

    Args:
        rates: Sampling probabilities of examples.
        examples_per_batch: Examples in a batch of each dataset, on average.
    """
    weights = np.asarray(rates) / np.asarray(examples_per_batch)
    normalized: list[float] = (weights / weights.sum()).tolist()
    return tuple(normalized)


@dataclass(frozen=True)
class Mixture:
    """The endless stream of batches.

    Args:
        rates: Sampling probability of each dataset's batches; they sum to 1.
    """

    rates: tuple[float, ...]

    def batch(self, index: int) -> tuple[int, int]:
        """Return dataset and number, in that dataset, of the batch at a place of the stream."""
        block, place = divmod(index, _BLOCK)
        datasets, numbers = _block(self.rates, block)
        return int(datasets[place]), int(numbers[place])


@lru_cache(maxsize=8)
def _block(rates: tuple[float, ...], block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Compute datasets and numbers of the batches ``[block * _BLOCK : + _BLOCK]``: ``(_BLOCK,)`` each.

    The number of batches due before a time ``t`` is ``t``, within half the number of datasets. So the block
    is among the batches due between a little before it and a little after it.
    """
    first = block * _BLOCK
    weights = np.asarray(rates)
    before = np.floor(weights * max(0, first - len(rates)) + 0.5).astype(np.int64)
    after = np.floor(weights * (first + _BLOCK + len(rates)) + 0.5).astype(np.int64)
    datasets = np.repeat(np.arange(len(rates)), after - before)
    numbers = np.concatenate([np.arange(a, b) for a, b in zip(before.tolist(), after.tolist(), strict=True)])
    due = np.lexsort((datasets, (numbers + 0.5) / weights[datasets]))
    inside = due[first - int(before.sum()) :][:_BLOCK]
    return datasets[inside], numbers[inside]
