"""Which rows of a set make a batch: a pure function of (seed, set, number of the batch).

The rows of an epoch are shuffled and taken in pools; a pool is sorted by length and cut into batches, so that
rows of like lengths share one; then the batches of the epoch are shuffled. Epochs follow one another without
end, and each reads every row once. Nothing here knows of ranks or micro-batches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.window_order import permutation

BUCKET_VERSION = 1
"""Raised whenever the same (seed, set, batch) would be other rows than before."""

LENGTH_STEP = 8
"""Sequences are padded to a multiple of this many tokens (ours: tensor cores want it)."""

_EPOCHS_KEPT = 2  # steps read across one border at a time


def padded(lengths: NDArray[np.int64], n_ctx: int) -> NDArray[np.int64]:
    """Lengths up to the next multiple of ``LENGTH_STEP``, at most ``n_ctx``."""
    return np.minimum(-(-lengths // LENGTH_STEP) * LENGTH_STEP, n_ctx)


@dataclass(frozen=True)
class Limits:
    """How many rows a batch has.

    Args:
        batch_size: At most this many.
        batch_tokens: At most as many as have this many tokens, padding and all sequences of a row counted;
            one row at least. None: no such limit.
        n_sequences: Sequences a row.
    """

    batch_size: int
    batch_tokens: int | None = None
    n_sequences: int = 1

    def rows(self, longest: int) -> int:
        """Rows of a batch whose longest has this many tokens, padded."""
        if self.batch_tokens is None:
            return self.batch_size
        return max(1, min(self.batch_size, self.batch_tokens // (longest * self.n_sequences)))


@dataclass(frozen=True)
class Epoch:
    """The batches of one epoch: batch ``b`` is ``rows[starts[order[b]] : ends[order[b]]]``."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    order: NDArray[np.int64]


class BatchOrder:
    """The endless list of training batches of a set.

    Args:
        name: Of the set.
        lengths: Tokens of each row's longest sequence, padded.
        limits: Rows a batch.
        bucket: Batches a pool; 1: rows are in no order at all.
        seed: Chooses the order.
    """

    def __init__(self, name: str, lengths: NDArray[np.int64], limits: Limits, bucket: int, seed: int) -> None:
        self.name, self.lengths, self.limits, self.bucket, self.seed = name, lengths, limits, bucket, seed
        self._epochs: dict[int, Epoch] = {}
        self._ends: list[int] = []  # number of the batch after each epoch, as far as is known

    def __len__(self) -> int:
        """Batches of an epoch; with ``batch_tokens`` of the first one, as others differ a little."""
        return self._end_of(0)

    def rows(self, number: int) -> NDArray[np.int64]:
        """Indices of the rows of a batch."""
        epoch, batch = self._find(number)
        place = epoch.order[batch]
        return epoch.rows[epoch.starts[place] : epoch.ends[place]]

    def size(self, number: int) -> int:
        """Rows of a batch."""
        epoch, batch = self._find(number)
        place = epoch.order[batch]
        return int(epoch.ends[place] - epoch.starts[place])

    def _find(self, number: int) -> tuple[Epoch, int]:
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

    def _epoch(self, number: int) -> Epoch:
        if number not in self._epochs:
            while len(self._epochs) >= _EPOCHS_KEPT:
                self._epochs.pop(next(iter(self._epochs)))
            self._epochs[number] = self._plan(number)
        return self._epochs[number]

    def _plan(self, number: int) -> Epoch:
        label = (BUCKET_VERSION, self.seed, self.name, number)
        shuffled = permutation(len(self.lengths), *label, "rows")
        pool_size = self.bucket * self.limits.batch_size
        pools = np.arange(len(shuffled)) // pool_size
        rows = shuffled[np.lexsort((-self.lengths[shuffled], pools))]
        borders = np.arange(0, len(rows) + pool_size, pool_size).clip(max=len(rows))
        starts, ends = cut(self.lengths[rows], borders, self.limits.rows)
        return Epoch(rows, starts, ends, permutation(len(starts), *label, "batches"))


def cut(
    lengths: NDArray[np.int64], borders: NDArray[np.int64], n_rows: Callable[[int], int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut sorted rows into batches.

    Args:
        lengths: Falling between two borders.
        borders: Places that no batch crosses, with the first and the last.
        n_rows: Most rows of a batch by its longest.

    Returns:
        First rows of the batches, and those after their last.
    """
    starts, ends = [], []
    longest = lengths.tolist()
    for begin, border in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        place = begin
        while place < border:
            starts.append(place)
            place = min(border, place + n_rows(longest[place]))
            ends.append(place)
    return np.array(starts, np.int64), np.array(ends, np.int64)


def evaluation_batches(
    lengths: NDArray[np.int64], limits: Limits, world_size: int
) -> list[NDArray[np.int64]]:
    """Batches that read each row once, the longest first; a rank reads every ``world_size``-th of them.

    The largest are halved until all ranks have equally many, as sharded models need, where there are rows
    enough.

    Args:
        lengths: Tokens of each row's longest sequence, padded.
        limits: Rows a batch.
        world_size: Number of ranks.
    """
    rows = np.argsort(-lengths, kind="stable")
    starts, ends = cut(lengths[rows], np.array([0, len(rows)]), limits.rows)
    batches = [rows[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    while len(batches) % world_size:
        largest = max(range(len(batches)), key=lambda i: len(batches[i]))
        if len(batches[largest]) < 2:
            break
        half = -(-len(batches[largest]) // 2)
        batches[largest : largest + 1] = [batches[largest][:half], batches[largest][half:]]
    return batches
