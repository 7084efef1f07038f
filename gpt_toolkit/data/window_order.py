"""Order of the windows of a corpus: a pure function of (seed, step).

A *window* is ``n_ctx`` tokens and the one after them. The training windows of a run form one endless list of
*samples*. Optimizer step ``k`` reads ``windows_per_step`` of them, from ``k * windows_per_step`` on. Ranks,
workers and micro-batches only divide that list, so the number of GPUs changes nothing, and resuming at step
``k`` is a seek.

Sample ``s`` lies in pass ``s // n_windows`` over the corpus. Each pass cuts the corpus at its own random
offset and reads every window once, in an order given by a keyed bijection: a Feistel network (Luby and
Rackoff 1988) with cycle walking (Black and Rogaway 2002), which needs no array of the corpus's size.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Starts: TypeAlias = NDArray[np.int64]

ORDER_VERSION = 1
"""Raised whenever the same (seed, step) would read other windows than before."""

_ROUNDS = 8  # tuned here: four make a Feistel network of random functions a strong permutation
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)  # odd, from the rrmxmx mixer (Evensen 2019)
_HALF = np.uint64(32)
_BLOCK = 256


@lru_cache(maxsize=64)
def _pass_key(seed: int, number: int) -> tuple[int, tuple[np.uint64, ...]]:
    """Return the random numbers of one pass: 64 bits for its offset, and the round keys of its order."""
    size = 8 * (_ROUNDS + 1)
    stream = hashlib.shake_256(f"gpt_toolkit order {ORDER_VERSION} {seed} {number}".encode()).digest(size)
    words = np.frombuffer(stream, dtype="<u8")
    return int(words[0]), tuple(words[1:].astype(np.uint64))


def permute(positions: NDArray[np.uint64], size: int, keys: tuple[np.uint64, ...]) -> NDArray[np.uint64]:
    """Map positions by the pseudo-random bijection of ``[0, size)`` that the keys choose.

    Args:
        positions: Numbers below ``size``, any shape.
        size: Size of the domain.
        keys: Round keys; an even number of them.

    Returns:
        Numbers below ``size``, in the shape of ``positions``.
    """
    bits = (size - 1).bit_length()
    if bits == 0:
        return positions.copy()
    narrow, wide = bits // 2, bits - bits // 2
    values = _feistel(positions, narrow, wide, keys)
    limit = np.uint64(size)
    outside = values >= limit
    while outside.any():  # fewer than half of the domain's numbers lie outside, so about two turns
        values[outside] = _feistel(values[outside], narrow, wide, keys)
        outside = values >= limit
    return values


def permutation(size: int, *label: object) -> NDArray[np.int64]:
    """Return a pseudo-random order of the numbers below ``size``, the same in every version.

    Args:
        size: Number of numbers.
        label: Numbers and strings that choose the order.

    Returns:
        ``(size,)``.
    """
    stream = hashlib.shake_256(f"gpt_toolkit rows {' '.join(map(str, label))}".encode()).digest(8 * _ROUNDS)
    keys = tuple(np.frombuffer(stream, dtype="<u8").astype(np.uint64))
    return permute(np.arange(size, dtype=np.uint64), size, keys).astype(np.int64)


def _feistel(
    values: NDArray[np.uint64], narrow: int, wide: int, keys: tuple[np.uint64, ...]
) -> NDArray[np.uint64]:
    """Apply the network once to numbers of ``narrow + wide`` bits; the halves swap widths every round."""
    left = values >> np.uint64(wide)
    right = values & np.uint64((1 << wide) - 1)
    drop = np.uint64(64 - narrow), np.uint64(64 - wide)
    for number, key in enumerate(keys):
        mixed = (right ^ key) * _MULTIPLIER
        mixed ^= mixed >> _HALF
        mixed *= _MULTIPLIER
        mixed >>= drop[number % 2]  # a shift by 64, for a half of no bits, is 0 in numpy
        mixed ^= left
        left, right = right, mixed
    return (left << np.uint64(wide)) | right


@dataclass(frozen=True)
class WindowOrder:
    """Endless list of the training windows of a corpus.

    Args:
        n_tokens: Number of tokens of the corpus.
        n_ctx: Inputs a window, in tokens; the window is one token longer.
        seed: Seed of the order.

    Raises:
        ValueError: If the corpus is shorter than one window.
    """

    n_tokens: int
    n_ctx: int
    seed: int

    def __post_init__(self) -> None:
        if self.n_ctx < 1:
            raise ValueError(f"n_ctx is {self.n_ctx}; it must be at least 1")
        if self.n_tokens < self.n_ctx + 1:
            raise ValueError(
                f"the training text has {self.n_tokens:,} tokens, but one window of n_ctx={self.n_ctx} needs "
                f"{self.n_ctx + 1:,}; give more text, or set n_ctx to at most {max(1, self.n_tokens - 1):,}"
            )

    @property
    def n_windows(self) -> int:
        """Windows of a pass, which leaves out fewer than ``2 * n_ctx`` tokens at both ends of the text."""
        return max(1, self.n_tokens // self.n_ctx - 1)

    @property
    def n_offsets(self) -> int:
        """Number of places at which a pass may cut the corpus; the last window always ends inside."""
        return min(self.n_ctx, self.n_tokens - self.n_windows * self.n_ctx)

    def starts(self, first: int, count: int) -> Starts:
        """Return the first tokens of samples ``first`` to ``first + count - 1``: ``(count,)``."""
        result = np.empty(count, dtype=np.int64)
        done = 0
        while done < count:
            number, position = divmod(first + done, self.n_windows)
            block, skip = divmod(position, _BLOCK)
            found = _block_starts(self, number, block)[skip : skip + count - done]
            result[done : done + len(found)] = found
            done += len(found)
        return result


@lru_cache(maxsize=8)
def _block_starts(order: WindowOrder, number: int, block: int) -> Starts:
    """Return samples ``[block * _BLOCK : + _BLOCK]`` of a pass; they divide numpy's cost of a call."""
    offset, keys = _pass_key(order.seed, number)
    stop = min(order.n_windows, (block + 1) * _BLOCK)
    positions = np.arange(block * _BLOCK, stop, dtype=np.uint64)
    windows = permute(positions, order.n_windows, keys).astype(np.int64)
    return windows * order.n_ctx + offset % order.n_offsets


@dataclass(frozen=True)
class StepShare:
    """Division of the windows of an optimizer step among ranks and micro-batches.

    Micro-batch ``m`` on rank ``r`` takes windows ``[(m * world_size + r) * batch_size : + batch_size]`` of
    the step's list. So another number of ranks or micro-batches reads the same list.

    Args:
        batch_size: Windows a micro-batch on one rank.
        rank: Rank of this process.
        world_size: Number of ranks.
        accumulate: Micro-batches a step.
    """

    batch_size: int
    rank: int = 0
    world_size: int = 1
    accumulate: int = 1

    @property
    def windows_per_step(self) -> int:
        """Number of windows of one optimizer step, of all ranks and micro-batches."""
        return self.batch_size * self.world_size * self.accumulate


def step_windows(order: WindowOrder, step: int, windows_per_step: int) -> Starts:
    """Return the windows of an optimizer step, as first tokens: ``(windows_per_step,)``."""
    return order.starts(step * windows_per_step, windows_per_step)


def rank_windows(order: WindowOrder, step: int, micro_batch: int, share: StepShare) -> Starts:
    """Return the windows of one rank in one micro-batch of a step, as first tokens: ``(batch_size,)``."""
    block = micro_batch * share.world_size + share.rank
    return order.starts(step * share.windows_per_step + block * share.batch_size, share.batch_size)


def steps_per_pass(order: WindowOrder, windows_per_step: int) -> int:
    """Return the optimizer steps of one epoch: the whole steps of a pass, at least one."""
    return max(1, order.n_windows // windows_per_step)


def n_evaluation_windows(n_tokens: int, n_ctx: int) -> int:
    """Return the windows of a split read from end to end; every token but the first is a label once."""
    return -(-(n_tokens - 1) // n_ctx)


def evaluation_batches(n_windows: int, batch_size: int, world_size: int) -> tuple[int, int]:
    """Return the batches a rank and the windows a batch when ``n_windows`` are read once.

    Batch ``b`` of rank ``r`` takes windows ``[(b * world_size + r) * rows : + rows]``; those past the last
    window are padding. All ranks run the same number of batches of one shape, which collectives and compiled
    code need.
    """
    rows = min(batch_size, -(-n_windows // world_size))
    return -(-n_windows // (rows * world_size)), rows
