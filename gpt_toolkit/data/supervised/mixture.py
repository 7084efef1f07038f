"""Several labeled datasets as one stream of batches, each batch of one dataset.

Sampling probabilities are those of T5 (Raffel et al. 2020, §3.5.2) and seqio. Batch ``m`` of a dataset with
probability ``p`` is due at time ``(m + 1/2) / p``; the stream is all batches in the order of their times. So
the number of a dataset's batches among the first ``n`` differs from ``p n`` by less than the number of
datasets, and the batch at a place of the stream follows from that place alone.
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
