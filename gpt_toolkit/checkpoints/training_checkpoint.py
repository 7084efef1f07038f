"""Training checkpoints of this toolkit in one file, and what they share with sharded ones.

A checkpoint with low-rank adapters is read as the matrices that they make of the decoder's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.stored_heads import HEADS, checkpoint_heads
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredHeads, StoredModel, check_tensors
from gpt_toolkit.checkpoints.torch_pickle import TorchFile, safe_load

CHECKPOINT_KEY = "gpt_toolkit"
CHECKPOINT_FORMAT = 3
SHARD_METADATA = ".metadata"
SHARD_EXTRA = "meta.pt"
BACKBONE = "backbone."  # start of the decoder's names in a task's state dict
COMPILED = "_orig_mod."  # inserted by torch.compile

_OF_TRAINING = ("version", "torch", "task", "step", "precision", "init_from", "ledger", "settings")
"""Fields of a checkpoint's record that a model card shows."""

# Names of peft's modules.
_BASE = ".base_layer"
_A, _B = ".lora_A.default.weight", ".lora_B.default.weight"
_NEW_TOKENS = "wte.token_adapter.trainable_tokens_delta.default"
_TOKENS_BASE = "wte.token_adapter.base_layer.weight"


def is_checkpoint(content: object) -> bool:
    """Return whether a file's content is a training checkpoint of this toolkit."""
    return isinstance(content, Mapping) and isinstance(content.get(CHECKPOINT_KEY), Mapping)


def is_sharded(folder: Path) -> bool:
    """Return whether a folder is a sharded checkpoint, or part of one."""
    return (folder / SHARD_METADATA).is_file() or any(folder.glob("*.distcp"))


def read_record(path: Path) -> Mapping[str, Any]:
    """Return the record of the run that wrote a checkpoint, a file or a folder; empty without one.

    Raises:
        ValueError: If the file is damaged.
    """
    content = safe_load(path / SHARD_EXTRA if path.is_dir() else path)
    return content[CHECKPOINT_KEY] if is_checkpoint(content) else {}


def open_checkpoint(file: TorchFile) -> StoredModel:
    """Open the decoder in a training checkpoint; the optimizer's state is not read.

    Raises:
        ValueError: If it is not a checkpoint of this toolkit, or its config and tensors do not agree.
    """
    path, content = file.path, file.content
    config, tokenizer = read_description(content, str(path))
    state_dict = content.get("state_dict")
    if not isinstance(state_dict, Mapping):
        raise ValueError(f"{path}: no state_dict; expected a checkpoint of gpt-toolkit fit")
    task = {
        name.replace(COMPILED, ""): file.tensor("state_dict", name)
        for name, value in state_dict.items()
        if isinstance(value, Tensor)
    }
    heads = checkpoint_heads(content[CHECKPOINT_KEY], task)
    tensors, notes = backbone_tensors(task, heads)
    if adapters := content[CHECKPOINT_KEY].get("adapters"):
        try:
            tensors = merge_lora(tensors, adapters)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}: incomplete adapters ({error}); expected all of them; use another checkpoint"
            ) from None
    check_tensors(str(path), config, tensors, described_by="its decoder entry", stored_name=BACKBONE.__add__)
    layout = "gpt_toolkit checkpoint"
    training = training_record(content)
    return StoredModel(
        layout,
        config,
        tensors,
        tokenizer,
        path,
        (path,),
        notes,
        release=file.release,
        heads=heads,
        training=training,
    )


def training_record(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint records of its training, as plain types for a model card.

    Args:
        content: The checkpoint, or the file next to the tensors of a sharded one.
    """
    record = content[CHECKPOINT_KEY]
    writer = (content.get("callbacks") or {}).get("CheckpointWriter") or {}
    return {name: record[name] for name in _OF_TRAINING if name in record} | {
        "best_validation": writer.get("metrics_at_best") or {}
    }


def read_description(content: object, where: str) -> tuple[DecoderConfig, Mapping[str, str]]:
    """Read the config of the decoder and the tokenizer's files from a checkpoint.

    Args:
        content: The checkpoint, or the file next to the tensors of a sharded one.
        where: Name of the file, for the message.
    """
    entry: Any = content.get(CHECKPOINT_KEY) if isinstance(content, Mapping) else None
    if not isinstance(entry, Mapping):
        raise ValueError(
            f"{where}: no {CHECKPOINT_KEY!r} entry; expected a checkpoint that gpt-toolkit fit or nanoGPT "
            "wrote"
        )
    if entry.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{where}: checkpoint format {entry.get('format')!r}; expected {CHECKPOINT_FORMAT}; use "
            f"gpt_toolkit {entry.get('version')}, which wrote it"
        )
    try:
        config = DecoderConfig.from_fields(entry["decoder"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: decoder fields: {error}") from None
    tokenizer = entry.get("tokenizer") or {}
    if not isinstance(tokenizer, Mapping):  # a name or a path would be looked up on this machine
        raise ValueError(
            f"{where}: tokenizer entry of type {type(tokenizer).__name__}; expected file names and contents; "
            "use a checkpoint that gpt-toolkit fit wrote"
        )
    return config, tokenizer


def backbone_tensors(
    task: Mapping[str, LazyTensor], heads: StoredHeads | None
) -> tuple[dict[str, LazyTensor], tuple[str, ...]]:
    """Return the decoder's tensors, and a note on those that are neither the decoder's nor the heads'.

    Args:
        task: Tensors of the task by their names in its state dict.
        heads: Heads among them.
    """
    known = HEADS if heads is not None else BACKBONE
    found = {name.removeprefix(BACKBONE): t for name, t in task.items() if name.startswith(BACKBONE)}
    others = [name for name in task if not name.startswith((BACKBONE, known))]
    note = f"the task's own tensors are not part of the model: {', '.join(others[:3])}"
    note += f" and {len(others) - 3} more" if len(others) > 3 else ""
    return found, (note,) if others else ()


def merge_lora(tensors: Mapping[str, LazyTensor], adapters: Mapping[str, Any]) -> dict[str, LazyTensor]:
    """Merge low-rank adapters into a decoder's tensors; values are not read yet.

    A matrix W with an adapter acts as W + alpha / r * B A (Hu et al. 2021, eq. 3). Rows of the token
    embeddings that were trained alone are stored separately.

    Args:
        tensors: Tensors of the checkpoint; those without an adapter are returned unchanged.
        adapters: Description in the checkpoint: ``r``, ``alpha``, ``new_tokens``.
    """
    scale = float(adapters["alpha"]) / int(adapters["r"])
    merged: dict[str, LazyTensor] = {}
    for name, tensor in tensors.items():
        load: Callable[[], Tensor]
        if name == _TOKENS_BASE:
            name = "wte.weight"
            load = partial(_replace_rows, tensor, tensors[_NEW_TOKENS], list(adapters["new_tokens"]))
        elif name.endswith(f"{_BASE}.weight"):
            plain = name.removesuffix(f"{_BASE}.weight")
            name = f"{plain}.weight"
            load = partial(_add_product, tensor, tensors[plain + _A], tensors[plain + _B], scale)
        elif name == _NEW_TOKENS or name.endswith((_A, _B)):
            continue
        else:
            merged[name.replace(_BASE, "")] = tensor
            continue
        merged[name] = LazyTensor(load, tensor.stored_shape, tensor.stored_dtype)
    return merged


def _add_product(base: LazyTensor, a: LazyTensor, b: LazyTensor, scale: float) -> Tensor:
    product = b.to(torch.float32).read() @ a.to(torch.float32).read()  # (out, in)
    return torch.add(base.to(torch.float32).read(), product, alpha=scale).to(base.stored_dtype)


def _replace_rows(base: LazyTensor, rows: LazyTensor, ids: list[int]) -> Tensor:
    merged = base.read().clone()  # what was read may be the file's own memory
    merged[ids] = rows.read()
    return merged
