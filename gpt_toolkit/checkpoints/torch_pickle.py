"""Files of ``torch.save``: tensors and plain types are read from them, nothing in them is ever run."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.checkpoints.lazy_tensor import StoredTensor

_LET_GO = 1 << 26
"""Bytes read through one mapping of a file; ours: what was read through it stays in memory until it ends."""
_BEFORE_TORCH_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the first pickle in a file of that time


class PickledFile:
    """A file of ``torch.save``, mapped into memory; one from before torch 1.6 is in memory as a whole.

    Args:
        path: The file.

    Attributes:
        content: What it holds, None once released. Tensors are to be taken by :meth:`stored`.

    Raises:
        ValueError: If the file is damaged, or holds anything but tensors and plain types.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: Any = load_plain(path)
        self._identity = _identity(path)
        self._mapped = zipfile.is_zipfile(path)
        self._n_read = 0

    def stored(self, find: Callable[[Any], Tensor]) -> StoredTensor:
        """One of the tensors.

        Args:
            find: Takes it out of the content.
        """
        tensor = find(self.content)
        return StoredTensor(
            partial(self._rows, find), tuple(tensor.shape), tensor.dtype, resident=not self._mapped
        )

    def release(self) -> None:
        """Let go of the content; it is loaded again when it is wanted."""
        self.content = None

    def _rows(self, find: Callable[[Any], Tensor]) -> Iterator[Tensor]:
        if self.content is None:
            self._load_again()
        if self._mapped and self._n_read > _LET_GO:
            self._map_anew()
        tensor = find(self.content).detach()
        self._n_read += tensor.nbytes
        yield tensor

    def _load_again(self) -> None:
        if _identity(self.path) != self._identity:
            raise ValueError(f"{self.path}: was changed while it was read; try again, or a copy of it")
        self.content, self._n_read = load_plain(self.path), 0

    def _map_anew(self) -> None:
        """Give back the memory of what was read, unless training has replaced the file: the old is meant."""
        if _identity(self.path) == self._identity:
            fresh = load_plain(self.path)
            if _identity(self.path) == self._identity:
                self.content, self._n_read = fresh, 0


def load_plain(path: Path) -> Any:
    """Content of a file of ``torch.save``; tensors stay in the file until they are used.

    Raises:
        ValueError: If the file is damaged, or holds anything but tensors and plain types.
    """
    mapped = zipfile.is_zipfile(path)
    if not mapped:
        _check_old_format(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f"holds Python objects ({found[1]}) beside tensors and plain types" if found else "is damaged"
        raise ValueError(f"{path}: {what}; refused, nothing was run") from None
    except OSError:
        raise
    except Exception as error:  # whatever a damaged pickle makes the reader stumble over
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: is damaged or not a file of torch.save ({reason})") from None


def _check_old_format(path: Path) -> None:
    with path.open("rb") as file:
        beginning = file.read(len(_BEFORE_TORCH_1_6))
    if beginning.startswith(b"PK\x03\x04"):
        raise ValueError(f"{path}: is cut short, or is just being written; give another one")
    if beginning != _BEFORE_TORCH_1_6:
        raise ValueError(f"{path}: is neither a checkpoint nor a model folder; nothing in it was run")


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
