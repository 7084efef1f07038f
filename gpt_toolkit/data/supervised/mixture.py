"""Several supervised sets as one stream of batches, each batch of one set.

Rates are those of T5 (Raffel et al. 2020, §3.5.2) and seqio. Batch ``m`` of a set with rate ``r`` is due at
time ``(m + 1/2) / r``; the stream is all batches of all sets in the order of their times. So the number of a
set's batches among any first ``n`` differs from ``r n`` by less than the number of sets, and which batch
comes at a place follows from that place alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mixing: TypeAlias = Literal["proportional", "capped", "temperature", "equal"]

_BLOCK = 1024


def example_rates(
    sizes: Sequence[int], mixing: Mixing, cap: int | None, temperature: float
) -> tuple[float, ...]:
    """The part of all examples that is drawn from each set.

    Args:
        sizes: Rows of each set.
        mixing: ``proportional`` to the sizes; ``capped``: sizes count at most as ``cap``; ``temperature``:
            these to the power ``1 / temperature`` (seqio: mixing_rate_num_examples); ``equal``.
        cap: Rows as which a set counts at most; None: no limit.
        temperature: 1 is ``capped``; the larger, the nearer to ``equal``.

    Returns:
        Rates that sum to 1.
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


def batch_rates(rates: Sequence[float], rows_per_batch: Sequence[float]) -> tuple[float, ...]:
    """The part of all batches that is of each set, so that examples come at their rates.

    Args:
        rates: Of examples.
        rows_per_batch: Rows of a batch of each set, on average.
    """
    weights = np.asarray(rates) / np.asarray(rows_per_batch)
    normed: list[float] = (weights / weights.sum()).tolist()
    return tuple(normed)


@dataclass(frozen=True)
class Mixture:
    """The endless stream of batches.

    Args:
        rates: The part of the batches that is of each set; they sum to 1.
    """

    rates: tuple[float, ...]

    def batch(self, index: int) -> tuple[int, int]:
        """Which set the batch at a place of the stream is of, and the number of the batch in that set."""
        block, place = divmod(index, _BLOCK)
        sets, numbers = _block(self.rates, block)
        return int(sets[place]), int(numbers[place])


@lru_cache(maxsize=8)
def _block(rates: tuple[float, ...], block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sets and numbers of the batches ``[block * _BLOCK : + _BLOCK]``: ``(_BLOCK,)`` each.

    Batches due before a time ``t`` are ``t`` in number, within half the number of sets; so those due between
    a little before the block and a little after it hold the block.
    """
    first = block * _BLOCK
    weights = np.asarray(rates)
    before = np.floor(weights * max(0, first - len(rates)) + 0.5).astype(np.int64)
    after = np.floor(weights * (first + _BLOCK + len(rates)) + 0.5).astype(np.int64)
    sets = np.repeat(np.arange(len(rates)), after - before)
    numbers = np.concatenate([np.arange(a, b) for a, b in zip(before.tolist(), after.tolist(), strict=True)])
    due = np.lexsort((sets, (numbers + 0.5) / weights[sets]))
    inside = due[first - int(before.sum()) :][:_BLOCK]
    return sets[inside], numbers[inside]
