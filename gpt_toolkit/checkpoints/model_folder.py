"""Model folders in Hugging Face's layout: ``config.json`` and ``model.safetensors``, or ``.bin`` files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.checkpoints import safetensors_file
from gpt_toolkit.checkpoints.folder_writer import CONFIG, WEIGHTS
from gpt_toolkit.checkpoints.hugging_face import (
    config_from_hugging_face,
    is_transposed,
    match_names,
    untied,
)
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel, StoredTensor, equal
from gpt_toolkit.checkpoints.tensor_checks import check_tensors, is_file_name
from gpt_toolkit.checkpoints.torch_pickle import PickledFile

PICKLE = "pytorch_model.bin"
HUGGING_FACE = "Hugging Face"
"""How the names of this layout begin."""


def is_model_folder(folder: Path) -> bool:
    """Whether a folder has Hugging Face's layout, or part of it."""
    return any(
        (folder / name).is_file() for name in (CONFIG, WEIGHTS, PICKLE, _index(WEIGHTS), _index(PICKLE))
    )


def has_safetensors(folder: Path) -> bool:
    """Whether its weights are there as safetensors."""
    return any((folder / name).is_file() for name in (WEIGHTS, _index(WEIGHTS)))


def open_model_folder(folder: Path) -> StoredModel:
    """The model in a folder, as we write it or as ``transformers`` does or did.

    Safetensors are preferred where both are there; either may be in shards with their index. A ``.bin`` file
    is a pickle: only tensors and plain types are read from it, nothing in it is run.

    Raises:
        FileNotFoundError: If the folder or a file is missing.
        ValueError: If a file is damaged, or config and tensors do not fit each other or this toolkit.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected a folder with {CONFIG} and {WEIGHTS}")
    config = config_from_hugging_face(_read_json(folder / CONFIG), where=str(folder / CONFIG))
    main, files = _files(folder)
    pickles: list[PickledFile] = []
    stored = _stored_tensors(files, pickles)
    where = str(main)
    norm, names, output = match_names(stored, where)
    if norm != config.norm:
        whose = {"pre": "GPT-2", "post": "GPT-1"}
        raise ValueError(
            f"{where}: holds the tensors of a {whose[norm]} decoder, {folder / CONFIG} describes a "
            f"{whose[config.norm]} one; the two do not belong together"
        )
    tensors = {
        ours: stored[theirs].t() if is_transposed(ours) else stored[theirs] for ours, theirs in names.items()
    }
    check_tensors(where, config, tensors, described_by=CONFIG, stored_name=lambda ours: names.get(ours, ours))
    if output is not None and not equal(stored[output], tensors["wte.weight"]):
        raise ValueError(f"{where}: {untied(output, names)}")
    kind = PICKLE if main.name.startswith(PICKLE) else "safetensors"
    files_of_model = tuple(dict.fromkeys((folder / CONFIG, main, *files)))

    def release() -> None:
        for file in pickles:
            file.release()

    return StoredModel(
        f"{HUGGING_FACE} ({kind})", config, tensors, folder, folder, files_of_model, release=release
    )


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
    model = open_model_folder(Path(folder))
    return model.config, model.read(dtype=dtype, device=device)


def build_decoder(config: DecoderConfig, state_dict: Mapping[str, Tensor]) -> Decoder:
    """A decoder around tensors that are there, without a copy of them; in evaluation mode."""
    with torch.device("meta"):
        decoder = Decoder(config)
    decoder.load_state_dict(state_dict, assign=True)
    return decoder.eval()


def _index(name: str) -> str:
    return f"{name}.index.json"


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


def _files(folder: Path) -> tuple[Path, dict[Path, set[str] | None]]:
    """The file that stands for the weights, and each that holds some, with what an index promises of it."""
    for name in (WEIGHTS, PICKLE):
        if (folder / name).is_file():
            return folder / name, {folder / name: None}
        index = folder / _index(name)
        if not index.is_file():
            continue
        weight_map = _read_json(index).get("weight_map")
        if not isinstance(weight_map, dict) or not all(map(is_file_name, weight_map.values())):
            raise ValueError(f"{index}: expected a weight_map from tensors to files of this folder")
        promised: dict[Path, set[str] | None] = {}
        for tensor, shard in weight_map.items():
            promised[folder / shard] = (promised.get(folder / shard) or set()) | {tensor}
        return index, promised
    raise FileNotFoundError(f"{folder / WEIGHTS}: no such file; a model folder holds it, or {PICKLE}")


def _stored_tensors(
    files: Mapping[Path, Iterable[str] | None], pickles: list[PickledFile]
) -> dict[str, StoredTensor]:
    tensors: dict[str, StoredTensor] = {}
    for path, promised in files.items():
        if path.suffix == ".bin":
            pickles.append(_pickled(path))
            here = _unpickled_tensors(pickles[-1])
        else:
            here = safetensors_file.stored_tensors(path)
        if absent := sorted(set(promised or ()) - here.keys()):
            raise ValueError(f"{path}: the index promises {absent[0]}, which is not there")
        tensors |= here if promised is None else {name: here[name] for name in promised}
    return tensors


def _pickled(path: Path) -> PickledFile:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    return PickledFile(path)


def _unpickled_tensors(file: PickledFile) -> dict[str, StoredTensor]:
    if not isinstance(file.content, Mapping):
        raise ValueError(f"{file.path}: holds a {type(file.content).__name__}, expected tensors by name")
    return {
        name: file.stored(lambda content, name=name: content[name])  # type: ignore[misc]
        for name, value in file.content.items()
        if isinstance(value, Tensor)
    }
