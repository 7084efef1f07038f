"""Our training checkpoints as FSDP and ModelParallelStrategy write them: a folder, each process its shards.

``.metadata`` says which piece of which tensor lies where in the ``.distcp`` files (torch's DCP),
``meta.pt`` holds everything else of the checkpoint (lightning: FSDPStrategy.save_checkpoint and
ModelParallelStrategy.save_checkpoint).

The metadata is a plain pickle, which torch itself would run. Here it is read by an unpickler that admits the
classes of such metadata and nothing else; the shards and ``meta.pt`` are read as tensors and plain types.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
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

from gpt_toolkit.checkpoints.lazy_tensor import StoredModel, StoredTensor
from gpt_toolkit.checkpoints.tensor_checks import check_tensors, is_file_name
from gpt_toolkit.checkpoints.torch_pickle import load_plain
from gpt_toolkit.checkpoints.training_checkpoint import (
    SHARD_EXTRA,
    SHARD_METADATA,
    backbone_names,
    read_about,
)

_SCOPES = ("model.", "state_dict.")
"""Before the names of the state dict: FSDPStrategy's, ModelParallelStrategy's."""

_DCP_CLASSES = {
    "torch.distributed.checkpoint.metadata": (
        dcp_metadata,
        {
            "BytesStorageMetadata",
            "ChunkStorageMetadata",
            "Metadata",
            "MetadataIndex",
            "StorageMeta",
            "TensorProperties",
            "TensorStorageMetadata",
            "_MEM_FORMAT_ENCODING",
        },
    ),
    "torch.distributed.checkpoint.filesystem": (filesystem, {"_StorageInfo"}),
}
_LAYOUTS = {"_get_layout": lambda name: torch.strided}
_PATHS = {"PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"}


def open_sharded(folder: Path) -> StoredModel:
    """The decoder in a sharded training checkpoint of ours; the optimizer's state is not read.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or holds code, or the checkpoint is not ours.
    """
    for name in (SHARD_METADATA, SHARD_EXTRA):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name}: no such file; a sharded checkpoint has {SHARD_METADATA} and {SHARD_EXTRA}"
            )
    config, tokenizer = read_about(load_plain(folder / SHARD_EXTRA), str(folder / SHARD_EXTRA))
    reader = _Reader(folder)
    entries = reader.entries
    scope = next((s for s in _SCOPES if any(name.startswith(s) for name in entries)), _SCOPES[0])
    in_scope = (name.removeprefix(scope) for name in entries if name.startswith(scope))
    names, notes = backbone_names(in_scope)
    tensors = {}
    for ours, theirs in names.items():
        size, dtype = entries[scope + theirs]
        tensors[ours] = StoredTensor(partial(reader.whole, scope + theirs, size, dtype), size, dtype)
    check_tensors(
        str(folder),
        config,
        tensors,
        described_by=f"{SHARD_EXTRA}'s decoder entry",
        stored_name=lambda n: f"backbone.{n}",
    )
    files = tuple(sorted(path for path in folder.iterdir() if path.is_file()))
    return StoredModel("sharded gpt_toolkit checkpoint", config, tensors, tokenizer, folder, files, notes)


class _Reader(filesystem.FileSystemReader):
    """Torch's reader of such folders, with the pickle in it disarmed.

    Args:
        folder: The checkpoint.

    Attributes:
        entries: Shape and type of each tensor.

    Raises:
        FileNotFoundError: If a file of shards is missing.
        ValueError: If the metadata are damaged or hold anything that such metadata do not.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._metadata = _read_metadata(folder / SHARD_METADATA)
        kinds = self._metadata.state_dict_metadata
        self.entries = {
            name: (tuple(entry.size), entry.properties.dtype)
            for name, entry in kinds.items()
            if isinstance(entry, dcp_metadata.TensorStorageMetadata)
        }
        for info in self._metadata.storage_data.values():
            if not is_file_name(info.relative_path):
                raise ValueError(
                    f"{folder / SHARD_METADATA}: names a file elsewhere: {info.relative_path!r}; expected a "
                    "file of this folder; use a checkpoint whose source you trust"
                )
            if not (folder / info.relative_path).is_file():
                raise FileNotFoundError(
                    f"{folder / info.relative_path}: no such file; {SHARD_METADATA} names it"
                )

    def read_metadata(self, *args: Any, **kwargs: Any) -> dcp_metadata.Metadata:
        return self._metadata

    def whole(self, name: str, size: tuple[int, ...], dtype: torch.dtype) -> Iterator[Tensor]:
        """A tensor, put together from its shards."""
        state = {name: torch.empty(size, dtype=dtype)}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", message="torch.distributed is disabled"
                )  # it is meant to be
                load(state, storage_reader=self, no_dist=True)
        except (CheckpointException, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(
                f"{self.path}: {name} cannot be read; is a shard cut short? ({reason})"
            ) from None
        yield state[name]


def _read_metadata(path: Path) -> dcp_metadata.Metadata:
    with path.open("rb") as file:
        try:
            metadata = _MetadataUnpickler(file, path).load()
        except ValueError:
            raise
        except Exception as error:  # whatever a damaged pickle makes the reader stumble over
            raise ValueError(f"{path}: is damaged ({error}); nothing in it was run") from None
    if not isinstance(metadata, dcp_metadata.Metadata) or not isinstance(metadata.storage_data, dict):
        raise ValueError(f"{path}: is not the metadata of a sharded checkpoint")
    metadata.storage_meta = dcp_metadata.StorageMeta()
    return metadata


class _MetadataUnpickler(pickle.Unpickler):
    """Admits the classes of checkpoint metadata, torch's types and sizes, and paths as plain text."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if module in _DCP_CLASSES and name in _DCP_CLASSES[module][1]:
            return getattr(_DCP_CLASSES[module][0], name)
        if module == "torch" and (name == "Size" or isinstance(getattr(torch, name, None), torch.dtype)):
            return getattr(torch, name)
        if module == "torch.serialization" and name in _LAYOUTS:
            return _LAYOUTS[name]
        if module.split(".")[0] == "pathlib" and name in _PATHS:
            return PurePosixPath
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if (module, name) == ("builtins", "getattr"):
            return self._member
        raise ValueError(
            f"{self._path}: holds {module}.{name}, which checkpoint metadata do not; refused, nothing was run"
        )

    def _member(self, kind: Any, name: str) -> Any:
        """A member of an admitted enumeration, which Python 3.11.3 and before fetch by ``getattr``."""
        if not (isinstance(kind, EnumMeta) and name in kind.__members__):
            raise ValueError(
                f"{self._path}: asks for {name!r} of {kind!r}, which checkpoint metadata do not; refused, "
                "nothing was run"
            )
        return kind[name]
