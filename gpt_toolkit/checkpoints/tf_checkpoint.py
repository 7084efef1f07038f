"""Reader of TensorFlow's checkpoint files, a table of names and flat files of values, without TensorFlow.

The ``.index`` file is a sorted table in LevelDB's format (tensorflow: core/lib/io/table_format.txt). Its
values are messages of core/protobuf/tensor_bundle.proto. A ``.data`` file holds the tensors' bytes.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpt_toolkit.checkpoints.stored_model import LazyTensor

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # two handles, padded to 40 bytes, and the magic number
_TRAILER = 5  # of a block: compression method and checksum
_TYPES: dict[int, tuple[str, torch.dtype]] = {  # core/framework/types.proto
    1: ("<f4", torch.float32),
    2: ("<f8", torch.float64),
    19: ("<f2", torch.float16),
    3: ("<i4", torch.int32),  # integers are counters such as the step
    9: ("<i8", torch.int64),
}

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_ONES = 0xFFFFFFFF
_LANE = 1024  # bytes; tuned here, as the next
_PIECE = 4096 * _LANE


@dataclass(frozen=True)
class _Entry:
    """A BundleEntryProto; a shape [1, in, out] is given as [in, out]."""

    dtype: int
    shape: tuple[int, ...]
    path: Path
    offset: int
    size: int
    checksum: int
    is_partitioned: bool


def open_tensors(prefix: Path) -> tuple[dict[str, LazyTensor], tuple[Path, ...]]:
    """Return every variable of a checkpoint, and its files.

    The table's checksums are verified now, a tensor's checksum when it is read.

    Args:
        prefix: Path of the ``.index`` file without this ending.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or of a kind that GPT-2's code does not write.
    """
    index_path = Path(f"{prefix}.index")
    try:
        table = dict(_entries(index_path.read_bytes(), index_path))
        header = dict(_fields(table.pop(b"")))
        shards = [Path(f"{prefix}.data-{i:05d}-of-{header[1]:05d}") for i in range(header[1])]
        entries = {key.decode(): _entry(value, shards) for key, value in table.items()}
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{index_path}: not found; expected the index of a TensorFlow checkpoint"
        ) from None
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, struct.error):
        raise ValueError(f"{index_path}: damaged; expected a table of tensors; download it again") from None
    if header.get(2, 0) != 0:
        raise ValueError(
            f"{index_path}: big-endian values; expected little-endian ones; others are not implemented"
        )
    for path in shards:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: not found; expected it, because {index_path.name} lists it")
        needed = max((e.offset + e.size for e in entries.values() if e.path == path), default=0)
        if (size := path.stat().st_size) < needed:
            raise ValueError(
                f"{path}: {size:,} bytes; expected {needed:,}, as {index_path.name} says; download it again"
            )
    tensors = {}
    for name, entry in entries.items():
        if entry.is_partitioned:
            raise ValueError(
                f"{index_path}: {name} in slices; expected whole tensors; slices are not implemented"
            )
        if entry.dtype in _TYPES:  # others are strings or the like, never weights
            tensors[name] = LazyTensor(
                functools.partial(_load, name, entry), entry.shape, _TYPES[entry.dtype][1]
            )
    return tensors, (index_path, *shards)


def _load(name: str, entry: _Entry) -> Tensor:
    kind, _ = _TYPES[entry.dtype]
    n_values = torch.Size(entry.shape).numel()
    values = np.fromfile(entry.path, kind, n_values, offset=entry.offset)
    if len(values) != n_values:
        raise ValueError(f"{entry.path}: ends within {name}; expected a complete file; download it again")
    if (checksum := crc32c(values.view(np.uint8).data)) != unmask(entry.checksum):
        raise ValueError(
            f"{entry.path}: {name} with checksum {checksum:08x}; expected the stored one; the file is "
            "damaged, download it again"
        )
    return torch.from_numpy(values.reshape(entry.shape))


# The table


def _entries(data: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of every entry of a table."""
    if len(data) < _FOOTER or struct.unpack_from("<Q", data, len(data) - 8)[0] != _MAGIC:
        raise ValueError(
            f"{path}: other content; expected the complete index of a TensorFlow checkpoint; download it "
            "again"
        )
    footer = len(data) - _FOOTER
    _, _, position = _handle(data, footer)  # the meta index is empty
    offset, size, _ = _handle(data, position)
    for _, handle in _block(data, offset, size, path):
        block_offset, block_size, _ = _handle(handle, 0)
        yield from _block(data, block_offset, block_size, path)


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    """Read offset and size of a block; return them and the position after them."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return offset, size, position


def _block(data: bytes, offset: int, size: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    if end + _TRAILER > len(data):
        raise ValueError(
            f"{path}: block past the end of the file; expected a complete index; download it again"
        )
    if crc32c(data[offset : end + 1]) != unmask(struct.unpack_from("<I", data, end + 1)[0]):
        raise ValueError(
            f"{path}: wrong checksum of the block at byte {offset}; expected the stored one; download it "
            "again"
        )
    if compression := data[end]:
        name = "snappy" if compression == 1 else f"method {compression}"
        raise ValueError(
            f"{path}: block compressed by {name}; expected no compression; other indexes are not implemented"
        )
    (n_restarts,) = struct.unpack_from("<I", data, end - 4)
    end -= 4 * (n_restarts + 1)
    key, position = b"", offset
    while position < end:
        shared, position = _varint(data, position)
        own, position = _varint(data, position)
        length, position = _varint(data, position)
        key = key[:shared] + data[position : position + own]
        position += own
        yield key, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a number of variable length; return it and the position after it."""
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


# Protocol buffers: the part that the two messages need


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of every field of a message: a number, or bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value: int | bytes
        match tag & 7:
            case 0:
                value, position = _varint(message, position)
            case 1:
                (value,), position = struct.unpack_from("<Q", message, position), position + 8
            case 2:
                length, position = _varint(message, position)
                value, position = message[position : position + length], position + length
            case 5:
                (value,), position = struct.unpack_from("<I", message, position), position + 4
            case _:
                raise IndexError("a field of unknown kind")
        yield tag >> 3, value


def _entry(message: bytes, shards: list[Path]) -> _Entry:
    fields = dict(_fields(message))
    dims = [dict(_fields(dim)) for number, dim in _fields(fields.get(2, b"")) if number == 2]
    shape = tuple(index(dim.get(1, 0)) for dim in dims)
    return _Entry(
        dtype=index(fields.get(1, 0)),
        shape=shape[1:] if len(shape) == 3 and shape[0] == 1 else shape,
        path=shards[fields.get(3, 0)],
        offset=index(fields.get(4, 0)),
        size=index(fields.get(5, 0)),
        checksum=index(fields.get(6, 0)),
        is_partitioned=7 in fields,
    )


# CRC-32C. The checksum is linear: long data are split into lanes of equal length whose checksums are computed
# as one vector. They are then combined one after another: skip a lane of zeros, add the next lane's checksum.


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
