"""Sharded training checkpoints, as FSDPStrategy and ModelParallelStrategy write them.

Each process writes its shards of the tensors (``.distcp``). ``.metadata`` says where each shard lies (torch's
DCP), ``meta.pt`` holds the rest of the checkpoint (lightning: ``save_checkpoint`` of both strategies).

``.metadata`` is a pickle, and torch's own reader would run code in it, as in plain values of the optimizer
among the shards. This module unpickles the metadata with only their own classes allowed, and reads the other
files as tensors and plain types. :func:`verify_sharded` does so before torch's reader resumes a run.
"""

from __future__ import annotations

import io
import pickle
import warnings
from enum import EnumMeta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint import filesystem
from torch.distributed.checkpoint import metadata as dcp_metadata
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load

from gpt_toolkit.checkpoints.file_checksums import verify_checksums
from gpt_toolkit.checkpoints.stored_heads import checkpoint_heads
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, check_tensors
from gpt_toolkit.checkpoints.torch_pickle import safe_load
from gpt_toolkit.checkpoints.training_checkpoint import (
    BACKBONE,
    CHECKPOINT_KEY,
    COMPILED,
    SHARD_EXTRA,
    SHARD_METADATA,
    backbone_tensors,
    read_description,
    training_record,
)
from gpt_toolkit.io import is_file_name

# Start of the names of the state dict: FSDPStrategy's, ModelParallelStrategy's.
_SCOPES = ("model.", "state_dict.")

_DCP_CLASSES = {
    dcp_metadata: (
        *("BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex", "StorageMeta"),
        *("TensorProperties", "TensorStorageMetadata", "_MEM_FORMAT_ENCODING"),
    ),
    filesystem: ("_StorageInfo",),
}
_ALLOWED: dict[tuple[str, str], Any] = {
    **{(m.__name__, name): getattr(m, name) for m, names in _DCP_CLASSES.items() for name in names},
    ("torch", "Size"): torch.Size,
    ("torch.serialization", "_get_layout"): lambda name: torch.strided,
    ("collections", "OrderedDict"): dict,
}
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")


def open_sharded(folder: Path) -> StoredModel:
    """Open the decoder in a sharded training checkpoint; the optimizer's state is not read.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or holds code, or this toolkit did not write the checkpoint.
    """
    for name in (SHARD_METADATA, SHARD_EXTRA):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name}: not found; expected {SHARD_METADATA} and {SHARD_EXTRA}, as in every "
                "sharded checkpoint"
            )
    verify_checksums(folder)
    content = safe_load(folder / SHARD_EXTRA)
    config, tokenizer = read_description(content, str(folder / SHARD_EXTRA))
    reader = _Reader(folder)
    stored = reader.tensors()
    scope = next((s for s in _SCOPES if any(name.startswith(s) for name in stored)), _SCOPES[0])
    task = {
        name.removeprefix(scope).replace(COMPILED, ""): tensor
        for name, tensor in stored.items()
        if name.startswith(scope)
    }
    heads = checkpoint_heads(content[CHECKPOINT_KEY], task)
    tensors, notes = backbone_tensors(task, heads)
    check_tensors(
        str(folder),
        config,
        tensors,
        described_by=f"{SHARD_EXTRA}'s decoder entry",
        stored_name=BACKBONE.__add__,
    )
    files = tuple(sorted(path for path in folder.iterdir() if path.is_file()))
    layout = "sharded gpt_toolkit checkpoint"
    training = training_record(content)
    return StoredModel(
        layout, config, tensors, tokenizer, folder, files, notes, heads=heads, training=training
    )


def verify_sharded(folder: Path) -> None:
    """Raise if a file of a sharded checkpoint has changed, or holds anything but tensors and plain types.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has changed, is damaged or holds code.
    """
    verify_checksums(folder)
    safe_load(folder / SHARD_EXTRA)
    _Reader(folder).check_values()


class _Reader(filesystem.FileSystemReader):
    """Torch's reader of sharded checkpoints, with metadata that were unpickled safely."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._metadata = _read_metadata(folder / SHARD_METADATA)
        for info in self._metadata.storage_data.values():
            if not is_file_name(info.relative_path):
                raise ValueError(
                    f"{folder / SHARD_METADATA}: names a file elsewhere: {info.relative_path!r}; expected a "
                    "file of this folder; use a checkpoint whose source you trust"
                )
            if getattr(info, "transform_descriptors", None):
                raise ValueError(f"{folder / SHARD_METADATA}: shards are encoded; expected plain ones")
            if not (folder / info.relative_path).is_file():
                raise FileNotFoundError(
                    f"{folder / info.relative_path}: not found; expected it, because {SHARD_METADATA} lists "
                    "it"
                )

    def read_metadata(self, *args: Any, **kwargs: Any) -> dcp_metadata.Metadata:
        return self._metadata

    def check_values(self) -> None:
        """Raise if a value next to the tensors, such as a learning rate, holds code; torch would run it."""
        for name, entry in self._metadata.state_dict_metadata.items():
            if isinstance(entry, dcp_metadata.TensorStorageMetadata):
                continue
            info = self._metadata.storage_data.get(dcp_metadata.MetadataIndex(name))
            try:
                with (Path(self.path) / info.relative_path).open("rb") as file:
                    file.seek(info.offset)
                    torch.load(io.BytesIO(file.read(info.length)), weights_only=True)
            except Exception as error:  # a damaged value makes the reader raise errors of any kind
                reason = str(error).strip().partition("\n")[0]
                raise ValueError(
                    f"{self.path}: {name} is damaged or holds Python objects ({reason}); expected plain "
                    "types; nothing was run; use a checkpoint whose source you trust"
                ) from None

    def tensors(self) -> dict[str, LazyTensor]:
        """Return all tensors of the checkpoint."""
        found = {}
        for name, entry in self._metadata.state_dict_metadata.items():
            if isinstance(entry, dcp_metadata.TensorStorageMetadata):
                shape, dtype = tuple(entry.size), entry.properties.dtype
                found[name] = LazyTensor(partial(self._load, name, shape, dtype), shape, dtype)
        return found

    def _load(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Put a tensor together from its shards."""
        state = {name: torch.empty(shape, dtype=dtype)}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # on purpose
                load(state, storage_reader=self, no_dist=True)
        except (CheckpointException, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(
                f"{self.path}: {name} cannot be read ({reason}); expected complete shards; copy them again"
            ) from None
        return state[name]


def _read_metadata(path: Path) -> dcp_metadata.Metadata:
    with path.open("rb") as file:
        try:
            metadata = _MetadataUnpickler(file, path).load()
        except ValueError:
            raise
        except Exception as error:  # a damaged pickle makes the reader raise errors of any kind
            raise ValueError(
                f"{path}: damaged ({error}); expected checkpoint metadata; nothing in it was run"
            ) from None
    if not isinstance(metadata, dcp_metadata.Metadata) or not isinstance(metadata.storage_data, dict):
        raise ValueError(f"{path}: other content; expected the metadata of a sharded checkpoint")
    metadata.storage_meta = dcp_metadata.StorageMeta()
    return metadata


class _MetadataUnpickler(pickle.Unpickler):
    """Unpickler that allows only classes of checkpoint metadata, torch's dtypes, and paths as plain text."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module.split(".")[0] == "pathlib" and name in _PATHS:
            return PurePosixPath
        if (module, name) == ("builtins", "getattr"):
            return self._enum_member
        raise ValueError(
            f"{self._path}: {module}.{name}; expected only classes of checkpoint metadata; nothing was run"
        )

    def _enum_member(self, kind: Any, name: str) -> Any:
        """Return a member of an allowed enumeration; pickles of Python 3.11.3 and before need it."""
        if not (isinstance(kind, EnumMeta) and name in kind.__members__):
            raise ValueError(
                f"{self._path}: attribute {name!r} of {kind!r}; expected only data of checkpoint metadata; "
                "nothing was run"
            )
        return kind[name]
