"""CRC-32C, the checksum in TensorFlow's checkpoints, vectorized with numpy.

The checksum is linear. Long data are split into lanes of equal length whose checksums are computed as one
vector. They are then combined one after another: skip a lane of zeros, add the next lane's checksum.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_ONES = 0xFFFFFFFF
_LANE = 1024  # bytes; tuned here, as the next
_PIECE = 4096 * _LANE


def crc32c(data: memoryview | bytes) -> int:
    """Return the checksum of contiguous bytes."""
    data = memoryview(data)
    state = _ONES
    n_in_lanes = len(data) // _LANE * _LANE
    for start in range(0, n_in_lanes, _PIECE):
        lanes = np.frombuffer(data[start : min(start + _PIECE, n_in_lanes)], "<u4").reshape(-1, _LANE // 4)
        states = np.zeros(len(lanes), np.uint32)
        states[0] = state
        first, *others = _run(states, lanes).tolist()
        state = first
        for other in others:
            state = _skip_lane(state) ^ other
    steps = _byte_steps().tolist()
    for byte in data[n_in_lanes:]:
        state = state >> 8 ^ steps[(state ^ byte) & 0xFF]
    return state ^ _ONES


def unmask(stored: int) -> int:
    """Return the checksum that a file stores rotated and shifted (tensorflow: core/lib/hash/crc32c.h)."""
    rotated = (stored - 0xA282EAD8) & _ONES
    return (rotated >> 17 | rotated << 15) & _ONES


def _run(states: NDArray[np.uint32], lanes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the states after one lane each."""
    low, high = _word_steps()
    for words in np.ascontiguousarray(lanes.T):
        halves = (states ^ words).astype("<u4").view("<u2")
        states = low.take(halves[0::2]) ^ high.take(halves[1::2])
    return states


def _skip_lane(state: int) -> int:
    """Return the state after one lane of zeros."""
    tables = _lane_skips()
    return (
        tables[0][state & 0xFF]
        ^ tables[1][state >> 8 & 0xFF]
        ^ tables[2][state >> 16 & 0xFF]
        ^ tables[3][state >> 24]
    )


@functools.cache
def _lane_skips() -> list[list[int]]:
    """Return the states after one lane of zeros, for each of the four bytes of a state."""
    states = np.concatenate([np.arange(256, dtype=np.uint32) << np.uint32(8 * i) for i in range(4)])
    zeros = np.zeros((1024, _LANE // 4), np.uint32)
    return _run(states, zeros).reshape(4, 256).tolist()


@functools.cache
def _byte_steps() -> NDArray[np.uint32]:
    """Return the states after one byte, by the lowest byte of state XOR data."""
    return _run_bits(np.arange(256, dtype=np.uint32), 8)


@functools.cache
def _word_steps() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the states after four bytes, by the lower and the upper half of state XOR data."""
    numbers = np.arange(1 << 16, dtype=np.uint32)
    return _run_bits(numbers, 32), _run_bits(numbers << np.uint32(16), 32)


def _run_bits(states: NDArray[np.uint32], n_bits: int) -> NDArray[np.uint32]:
    for _ in range(n_bits):
        states = (states >> np.uint32(1)) ^ (states & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return states
