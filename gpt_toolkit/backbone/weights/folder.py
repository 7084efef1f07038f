"""Model folders: ``config.json``, ``model.safetensors`` and tokenizer files, in Hugging Face's layout."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.backbone.weights.hugging_face import (
    config_from_hugging_face,
    hugging_face_config,
    is_transposed,
    match_names,
    to_hugging_face,
    untied,
)

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_INDEX = WEIGHTS + ".index.json"
_PIECE = 1 << 24
"""Bytes of a file that are in memory at a time beside the tensors; ours: small against any model."""
_DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
}


def read_model_folder(
    folder: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> tuple[DecoderConfig, dict[str, Tensor]]:
    """Read a decoder's config and tensors, as we write them or as ``transformers`` does.

    Files are read in pieces, each tensor straight into its place: memory holds the weights once.

    Args:
        folder: Holds ``config.json`` and ``model.safetensors``, or the latter in shards with their index.
        dtype: Type of the tensors returned; the file's own unless given.
        device: Where they are to lie.

    Returns:
        The config, and tensors named and turned as in ``Decoder.state_dict()``.

    Raises:
        FileNotFoundError: If the folder or a file is missing.
        ValueError: If a file is damaged, or config and tensors do not fit each other or this toolkit.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected a folder with {CONFIG} and {WEIGHTS}")
    config = config_from_hugging_face(_read_json(folder / CONFIG), where=str(folder / CONFIG))
    places = _places(folder)
    where = str(next(iter(places.values()))) if len(set(places.values())) == 1 else str(folder / _INDEX)
    norm, names, output = match_names(places, where)
    if norm != config.norm:
        whose = {"pre": "GPT-2", "post": "GPT-1"}
        raise ValueError(
            f"{where}: holds the tensors of a {whose[norm]} decoder, {folder / CONFIG} describes a "
            f"{whose[config.norm]} one; the two do not belong together"
        )
    _check_shapes(config, names, places, where)
    tensors = {}
    for ours, theirs in names.items():
        tensors[ours] = _read_tensor(places[theirs], theirs, is_transposed(ours), dtype, device)
    if output is not None and not _equals(places[output], output, tensors["wte.weight"]):
        raise ValueError(f"{where}: {untied(output, names)}")
    return config, tensors


def write_model_folder(
    folder: str | Path,
    config: DecoderConfig,
    state_dict: Mapping[str, Tensor],
    tokenizer_files: Mapping[str, str],
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder that ``transformers`` loads too, whole or not at all.

    It is made beside its place under a temporary name, then renamed. Beside ``state_dict``, one tensor is in
    memory at a time.

    Args:
        folder: Where to; parents are made.
        config: The decoder's config.
        state_dict: ``Decoder.state_dict()``, written in its dtype.
        tokenizer_files: Names and contents of the tokenizer's files.
        overwrite: Replace a model folder that is there.
        extra: Further fields of ``config.json``; those under ``gpt_toolkit`` join ours.

    Raises:
        FileExistsError: If the folder exists and is not to be replaced, or is not a model folder.
        ValueError: If tensors and config do not fit each other.
        OSError: If writing fails; what was there before is left as it was.
    """
    folder = Path(folder).resolve()
    _check_free(folder, overwrite=overwrite)
    tensors = to_hugging_face(state_dict, config)
    fields = hugging_face_config(config)
    fields["dtype"] = str(state_dict["wte.weight"].dtype).removeprefix("torch.")
    ours = fields.pop("gpt_toolkit")
    further = dict(extra or {})
    fields |= {"gpt_toolkit": {**ours, **further.pop("gpt_toolkit", {})}, **further}
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        draft.mkdir()
        for name, content in {**tokenizer_files, CONFIG: json.dumps(fields, indent=2) + "\n"}.items():
            (draft / name).write_text(content, encoding="utf-8", newline="")
        _write_safetensors(draft / WEIGHTS, tensors)
        if folder.exists():
            folder.rename(old)
        try:
            draft.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        raise OSError(f"{folder}: could not be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def build_decoder(config: DecoderConfig, state_dict: Mapping[str, Tensor]) -> Decoder:
    """A decoder around tensors that are there, without a copy of them; in evaluation mode."""
    with torch.device("meta"):
        decoder = Decoder(config)
    decoder.load_state_dict(state_dict, assign=True)
    return decoder.eval()


def tensor_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a decoder."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}


def _check_free(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{folder}: exists already; give another folder, or say overwrite")
    inside = list(folder.iterdir()) if folder.is_dir() else None
    if inside is None or (inside and not (folder / CONFIG).is_file()) or any(p.is_dir() for p in inside):
        raise FileExistsError(
            f"{folder}: is not a model folder, so it is not overwritten; give another folder"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; a model folder holds one") from None
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: holds a {type(fields).__name__}, expected a JSON object")
    return fields


def _places(folder: Path) -> dict[str, Path]:
    """Each stored tensor's name and the file that holds it."""
    if (folder / WEIGHTS).is_file():
        with _opened(folder / WEIGHTS) as file:
            return dict.fromkeys(file.keys(), folder / WEIGHTS)
    if not (folder / _INDEX).is_file():
        pickles = sorted(p.name for p in folder.glob("*.bin"))
        if pickles:
            raise ValueError(
                f"{folder / pickles[0]}: pickled weights are not read, only {WEIGHTS}; transformers' "
                "save_pretrained writes one"
            )
        raise FileNotFoundError(f"{folder / WEIGHTS}: no such file; a model folder holds one")
    weight_map = _read_json(folder / _INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or any(Path(str(v)).name != v for v in weight_map.values()):
        raise ValueError(f"{folder / _INDEX}: expected a weight_map from tensors to files of this folder")
    promised: dict[str, set[str]] = {}
    for name, shard in weight_map.items():
        promised.setdefault(shard, set()).add(name)
    for shard, names in promised.items():
        with _opened(folder / shard) as file:
            if absent := sorted(names - set(file.keys())):
                raise ValueError(f"{folder / shard}: {_INDEX} promises {absent[0]}, which is not there")
    return {name: folder / shard for name, shard in weight_map.items()}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise ValueError(f"{path}: is cut short or not a safetensors file ({error})") from None


def _check_shapes(
    config: DecoderConfig, names: Mapping[str, str], places: Mapping[str, Path], where: str
) -> None:
    expected = tensor_shapes(config)
    n_layer = len({name.split(".")[1] for name in names if name.startswith("h.")})
    if n_layer != config.n_layer:
        raise ValueError(f"{where}: holds {n_layer} blocks, {CONFIG} says n_layer {config.n_layer}")
    by_file: dict[Path, list[str]] = {}
    for ours, theirs in names.items():
        by_file.setdefault(places[theirs], []).append(ours)
    faults = []
    for path, ours_here in by_file.items():
        with _opened(path) as file:
            for ours in ours_here:
                piece = file.get_slice(names[ours])
                shape = expected[ours][::-1] if is_transposed(ours) else expected[ours]
                if tuple(piece.get_shape()) != shape:
                    faults.append(f"{names[ours]} is {tuple(piece.get_shape())}, {CONFIG} makes it {shape}")
                elif piece.get_dtype() not in _DTYPES.values():
                    faults.append(f"{names[ours]} is of type {piece.get_dtype()}, expected floating point")
    if faults:
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError(f"{where}: {'; '.join(faults[:3])}{more}")


def _pieces(path: Path, name: str) -> Iterator[tuple[int, int, Tensor]]:
    """Rows of a stored tensor, some at a time, each with where it starts and ends.

    The file is opened anew for each piece: what is read through an open one stays in memory until it is
    closed.
    """
    with _opened(path) as file:
        rows, *others = file.get_slice(name).get_shape()
    step = max(1, _PIECE // (4 * max(1, *others, 1)))
    for start in range(0, rows, step):
        with _opened(path) as file:
            yield start, min(start + step, rows), file.get_slice(name)[start : start + step]


def _read_tensor(
    path: Path, name: str, transposed: bool, dtype: torch.dtype | None, device: torch.device | str
) -> Tensor:
    with _opened(path) as file:
        piece = file.get_slice(name)
        shape, stored = piece.get_shape(), piece.get_dtype()
    own = next(torch_type for torch_type, code in _DTYPES.items() if code == stored)
    tensor = torch.empty(shape[::-1] if transposed else shape, dtype=dtype or own, device=device)
    target = tensor.t() if transposed else tensor
    for start, end, rows in _pieces(path, name):
        target[start:end] = rows
    return tensor


def _equals(path: Path, name: str, tensor: Tensor) -> bool:
    with _opened(path) as file:
        if tuple(file.get_slice(name).get_shape()) != tuple(tensor.shape):
            return False
    return all(torch.equal(rows.to(tensor), tensor[a:b]) for a, b, rows in _pieces(path, name))


def _write_safetensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors one after another.

    The library's own writer wants all of them contiguous at once, which doubles a GPT's memory, since most
    matrices are turned.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        if tensor.dtype not in _DTYPES:
            raise ValueError(f"{name} is of type {tensor.dtype}, expected floating point")
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the first tensor to 8 bytes
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
