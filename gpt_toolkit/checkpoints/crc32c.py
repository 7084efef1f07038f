"""CRC-32C, the checksum of TensorFlow's checkpoints, at some hundred megabytes a second in numpy.

A checksum runs over bytes one after another. It is linear, though: many stretches of the data, of equal
length, are run side by side as one vector, and joined afterwards, two by two.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_WORDS = 128
"""Of four bytes, in a stretch; ours: the fastest of those tried."""
_ALL = 0xFFFFFFFF


def crc32c(data: bytes | memoryview, before: int = 0) -> int:
    """Checksum of bytes.

    Args:
        data: The bytes, contiguous.
        before: Checksum of the bytes that stand before these.
    """
    state = _after_zeros(np.array([before ^ _ALL], np.uint32), len(data))
    return int(state[0]) ^ _from_zero(data) ^ _ALL


def unmask(stored: int) -> int:
    """The checksum that a file stores rotated and shifted (tensorflow: core/lib/hash/crc32c.h, Unmask)."""
    rotated = (stored - 0xA282EAD8) & _ALL
    return (rotated >> 17 | rotated << 15) & _ALL


def _from_zero(data: bytes | memoryview) -> int:
    """Run over the bytes from state 0, which zero bytes before them do not change."""
    n_stretches = max(1, -(-len(data) // (4 * _WORDS)))
    n_stretches = 1 << (n_stretches - 1).bit_length()
    if len(data) != 4 * _WORDS * n_stretches:
        data = bytes(4 * _WORDS * n_stretches - len(data)) + bytes(data)
    words = np.frombuffer(data, "<u4").reshape(n_stretches, _WORDS)
    low, high = _tables()
    state = np.zeros(n_stretches, np.uint32)
    for row in np.ascontiguousarray(words.T):
        state ^= row
        halves = state.astype("<u4").view("<u2")
        state = low.take(halves[0::2]) ^ high.take(halves[1::2])
    n_bytes = 4 * _WORDS
    while len(state) > 1:
        state = _after_zeros(state[0::2], n_bytes) ^ state[1::2]
        n_bytes *= 2
    return int(state[0])


@functools.cache
def _tables() -> tuple[Words, Words]:
    """State after four bytes, by the lower and by the upper half of state XOR bytes."""
    numbers = np.arange(1 << 16, dtype=np.uint32)
    return _run_bits(numbers, 32), _run_bits(numbers << np.uint32(16), 32)


def _run_bits(state: Words, n_bits: int) -> Words:
    for _ in range(n_bits):
        state = (state >> np.uint32(1)) ^ (state & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return state


def _after_zeros(state: Words, n_bytes: int) -> Words:
    """States after so many zero bytes."""
    for k in range(n_bytes.bit_length()):
        if n_bytes >> k & 1:
            state = _applied(_zeros(k), state)
    return state


@functools.cache
def _zeros(k: int) -> Words:
    """What 2^k zero bytes make of each bit of a state."""
    if k == 0:
        return _run_bits(np.uint32(1) << np.arange(32, dtype=np.uint32), 8)
    half = _zeros(k - 1)
    return _applied(half, half)


def _applied(matrix: Words, state: Words) -> Words:
    result = np.zeros_like(state)
    for bit, image in enumerate(matrix):
        result ^= (state >> np.uint32(bit) & np.uint32(1)) * image
    return result
