"""MODEL, as the command line takes it: anybody's files of a GPT, or an id of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.folder_writer import CONFIG, WEIGHTS
from gpt_toolkit.checkpoints.hub_models import OLD_HUB_IDS, downloaded, is_hub_id
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel
from gpt_toolkit.checkpoints.model_folder import is_model_folder, open_model_folder
from gpt_toolkit.checkpoints.nanogpt import is_nanogpt, open_nanogpt
from gpt_toolkit.checkpoints.openai_gpt1 import is_openai_gpt1, open_openai_gpt1
from gpt_toolkit.checkpoints.openai_gpt2 import is_openai_gpt2, open_openai_gpt2
from gpt_toolkit.checkpoints.torch_pickle import PickledFile
from gpt_toolkit.checkpoints.training_checkpoint import (
    CHECKPOINT_FORMAT,
    CHECKPOINT_KEY,
    is_checkpoint,
    is_sharded,
    open_checkpoint,
)

__all__ = [
    "CHECKPOINT_FORMAT",
    "CHECKPOINT_KEY",
    "SavedModel",
    "open_model",
    "read_checkpoint",
    "read_model",
    "read_stored",
]


def _open_sharded(folder: Path) -> StoredModel:
    """The decoder in a checkpoint of ours in shards."""
    from gpt_toolkit.checkpoints import sharded_checkpoint

    return sharded_checkpoint.open_sharded(folder)


_FOLDERS = (
    (is_sharded, _open_sharded),
    (is_openai_gpt1, open_openai_gpt1),
    (is_openai_gpt2, open_openai_gpt2),
    (is_model_folder, open_model_folder),
)
"""The layouts of folders: how each is known, how it is opened; the first that fits is taken."""


@dataclass(frozen=True)
class SavedModel:
    """What a MODEL holds.

    Attributes:
        config: Of the decoder.
        state_dict: Tensors, as in ``Decoder.state_dict()``.
        tokenizer: The folder that holds the tokenizer's files, their names and contents (none: there is no
            tokenizer), or the name of a published tokenizer.
        source: The folder or file that was read.
        notes: What somebody who uses the model must know, a sentence each.
    """

    config: DecoderConfig
    state_dict: dict[str, Tensor]
    tokenizer: Path | Mapping[str, str] | str
    source: Path
    notes: tuple[str, ...] = ()


def read_model(
    model: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> SavedModel:
    """Read a decoder from wherever MODEL says; memory holds its weights once.

    Args:
        model: As :func:`open_model` takes it.
        dtype: Type of the tensors; the stored one unless given.
        device: Where they are to lie.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If what is there is not one, or is damaged.
    """
    return read_stored(open_model(model), dtype=dtype, device=device)


def read_checkpoint(
    path: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> SavedModel:
    """Read the decoder out of a training checkpoint of ours; the optimizer's state is not touched.

    Raises:
        ValueError: If the file is damaged, holds anything but plain types, or is not a checkpoint of ours.
    """
    return read_stored(open_checkpoint(PickledFile(Path(path))), dtype=dtype, device=device)


def open_model(model: str | Path) -> StoredModel:
    """Find a model, read its shape and check its tensors' against it; values are not read yet.

    Args:
        model: A model folder, one of our checkpoints (a file, or a folder of shards), the folder of OpenAI's
            GPT-1 or GPT-2 files, nanoGPT's ``ckpt.pt``, or a hub id such as ``gpt2`` or ``owner/name``.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If what is there is not one, or is damaged.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return _open_file(path)
    if path.is_dir():
        return _open_folder(path)
    if is_hub_id(str(model)):
        return open_model_folder(downloaded(str(model)))
    known = ", ".join(OLD_HUB_IDS[:5])
    raise FileNotFoundError(
        f"{model}: no such folder or file, nor an id of the hub; expected a model folder, a .ckpt, "
        f"one of {known}, or owner/name"
    )


def _open_file(path: Path) -> StoredModel:
    if any(is_layout(path.parent) for is_layout, _ in _FOLDERS) and path.suffix not in (".ckpt", ".pt"):
        raise ValueError(f"{path}: is one file of a model; give its folder, {path.parent}")
    file = PickledFile(path)
    if is_nanogpt(file.content) and not is_checkpoint(file.content):
        return open_nanogpt(file)
    return open_checkpoint(file)


def _open_folder(path: Path) -> StoredModel:
    for is_layout, open_layout in _FOLDERS:
        if is_layout(path):
            return open_layout(path)
    if (path / "model" / CONFIG).is_file():
        raise ValueError(f"{path}: is the folder of a run; its model is {path / 'model'}")
    raise FileNotFoundError(
        f"{path}: holds no model; expected {CONFIG} and {WEIGHTS} (Hugging Face), hparams.json and "
        "model.ckpt.index (OpenAI's GPT-2), params_shapes.json (OpenAI's GPT-1), or .metadata and meta.pt (a "
        "sharded checkpoint)"
    )


def read_stored(
    model: StoredModel, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> SavedModel:
    """Read the values of a model that was opened before; arguments as for :func:`read_model`."""
    tensors = model.read(dtype=dtype, device=device)
    return SavedModel(model.config, tensors, model.tokenizer, model.source, model.notes)
