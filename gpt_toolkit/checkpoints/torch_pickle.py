"""Files of ``torch.save``, read as tensors and plain types; no code in them is ever run."""

from __future__ import annotations

import pickle
import re
import zipfile
from functools import lru_cache, partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.checkpoints.stored_model import LazyTensor

# What is read through a mapping stays in memory until it ends, so a file is mapped again after 1/16 of it.
_N_MAPPINGS = 16  # tuned here: each mapping parses the whole table of tensors
_CONFIG_CLASS = ".GPTConfig"  # build-nanogpt: train_gpt2.py saves an object of it next to the tensors
_BEFORE_TORCH_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # first pickle of the format without zip


class PlainFields:
    """Fields of a pickled object whose own class is not imported."""


class TorchFile:
    """A file of ``torch.save``, mapped into memory; a file from before torch 1.6 is read as a whole.

    Its checksums are verified when it is opened, once a process.

    Args:
        path: The file.

    Attributes:
        content: Content of the file, None once released. Read its tensors by :meth:`tensor`.

    Raises:
        ValueError: If the file is damaged, or holds anything but tensors and plain types.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = file_version(path)  # before loading: a file replaced in between counts as changed
        self._is_mapped = zipfile.is_zipfile(path)
        if self._is_mapped:
            verify_archive(path)
        self.content: Any = safe_load(path)
        self._n_read, self._n_most = 0, path.stat().st_size // _N_MAPPINGS

    def tensor(self, *keys: str) -> LazyTensor:
        """Return one of the tensors.

        Args:
            *keys: Keys that lead to it in the content, one a level.
        """
        tensor = reduce(getitem, keys, self.content)
        if tensor.device.type != "cpu" or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise ValueError(
                f"{self.path}: {keys[-1]} of {tensor.nbytes:,} bytes; expected as many in the file; use a "
                "file whose source you trust"
            )
        shape = tuple(tensor.shape)
        return LazyTensor(partial(self._load, keys), shape, tensor.dtype, in_memory=not self._is_mapped)

    def release(self) -> None:
        """Free the content; reading a tensor loads it again."""
        self.content = None

    def _load(self, keys: tuple[str, ...]) -> Tensor:
        is_full = self._is_mapped and self._n_read > self._n_most
        if self.content is None or (is_full and self._is_unchanged()):
            content = safe_load(self.path)
            if self._is_unchanged():
                self.content, self._n_read = content, 0
            elif self.content is None:
                raise ValueError(
                    f"{self.path}: changed while it was read; expected an unchanged file; try again, or use "
                    "a copy"
                )
        tensor: Tensor = reduce(getitem, keys, self.content).detach()
        self._n_read += tensor.nbytes
        return tensor

    def _is_unchanged(self) -> bool:
        """Return whether the path still is the file that was opened; training replaces its checkpoints."""
        return file_version(self.path) == self._version


def safe_load(path: Path, config_class: str = "", *, in_memory: bool = False) -> Any:
    """Load a file of ``torch.save``; its tensors stay in the file until they are used.

    Args:
        path: The file.
        in_memory: Read all tensors now.
        config_class: Name of the class whose objects become :class:`PlainFields`; found in the file if empty.

    Raises:
        ValueError: If the file is damaged, or holds anything but tensors and plain types.
    """
    is_zip = zipfile.is_zipfile(path)
    if not is_zip:
        _check_old_format(path)
    try:
        with torch.serialization.safe_globals([(PlainFields, config_class)] if config_class else []):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip and not in_memory)
    except pickle.UnpicklingError as error:
        if not (found := re.search(r"GLOBAL (\S+)", str(error))):
            raise ValueError(
                f"{path}: damaged; expected a file of torch.save; nothing was run; use another copy"
            ) from None
        if not config_class and found[1].endswith(_CONFIG_CLASS):
            return safe_load(path, found[1], in_memory=in_memory)
        raise ValueError(
            f"{path}: Python objects ({found[1]}); expected tensors and plain types; nothing was run; "
            "save the model's state_dict without them, in the program that wrote the file"
        ) from None
    except OSError:
        raise
    except Exception as error:  # a damaged pickle makes the reader raise errors of any kind
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: damaged or of another kind ({reason}); expected a file of torch.save; use another copy"
        ) from None


def verify_archive(path: Path) -> None:
    """Raise if a byte of a file of ``torch.save`` has changed since it was written.

    The file is a zip archive with a CRC-32 of each tensor, which torch itself does not compare. A file that
    is as it was at the last call in this process is not read again.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not a zip archive, or a part of it differs from its checksum.
    """
    _verify_archive(path, file_version(path))


@lru_cache(maxsize=16)  # errors are not kept
def _verify_archive(path: Path, version: object) -> None:
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            parts = archive.infolist()
            if any(part.compress_type for part in parts):  # torch compresses nothing, and a bomb everything
                raise zipfile.BadZipFile("compressed parts")
            if sum(part.file_size for part in parts) > path.stat().st_size:
                raise zipfile.BadZipFile("parts longer than the file")
            damaged = archive.testzip()
        except Exception as error:  # a damaged archive makes the reader raise errors of any kind
            damaged = str(error).partition("\n")[0]
    if damaged is not None:
        raise ValueError(
            f"{path}: damaged ({damaged}); expected an intact checkpoint; use another checkpoint, or another "
            "copy"
        )


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle of plain types; nothing in it is run.

    Raises:
        ValueError: If the file is damaged, or holds anything but plain types.
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle makes the reader raise errors of any kind
        raise ValueError(
            f"{path}: damaged, or Python objects ({error}); expected plain types; nothing was run"
        ) from None


class _PlainUnpickler(pickle.Unpickler):
    """A reader of pickles that imports nothing."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name}")


def _check_old_format(path: Path) -> None:
    """Check that a file which is not a zip archive has the format before torch 1.6."""
    with path.open("rb") as file:
        beginning = file.read(len(_BEFORE_TORCH_1_6))
    if beginning.startswith(b"PK\x03\x04"):
        raise ValueError(
            f"{path}: incomplete; expected a complete checkpoint; wait if it is being written, or use another"
        )
    if beginning != _BEFORE_TORCH_1_6:
        raise ValueError(
            f"{path}: other content; expected a checkpoint or a model folder; nothing in it was run"
        )


def file_version(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced or written to; None if it is missing."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
