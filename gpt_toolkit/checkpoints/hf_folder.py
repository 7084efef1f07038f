"""Model folders in Hugging Face's layout: ``config.json`` and ``model.safetensors``, or ``.bin`` files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_config import config_from_hugging_face, hugging_face_config
from gpt_toolkit.checkpoints.hf_tensors import match_tensors, to_hugging_face, unwrap
from gpt_toolkit.checkpoints.model_card import read_training
from gpt_toolkit.checkpoints.stored_heads import (
    DATASETS,
    HEADS_FILE,
    SCORE,
    classifier_heads,
    stored_datasets,
    transformers_classifier,
)
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredHeads, StoredModel
from gpt_toolkit.checkpoints.torch_pickle import TorchFile
from gpt_toolkit.io import atomic_folder, is_file_name, read_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"
HUGGING_FACE = "Hugging Face"  # start of the layout's name
_INDEX = ".index.json"  # ending of the file that maps tensors to shards

_DTYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F64": torch.float64,
    "I64": torch.int64,  # integers and booleans are never weights, but masks of older releases
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_CODES = {dtype: code for code, dtype in _DTYPES.items() if dtype.is_floating_point}


# Reading


def is_model_folder(folder: Path) -> bool:
    """Return whether a folder holds files of this layout."""
    names = (CONFIG, WEIGHTS, PICKLE, WEIGHTS + _INDEX, PICKLE + _INDEX)
    return any((folder / name).is_file() for name in names)


def has_safetensors(folder: Path) -> bool:
    """Return whether the weights exist as safetensors."""
    return any((folder / name).is_file() for name in (WEIGHTS, WEIGHTS + _INDEX))


def open_model_folder(folder: Path) -> StoredModel:
    """Open a model folder, as this toolkit or any release of ``transformers`` writes it.

    Safetensors are preferred to ``.bin`` files. Either may be in shards with an index.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or config and tensors do not fit each other or this toolkit.
    """
    fields = _read_object(folder / CONFIG)
    config = config_from_hugging_face(fields, where=str(folder / CONFIG))
    main, shards = _find_weights(folder)
    stored: dict[str, LazyTensor] = {}
    pickles: list[TorchFile] = []
    for path, names in shards.items():
        if path.suffix == ".bin":
            file, in_file = _pickled(path)
            pickles.append(file)
        else:
            in_file = _safetensors(path)
        if absent := sorted((names or set()) - in_file.keys()):
            raise ValueError(f"{path}: no tensor {absent[0]}; expected it, because the index lists it")
        stored |= {name: in_file[name] for name in names or in_file}

    heads, stored, head_notes = _read_heads(folder, fields, unwrap(stored, str(main)))
    tensors, notes = match_tensors(stored, config, str(main), str(folder / CONFIG))

    def release() -> None:
        for file in pickles:
            file.release()

    layout = f"{HUGGING_FACE} ({PICKLE if pickles else 'safetensors'})"
    head_files = [path for path in (folder / HEADS_FILE,) if path.is_file()]
    files = tuple(dict.fromkeys((folder / CONFIG, main, *shards, *head_files)))
    notes = (*notes, *head_notes)
    return StoredModel(
        layout,
        config,
        tensors,
        folder,
        folder,
        files,
        notes,
        release=release,
        heads=heads,
        training=read_training(folder),
    )


def _read_heads(
    folder: Path, fields: Mapping[str, Any], stored: dict[str, LazyTensor]
) -> tuple[StoredHeads | None, dict[str, LazyTensor], tuple[str, ...]]:
    """Return the heads of a folder, the tensors without a classifier's head, and notes.

    Raises:
        ValueError: If the file of the heads is damaged or missing.
    """
    score = next((name for name in stored if f".{name}".endswith(f".{SCORE}")), None)
    others = {name: tensor for name, tensor in stored.items() if name != score}
    try:
        datasets = stored_datasets(fields.get("gpt_toolkit", {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / CONFIG}: its datasets are not valid: {error!r}") from None
    if datasets:  # score.weight follows from the heads
        has_heads = any(one.has_head for one in datasets.values())
        tensors = _safetensors(folder / HEADS_FILE) if has_heads else {}
        return StoredHeads(datasets, tensors), others, ()
    if score is None:
        return None, stored, ()
    try:
        return classifier_heads(stored[score], fields), others, ()
    except (TypeError, ValueError) as reason:
        return None, others, (f"the head of another task is left out: {score}: {reason}",)


def _read_object(path: Path) -> dict[str, Any]:
    fields = read_json(path, "a model folder holds one")
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: {type(fields).__name__}; expected a JSON object")
    return fields


def _find_weights(folder: Path) -> tuple[Path, dict[Path, set[str] | None]]:
    """Find the files of weights.

    Returns:
        The single file or the index; each file with the tensors that the index promises of it, or None.
    """
    for name in (WEIGHTS, PICKLE):
        if (folder / name).is_file():
            return folder / name, {folder / name: None}
        index = folder / (name + _INDEX)
        if not index.is_file():
            continue
        weight_map = _read_object(index).get("weight_map")
        if not isinstance(weight_map, dict) or not all(map(is_file_name, weight_map.values())):
            raise ValueError(
                f"{index}: no valid weight_map; expected one from tensors to files of this folder"
            )
        shards: dict[Path, set[str] | None] = {}
        for tensor, shard in weight_map.items():
            shards[folder / shard] = (shards.get(folder / shard) or set()) | {tensor}
        return index, shards
    raise FileNotFoundError(f"{folder}: no weights; expected {WEIGHTS} or {PICKLE}")


def _pickled(path: Path) -> tuple[TorchFile, dict[str, LazyTensor]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; expected a file of weights")
    file = TorchFile(path)
    if not isinstance(file.content, Mapping):
        raise ValueError(f"{path}: {type(file.content).__name__}; expected tensors by name")
    return file, {
        name: file.tensor(name) for name, value in file.content.items() if isinstance(value, Tensor)
    }


def _safetensors(path: Path) -> dict[str, LazyTensor]:
    tensors = {}
    with _open_safetensors(path) as file:
        for name in file.keys():  # noqa: SIM118 the file is not a dict
            piece = file.get_slice(name)
            if (code := piece.get_dtype()) not in _DTYPES:
                raise ValueError(
                    f"{path}: {name} of type {code}; expected one of {', '.join(_CODES.values())}"
                )
            load = partial(_load_safetensor, path, name)
            tensors[name] = LazyTensor(load, tuple(piece.get_shape()), _DTYPES[code])
    return tensors


def _load_safetensor(path: Path, name: str) -> Tensor:
    # Opened for each tensor: what is read through an open file stays in memory until it is closed.
    with _open_safetensors(path) as file:
        tensor: Tensor = file.get_tensor(name)
    return tensor


@contextlib.contextmanager
def _open_safetensors(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; expected a file of weights") from None
    except SafetensorError as error:
        raise ValueError(
            f"{path}: {error}; expected a complete safetensors file; copy or download it again"
        ) from None


# Writing


def write_model_folder(
    folder: str | Path,
    config: DecoderConfig,
    state_dict: Mapping[str, Tensor],
    tokenizer_files: Mapping[str, str],
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
    heads: StoredHeads | None = None,
) -> None:
    """Write a model folder that ``transformers`` loads too, completely or not at all.

    Memory holds one tensor in addition to ``state_dict``.

    Args:
        folder: The folder to write; its parents are created.
        config: Config of the decoder.
        state_dict: ``Decoder.state_dict()``, written in its dtype.
        tokenizer_files: Names and contents of the tokenizer's files.
        overwrite: Replace an existing model folder.
        extra: Further fields of ``config.json``; fields under ``gpt_toolkit`` are merged.
        heads: Heads of fine-tuning, if any.

    Raises:
        FileExistsError: If the folder exists and ``overwrite`` is not set, or it is not a model folder.
        ValueError: If tensors and config do not fit each other, or a name is not a plain file name.
        OSError: If writing fails; an existing folder stays unchanged.
    """
    tensors = {name: LazyTensor.of(tensor) for name, tensor in state_dict.items()}
    with new_model_folder(folder, overwrite=overwrite) as partial_folder:
        write_model_files(partial_folder, config, tensors, tokenizer_files, extra=extra, heads=heads)


@contextlib.contextmanager
def new_model_folder(folder: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which becomes the model folder when the block succeeds.

    Raises:
        FileExistsError: See :func:`check_replaceable`.
        OSError: If writing fails; an existing folder stays unchanged.
    """
    folder = Path(folder).expanduser().resolve()
    check_replaceable(folder, overwrite=overwrite)
    try:
        with atomic_folder(folder, replace=True) as partial_folder:
            yield partial_folder
    except OSError as error:
        if error.errno is None or not _is_about(folder, error):
            raise
        raise OSError(
            f"{folder}: {error.strerror or error}; expected a folder that can be written"
        ) from error


def _is_about(folder: Path, error: OSError) -> bool:
    """Return whether an error comes from writing the folder, not from reading what is written to it."""
    if not isinstance(error.filename, str | Path):
        return True
    path = Path(error.filename)
    temporary = f"{folder.name}.{os.getpid()}."
    return path in (folder, *folder.parents) or any(
        place.parent == folder.parent and place.name.startswith(temporary) for place in (path, *path.parents)
    )


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Check that a folder does not exist, or is a model folder that may be overwritten.

    Raises:
        FileExistsError: If it exists and ``overwrite`` is not set, or it is not a model folder.
    """
    if not folder.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"{folder}: exists; expected a new folder; give another, or --overwrite (from Python "
            "overwrite=True)"
        )
    inside = list(folder.iterdir()) if folder.is_dir() else None
    if inside is None or (inside and not (folder / CONFIG).is_file()) or any(p.is_dir() for p in inside):
        raise FileExistsError(
            f"{folder}: other files; expected a model folder, which alone is overwritten; give another folder"
        )


def write_model_files(
    folder: Path,
    config: DecoderConfig,
    tensors: Mapping[str, LazyTensor],
    tokenizer_files: Mapping[str, str],
    *,
    extra: Mapping[str, Any] | None = None,
    heads: StoredHeads | None = None,
    advance: Callable[[int], None] = lambda n_bytes: None,
) -> None:
    """Write the files of a model folder as :func:`write_model_folder` does, reading one tensor after another.

    ``advance`` receives the number of bytes of each tensor that has been written.
    """
    for name in tokenizer_files:
        if not is_file_name(name):
            raise ValueError(f"tokenizer file: {name!r}; expected a file name without a folder; rename it")
    stored = to_hugging_face(tensors, config)
    fields = hugging_face_config(config)
    fields["dtype"] = str(tensors["wte.weight"].dtype).removeprefix("torch.")
    more = dict(extra or {})
    ours = {**fields["gpt_toolkit"], **more.get("gpt_toolkit", {})}
    if heads is not None:
        with contextlib.suppress(ValueError):  # transformers has no such head
            score, described = transformers_classifier(heads, config, tensors)
            stored |= {SCORE: LazyTensor.of(score)}
            more = {"pad_token_id": more.get("bos_token_id"), **more, **described}
        if heads.has_special_tokens:
            ours[DATASETS] = {name: one.to_fields() for name, one in heads.datasets.items()}
            if heads.tensors:
                _write_safetensors(folder / HEADS_FILE, heads.tensors, lambda n_bytes: None)
    more["gpt_toolkit"] = ours
    texts = {**tokenizer_files, CONFIG: json.dumps(fields | more, indent=2) + "\n"}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    _write_safetensors(folder / WEIGHTS, stored, advance)


def _write_safetensors(path: Path, tensors: Mapping[str, LazyTensor], advance: Callable[[int], None]) -> None:
    """Write tensors one after another.

    The library's own writer needs all of them contiguous at once. That doubles a GPT's memory, because most
    matrices are transposed.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in _CODES:
            raise ValueError(f"{name}: type {tensor.dtype}; expected floating point")
        start, end = end, end + tensor.n_bytes
        shape = list(tensor.shape)
        header[name] = {"dtype": _CODES[tensor.dtype], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the first tensor to 8 bytes
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.read().contiguous().cpu().view(torch.uint8).numpy().data)
            advance(tensor.n_bytes)
