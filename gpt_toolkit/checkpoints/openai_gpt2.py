"""OpenAI's GPT-2 checkpoints: ``checkpoint``, ``hparams.json``, ``model.ckpt.index`` and ``.data``.

openai/gpt-2's download_model.py downloads these files, and fine-tuning scripts built on it write them.
"""

from __future__ import annotations

import re
from pathlib import Path

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_tensors import rename_tensors
from gpt_toolkit.checkpoints.openai_gpt1 import BLOCK_PARTS, find_tokenizer
from gpt_toolkit.checkpoints.stored_model import StoredModel
from gpt_toolkit.checkpoints.tf_checkpoint import open_tensors
from gpt_toolkit.io import is_file_name, read_json

_HPARAMS = "hparams.json"
_FIELDS = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_ctx",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
_SCOPE = "model/"
_OUTSIDE_BLOCKS = {  # ours -> theirs
    "wte.weight": "model/wte",
    "wpe.weight": "model/wpe",
    "ln_f.weight": "model/ln_f/g",
    "ln_f.bias": "model/ln_f/b",
}
_TOKENIZER = ("vocab.bpe", "encoder.json")
_RELEASED_SIZE = 50_257


def is_openai_gpt2(folder: Path) -> bool:
    """Return whether a folder holds files of such a checkpoint."""
    return (folder / _HPARAMS).is_file() or any(folder.glob("*.index"))


def open_openai_gpt2(folder: Path) -> StoredModel:
    """Open the model in the folder of a checkpoint.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or config and tensors do not agree.
    """
    hparams = folder / _HPARAMS
    config = _config(hparams)
    prefix = _find_prefix(folder)
    stored, files = open_tensors(prefix)
    is_outside = {name: not name.startswith(_SCOPE) or "/adam" in name.lower() for name in stored}
    n_outside = sum(is_outside.values())  # the step and the optimizer's state of a fine-tuning run
    weights = {name: tensor for name, tensor in stored.items() if not is_outside[name]}
    tensors = rename_tensors(weights, config, _names, f"{prefix}.index", _HPARAMS)
    note = f"{n_outside} variables outside the model, such as the optimizer's, are left out"
    return StoredModel(
        "OpenAI's GPT-2 checkpoint (TensorFlow)",
        config,
        tensors,
        find_tokenizer(folder, _TOKENIZER, "gpt2" if config.vocab_size == _RELEASED_SIZE else None),
        folder,
        (hparams, *files),
        (note,) if n_outside else (),
    )


def _names(n_layer: int) -> dict[str, str]:
    """Return the name in the checkpoint of each of our tensors."""
    names = dict(_OUTSIDE_BLOCKS)
    for layer in range(n_layer):
        names |= {f"h.{layer}.{ours}": f"{_SCOPE}h{layer}/{theirs}" for ours, theirs in BLOCK_PARTS.items()}
    return names


def _config(path: Path) -> DecoderConfig:
    hparams = read_json(path, f"OpenAI's releases have one, with {', '.join(_FIELDS)}")
    values = hparams if isinstance(hparams, dict) else {}
    if missing := [name for name in _FIELDS if not isinstance(values.get(name), int)]:
        raise ValueError(f"{path}: no {', '.join(missing)}; expected a whole number for each")
    try:
        return DecoderConfig.from_preset("gpt2", **{ours: values[name] for name, ours in _FIELDS.items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _find_prefix(folder: Path) -> Path:
    """Return the path of the current checkpoint without its endings."""
    found = sorted(path.name.removesuffix(".index") for path in folder.glob("*.index"))
    state = folder / "checkpoint"
    text = state.read_text(encoding="utf-8", errors="replace") if state.is_file() else ""
    if named := re.search(r'^model_checkpoint_path: "([^"]+)"', text, re.MULTILINE):
        name = Path(named[1].replace("\\", "/")).name  # the path may be of another machine
        if is_file_name(name) and (name in found or len(found) != 1):
            return folder / name
    if len(found) == 1:
        return folder / found[0]
    what = f"{len(found)} checkpoints ({', '.join(found[:3])})" if found else "no .index file"
    raise ValueError(f"{folder}: {what}; expected one, or a file named checkpoint that names one")
