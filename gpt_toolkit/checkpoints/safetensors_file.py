"""Safetensors files, read and written in pieces."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gpt_toolkit.checkpoints.lazy_tensor import PIECE, StoredTensor

_DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F64": torch.float64,
    "I64": torch.int64,  # the integers and truth values are never weights, but older masks
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_CODES = {dtype: code for code, dtype in _DTYPES.items() if dtype.is_floating_point}


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """Every tensor of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or holds a type that no GPT has.
    """
    tensors = {}
    with _opened(path) as file:
        for name in file.keys():  # noqa: SIM118 the file is no dict
            piece = file.get_slice(name)
            if (code := piece.get_dtype()) not in _DTYPES:
                raise ValueError(
                    f"{path}: {name} is of type {code}, expected one of {', '.join(_CODES.values())}"
                )
            shape = tuple(piece.get_shape())
            tensors[name] = StoredTensor(partial(_rows, path, name, shape), shape, _DTYPES[code])
    return tensors


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise ValueError(f"{path}: is cut short or not a safetensors file ({error})") from None


def _rows(path: Path, name: str, shape: tuple[int, ...]) -> Iterator[Tensor]:
    """Some rows at a time.

    The file is opened anew for each: what is read through an open one stays in memory until it is closed.
    """
    rows, *others = shape
    step = max(1, PIECE // (4 * max(1, torch.Size(others).numel())))
    for start in range(0, rows, step):
        with _opened(path) as file:
            yield file.get_slice(name)[start : start + step]


def write_safetensors(
    path: Path,
    tensors: Mapping[str, StoredTensor],
    advance: Callable[[int], None] = lambda n_bytes: None,
) -> None:
    """Write tensors one after another, each as it is read.

    The library's own writer wants all of them contiguous at once, which doubles a GPT's memory, since most
    matrices are turned.

    Args:
        path: The file.
        tensors: What it is to hold.
        advance: Told the bytes of each block that has been written.

    Raises:
        ValueError: If a tensor is not of a floating-point type.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in _CODES:
            raise ValueError(f"{name} is of type {tensor.dtype}, expected floating point")
        start, end = end, end + tensor.n_bytes
        header[name] = {
            "dtype": _CODES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the first tensor to 8 bytes
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            for block in tensor.blocks():
                data = block.cpu().view(torch.uint8).numpy().data
                file.write(data)
                advance(data.nbytes)
