"""OpenAI's GPT-2 checkpoints: ``checkpoint``, ``hparams.json``, ``model.ckpt.index`` and ``.data``.

As openai/gpt-2's download_model.py fetches them, and as fine-tuning scripts around it write them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints import tf_checkpoint
from gpt_toolkit.checkpoints.hugging_face import is_transposed
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel
from gpt_toolkit.checkpoints.openai_common import BLOCK_PARTS, tokenizer_place
from gpt_toolkit.checkpoints.tensor_checks import check_tensors, is_file_name

_HPARAMS = "hparams.json"
_FIELDS = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_ctx",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
_OUTSIDE_BLOCKS = {
    "wte.weight": "wte",
    "wpe.weight": "wpe",
    "ln_f.weight": "ln_f/g",
    "ln_f.bias": "ln_f/b",
}
_SCOPE = "model/"
_TOKENIZER = ("vocab.bpe", "encoder.json")
_RELEASED_IDS = 50_257


def is_openai_gpt2(folder: Path) -> bool:
    """Whether a folder holds such a checkpoint, or part of one."""
    return (folder / _HPARAMS).is_file() or any(folder.glob("*.index"))


def open_openai_gpt2(folder: Path) -> StoredModel:
    """The model in such a folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or shape and tensors do not agree.
    """
    hparams = folder / _HPARAMS
    config = _config(hparams)
    prefix = _prefix(folder)
    stored, files = tf_checkpoint.stored_tensors(prefix)
    names = _names(max(config.n_layer, _n_layer(stored)))
    ours = {theirs: name for name, theirs in names.items()}
    tensors, surplus, left_out = {}, [], 0
    for theirs, tensor in stored.items():
        if theirs in ours:
            name = ours[theirs]
            tensors[name] = tensor.t() if is_transposed(name) else tensor
        elif theirs.startswith(_SCOPE) and "/adam" not in theirs.lower():
            surplus.append(theirs)
        else:
            left_out += 1  # the step and the optimizer's state of a fine-tuning run
    check_tensors(
        str(prefix.with_name(prefix.name + ".index")),
        config,
        tensors,
        described_by=_HPARAMS,
        stored_name=lambda name: names.get(name, name),
        surplus=surplus,
    )
    known = "gpt2" if config.vocab_size == _RELEASED_IDS else None
    notes = (
        (f"{left_out} variables outside the model, such as the optimizer's, are left out",)
        if left_out
        else ()
    )
    return StoredModel(
        "OpenAI's GPT-2 checkpoint (TensorFlow)",
        config,
        tensors,
        tokenizer_place(folder, _TOKENIZER, known),
        folder,
        (hparams, *files),
        notes,
    )


def _names(n_layer: int) -> dict[str, str]:
    names = dict(_OUTSIDE_BLOCKS)
    for layer in range(n_layer):
        names |= {f"h.{layer}.{ours}": f"h{layer}/{theirs}" for ours, theirs in BLOCK_PARTS.items()}
    return {ours: _SCOPE + theirs for ours, theirs in names.items()}


def _n_layer(stored: dict[str, Any]) -> int:
    found = (re.match(rf"{_SCOPE}h(\d+)/", name) for name in stored)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _config(path: Path) -> DecoderConfig:
    try:
        hparams = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; OpenAI's releases have one, with {', '.join(_FIELDS)}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from None
    values = hparams if isinstance(hparams, dict) else {}
    if missing := [name for name in _FIELDS if not isinstance(values.get(name), int)]:
        raise ValueError(f"{path}: has no whole number for {', '.join(missing)}")
    shape = {ours: values[theirs] for theirs, ours in _FIELDS.items()}
    try:
        return DecoderConfig.from_preset("gpt2", **shape)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _prefix(folder: Path) -> Path:
    """Path of the checkpoint that is current, without its endings."""
    found = sorted(path.name.removesuffix(".index") for path in folder.glob("*.index"))
    state = folder / "checkpoint"
    text = state.read_text(encoding="utf-8", errors="replace") if state.is_file() else ""
    if named := re.search(r'^model_checkpoint_path: "([^"]+)"', text, re.MULTILINE):
        name = Path(
            named[1].replace("\\", "/")
        ).name  # the folder is the writer's, perhaps on another machine
        if is_file_name(name) and (name in found or len(found) != 1):
            return folder / name
    if len(found) != 1:
        what = (
            "holds no .index file" if not found else f"holds {len(found)} checkpoints: {', '.join(found[:3])}"
        )
        raise ValueError(f"{folder}: {what}, and no file named checkpoint says which is meant")
    return folder / found[0]
