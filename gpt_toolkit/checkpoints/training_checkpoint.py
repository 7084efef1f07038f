"""Training checkpoints of ours: what is common to those in one file and in shards, and those in one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel
from gpt_toolkit.checkpoints.merge_lora import merged
from gpt_toolkit.checkpoints.tensor_checks import check_tensors
from gpt_toolkit.checkpoints.torch_pickle import PickledFile

CHECKPOINT_KEY = "gpt_toolkit"
CHECKPOINT_FORMAT = 2
SHARD_METADATA = ".metadata"
SHARD_EXTRA = "meta.pt"
_BACKBONE = "backbone."
_COMPILED = "_orig_mod."
"""What torch.compile puts into the names of a module's tensors."""


def is_checkpoint(content: object) -> bool:
    """Whether a file's content is a training checkpoint of ours."""
    return isinstance(content, Mapping) and isinstance(content.get(CHECKPOINT_KEY), Mapping)


def is_sharded(folder: Path) -> bool:
    """Whether a folder is a checkpoint in shards, or part of one."""
    return (folder / SHARD_METADATA).is_file() or any(folder.glob("*.distcp"))


def open_checkpoint(file: PickledFile) -> StoredModel:
    """The decoder in a training checkpoint; the optimizer's state is not touched.

    Raises:
        ValueError: If it is not a checkpoint of ours, or its decoder's shape and tensors do not agree.
    """
    path, content = file.path, file.content
    config, tokenizer = read_about(content, str(path))
    state_dict = content.get("state_dict")
    if not isinstance(state_dict, Mapping):
        raise ValueError(f"{path}: has no state_dict; was it written by gpt-toolkit fit?")
    names, notes = backbone_names(name for name, value in state_dict.items() if isinstance(value, Tensor))
    in_state_dict = itemgetter("state_dict")
    tensors = {
        ours: file.stored(lambda content, theirs=theirs: in_state_dict(content)[theirs])  # type: ignore[misc]
        for ours, theirs in names.items()
    }
    if adapters := content[CHECKPOINT_KEY].get("adapters"):
        try:
            tensors = merged(tensors, adapters)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: its adapters are not whole: {error}") from None
    check_tensors(
        str(path),
        config,
        tensors,
        described_by="its decoder entry",
        stored_name=lambda ours: _BACKBONE + ours,
    )
    return StoredModel(
        "gpt_toolkit checkpoint", config, tensors, tokenizer, path, (path,), notes, release=file.release
    )


def read_about(content: object, where: str) -> tuple[DecoderConfig, Mapping[str, str]]:
    """Decoder and tokenizer as a checkpoint describes them.

    Args:
        content: The checkpoint, or what a sharded one keeps beside its tensors.
        where: What an error calls the file.

    Raises:
        ValueError: If it was not written by us or has another format, or its entries are of other types.
    """
    about: Any = content.get(CHECKPOINT_KEY) if isinstance(content, Mapping) else None
    if not isinstance(about, Mapping):
        raise ValueError(
            f"{where}: is not a checkpoint of gpt_toolkit: it has no {CHECKPOINT_KEY!r} entry; expected one "
            "that gpt-toolkit fit or nanoGPT wrote"
        )
    if about.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{where}: checkpoint format {about.get('format')!r}, written by gpt_toolkit "
            f"{about.get('version')}; this version reads format {CHECKPOINT_FORMAT}"
        )
    try:
        config = DecoderConfig.from_fields(about["decoder"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: its decoder fields are no use: {error}") from None
    tokenizer = about.get("tokenizer") or {}
    if not isinstance(tokenizer, Mapping):  # a name or a path would be looked up on this machine
        raise ValueError(
            f"{where}: tokenizer entry of type {type(tokenizer).__name__}; expected file names and contents; "
            "use a checkpoint that gpt-toolkit fit wrote"
        )
    return config, tokenizer


def backbone_names(names: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Our names of a decoder's tensors with those in a task's state dict, and a note on what is left out."""
    found, heads = {}, []
    for name in names:
        plain = name.replace(_COMPILED, "")
        if plain.startswith(_BACKBONE):
            found[plain.removeprefix(_BACKBONE)] = name
        else:
            heads.append(plain)
    left_out = f"the task's own tensors are not part of the model: {', '.join(heads[:3])}"
    left_out += f" and {len(heads) - 3} more" if len(heads) > 3 else ""
    return found, (left_out,) if heads else ()
