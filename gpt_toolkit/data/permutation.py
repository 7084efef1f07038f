"""Pseudo-random orders that are the same in every version.

A keyed bijection gives them: a Feistel network (Luby and Rackoff 1988) with cycle walking (Black and Rogaway
2002). It gives any part of an order without an array of its size.
"""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROUNDS: Final = 8
"""Number of round keys; tuned here: four make a Feistel network of random functions a strong permutation."""

_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)  # odd, from the rrmxmx mixer (Evensen 2019)
_HALF = np.uint64(32)


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
    stream = hashlib.shake_256(f"gpt_toolkit rows {' '.join(map(str, label))}".encode()).digest(8 * ROUNDS)
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
