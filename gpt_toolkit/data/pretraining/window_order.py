"""Order of the windows of a corpus: a pure function of (seed, step).

A *window* is ``n_ctx`` tokens and the one after them. The training windows of a run form one endless list of
*samples*. Optimizer step ``k`` reads ``windows_per_step`` of them, from ``k * windows_per_step`` on. Ranks,
workers and micro-batches only divide that list, so the number of GPUs changes nothing, and resuming at step
``k`` is a seek.

Sample ``s`` lies in pass ``s // n_windows`` over the corpus. Each pass cuts the corpus at its own random
offset and reads every window once, in a pseudo-random order.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt_toolkit.data.permutation import ROUNDS, permute
from gpt_toolkit.data.step_loader import StepShare

Starts: TypeAlias = NDArray[np.int64]

ORDER_VERSION = 1
"""Raised whenever the same (seed, step) would read other windows than before."""

_BLOCK = 256


@lru_cache(maxsize=64)
def _pass_key(seed: int, number: int) -> tuple[int, tuple[np.uint64, ...]]:
    """Return the random numbers of one pass: 64 bits for its offset, and the round keys of its order."""
    size = 8 * (ROUNDS + 1)
    stream = hashlib.shake_256(f"gpt_toolkit order {ORDER_VERSION} {seed} {number}".encode()).digest(size)
    words = np.frombuffer(stream, dtype="<u8")
    return int(words[0]), tuple(words[1:].astype(np.uint64))


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
            raise ValueError(f"n_ctx: {self.n_ctx}; expected at least 1")
        if self.n_tokens < self.n_ctx + 1:
            raise ValueError(
                f"training text: {self.n_tokens:,} tokens; expected at least {self.n_ctx + 1:,} for "
                f"n_ctx={self.n_ctx}; give more text, or set n_ctx to at most {max(1, self.n_tokens - 1):,}"
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
