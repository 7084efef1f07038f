"""MODEL of the command line: files of any GPT in a known layout, or an id of the Hugging Face hub."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from gpt_toolkit.checkpoints.hf_config import OLD_HUB_IDS
from gpt_toolkit.checkpoints.hf_folder import (
    CONFIG,
    WEIGHTS,
    has_safetensors,
    is_model_folder,
    open_model_folder,
)
from gpt_toolkit.checkpoints.nanogpt import is_nanogpt, open_nanogpt
from gpt_toolkit.checkpoints.openai_gpt1 import is_openai_gpt1, open_openai_gpt1
from gpt_toolkit.checkpoints.openai_gpt2 import is_openai_gpt2, open_openai_gpt2
from gpt_toolkit.checkpoints.stored_model import StoredModel
from gpt_toolkit.checkpoints.torch_pickle import TorchFile
from gpt_toolkit.checkpoints.training_checkpoint import is_checkpoint, is_sharded, open_checkpoint
from gpt_toolkit.io import explain_read_errors

_HUB_FILES = ["*.safetensors", "*.json", "*.txt"]
_OLD_HUB_FILES = ["pytorch_model*.bin"]


def open_model(model: str | Path) -> StoredModel:
    """Open a model: read its config, and check its tensors against it. Values are not read yet.

    Args:
        model: A model folder, the folder of a run, a training checkpoint (a file, or a folder of shards), the
            folder of OpenAI's GPT-1 or GPT-2 files, nanoGPT's ``ckpt.pt``, or a hub id such as ``gpt2`` or
            ``owner/name``.

    Raises:
        FileNotFoundError: If the model does not exist.
        ValueError: If the file or folder is not a model, or is damaged.
    """
    path = Path(model).expanduser()
    with explain_read_errors(path, "use another copy of the model"):
        if path.is_file():
            return _open_file(path)
        if path.is_dir():
            return _open_folder(path)
    if _is_hub_id(str(model)):
        return open_model_folder(_download(str(model)))
    if path.name == "model" and _last_checkpoint(path.parent).exists():
        return _open_unfinished(path.parent)
    known = ", ".join(OLD_HUB_IDS[:5])
    raise FileNotFoundError(
        f"{model}: not found; expected a model folder, a .ckpt, or an id of the hub ({known}, or owner/name)"
    )


def _open_sharded(folder: Path) -> StoredModel:
    from gpt_toolkit.checkpoints import sharded_checkpoint  # imports torch.distributed

    return sharded_checkpoint.open_sharded(folder)


_FOLDERS = (  # the first layout that fits is taken
    (is_sharded, _open_sharded),
    (is_openai_gpt1, open_openai_gpt1),
    (is_openai_gpt2, open_openai_gpt2),
    (is_model_folder, open_model_folder),
)


def _open_file(path: Path) -> StoredModel:
    if path.suffix not in (".ckpt", ".pt") and any(is_layout(path.parent) for is_layout, _ in _FOLDERS):
        raise ValueError(f"{path}: one file of a model; expected its folder; give {path.parent}")
    file = TorchFile(path)
    if is_nanogpt(file.content) and not is_checkpoint(file.content):
        return open_nanogpt(file)
    return open_checkpoint(file)


def _open_folder(path: Path) -> StoredModel:
    for is_layout, open_layout in _FOLDERS:
        if is_layout(path):
            return open_layout(path)
    if (path / "model" / CONFIG).is_file():
        return open_model_folder(path / "model")
    if _last_checkpoint(path).exists():
        return _open_unfinished(path)
    raise FileNotFoundError(
        f"{path}: no model; expected {CONFIG} and {WEIGHTS} (Hugging Face), hparams.json and "
        "model.ckpt.index (OpenAI's GPT-2), params_shapes.json (OpenAI's GPT-1), or .metadata and meta.pt (a "
        "sharded checkpoint)"
    )


def _last_checkpoint(run: Path) -> Path:
    return run / "checkpoints" / "last.ckpt"


def _open_unfinished(run: Path) -> StoredModel:
    """Open the last checkpoint of a run that has not ended, which has no model folder yet."""
    last = _last_checkpoint(run)
    stored = open_model(last)
    note = f"{run / 'model'} is written when the run ends; taking {last}"
    return replace(stored, notes=(note, *stored.notes))


def _is_hub_id(model: str) -> bool:
    """Return whether a MODEL that is not a path may be an id of the hub."""
    known_suffix = model.endswith((".ckpt", ".pt", ".bin", ".safetensors"))
    owner_and_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", model)
    return not known_suffix and (model in OLD_HUB_IDS or owner_and_name is not None)


def _download(model: str) -> Path:
    """Return the folder of a hub model, downloaded unless it is in the hub's cache.

    Raises:
        FileNotFoundError: If the download fails. The message says how to place the files by hand.
    """
    by_hand = f"download its {CONFIG}, {WEIGHTS} and tokenizer files elsewhere and give their folder"
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise FileNotFoundError(
            f"{model}: folder not found, and huggingface_hub is not installed; expected one of them; run pip "
            f"install huggingface_hub, or {by_hand}"
        ) from None
    try:
        folder = Path(snapshot_download(model, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]))
        if not has_safetensors(folder):
            patterns = [*_HUB_FILES, *_OLD_HUB_FILES]
            folder = Path(snapshot_download(model, allow_patterns=patterns, ignore_patterns=["*/*"]))
    except Exception as error:  # the hub's, the HTTP library's and the system's errors share no base
        reason = re.split(r"\n|(?<=\w)\. ", str(error).strip())[0]  # the first sentence
        raise FileNotFoundError(
            f"{model}: folder not found, download failed ({type(error).__name__}: {reason}); expected a "
            f"folder or an id of the Hugging Face hub; {by_hand}"
        ) from None
    return folder
