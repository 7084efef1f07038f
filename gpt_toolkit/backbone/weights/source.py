"""MODEL, as the command line takes it: a model folder, a ``.ckpt`` or an id of the Hugging Face hub."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.weights.folder import CONFIG, WEIGHTS, read_model_folder, tensor_shapes

CHECKPOINT_KEY = "gpt_toolkit"
CHECKPOINT_FORMAT = 1
_BACKBONE = "backbone."
_OLD_HUB_IDS = ("openai-gpt", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
"""Ids without an owner that the hub still answers to."""
_HUB_FILES = ["*.safetensors", "*.json", "*.txt"]


@dataclass(frozen=True)
class SavedModel:
    """What a MODEL holds.

    Attributes:
        config: Of the decoder.
        state_dict: Tensors, as in ``Decoder.state_dict()``.
        tokenizer: The folder that holds the tokenizer's files, or their names and contents.
        source: The folder or file that was read.
    """

    config: DecoderConfig
    state_dict: dict[str, Tensor]
    tokenizer: Path | Mapping[str, str]
    source: Path


def read_model(
    model: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> SavedModel:
    """Read a decoder from wherever MODEL says.

    Args:
        model: A model folder, one of our ``.ckpt`` files, or a hub id such as ``gpt2`` or ``owner/name``.
        dtype: Type of the tensors; the stored one unless given.
        device: Where they are to lie.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If what is there is not one, or is damaged.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return read_checkpoint(path, dtype=dtype, device=device)
    if path.is_dir():
        if not (path / CONFIG).is_file() and (path / "model" / CONFIG).is_file():
            raise ValueError(f"{path}: is the folder of a run; its model is {path / 'model'}")
    elif _is_hub_id(str(model)):
        path = _downloaded(str(model))
    else:
        known = ", ".join(_OLD_HUB_IDS[:5])
        raise FileNotFoundError(
            f"{model}: no such folder or file, nor an id of the hub; expected a model folder, a .ckpt, "
            f"one of {known}, or owner/name"
        )
    config, state_dict = read_model_folder(path, dtype=dtype, device=device)
    return SavedModel(config, state_dict, path, path)


def read_checkpoint(
    path: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> SavedModel:
    """Read the decoder out of a training checkpoint of ours; the optimizer's state is not touched.

    Raises:
        ValueError: If the file is damaged, holds anything but plain types, or is not a checkpoint of ours.
    """
    path = Path(path)
    content = _unpickled(path)
    about = content.get(CHECKPOINT_KEY) if isinstance(content, dict) else None
    if not isinstance(about, dict) or not isinstance(content.get("state_dict"), dict):
        raise ValueError(
            f"{path}: is not a checkpoint of gpt_toolkit: it has no {CHECKPOINT_KEY!r} entry; expected one "
            "that gpt-toolkit fit wrote"
        )
    if about.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path}: checkpoint format {about.get('format')!r}, written by gpt_toolkit "
            f"{about.get('version')}; this version reads format {CHECKPOINT_FORMAT}"
        )
    try:
        config = DecoderConfig.from_fields(about["decoder"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its decoder fields are no use: {error}") from None
    stored = {
        name.removeprefix(_BACKBONE): tensor
        for name, tensor in content["state_dict"].items()
        if name.startswith(_BACKBONE)
    }
    _check_tensors(path, config, stored)
    # Copied out of the file's mapping: training may write the file again while the model is in use.
    state_dict = {name: tensor.to(device, dtype, copy=True) for name, tensor in stored.items()}
    return SavedModel(config, state_dict, about.get("tokenizer") or {}, path)


def _unpickled(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            begins_as_one = file.read(4) == b"PK\x03\x04"
        if begins_as_one:
            raise ValueError(f"{path}: is cut short, or is just being written; give another checkpoint")
        raise ValueError(f"{path}: is neither a checkpoint nor a model folder; nothing in it was run")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f"({found[1]}) " if found else ""
        raise ValueError(
            f"{path}: holds Python objects {what}beside tensors and plain types; refused, nothing was run"
        ) from None
    except (RuntimeError, EOFError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: is damaged or not a checkpoint ({reason})") from None


def _check_tensors(path: Path, config: DecoderConfig, stored: Mapping[str, Tensor]) -> None:
    expected = tensor_shapes(config)
    faults = [f"{_BACKBONE}{name} is missing" for name in expected if name not in stored]
    faults += [f"{_BACKBONE}{name} is surplus" for name in stored if name not in expected]
    faults += [
        f"{_BACKBONE}{name} is {tuple(stored[name].shape)}, its decoder fields make it {shape}"
        for name, shape in expected.items()
        if name in stored and tuple(stored[name].shape) != shape
    ]
    if faults:
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError(f"{path}: {'; '.join(faults[:3])}{more}")


def _is_hub_id(model: str) -> bool:
    known_suffix = model.endswith((".ckpt", ".pt", ".safetensors"))
    owner_and_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model)
    return not known_suffix and (model in _OLD_HUB_IDS or owner_and_name is not None)


def _downloaded(model: str) -> Path:
    by_hand = (
        f"download its {CONFIG}, {WEIGHTS} and tokenizer files on another machine, put them into one folder, "
        "and give that folder"
    )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise FileNotFoundError(
            f"{model}: no such folder here, and huggingface-hub, which would fetch it, is not installed; "
            f"install gpt-toolkit[hub], or {by_hand}"
        ) from None
    try:
        return Path(snapshot_download(model, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]))
    except Exception as error:  # the hub's, the HTTP library's and the system's errors share no base
        reason = str(error).strip().partition("\n")[0]
        raise FileNotFoundError(
            f"{model}: no such folder here, and the Hugging Face hub did not give it "
            f"({type(error).__name__}: {reason}); {by_hand}"
        ) from None
