"""Checkpoints of nanoGPT (karpathy/nanoGPT: train.py, model.py) and build-nanogpt (train_gpt2.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_tensors import match_tensors, unwrap
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, tensor_shapes
from gpt_toolkit.checkpoints.torch_pickle import PlainFields, TorchFile

_FIELDS = {
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
    "block_size": "n_ctx",
    "vocab_size": "vocab_size",
}
_GPT2_SIZES = (50_257, 50_304)  # model.py, GPTConfig.vocab_size: padded to a multiple of 64
_GELU_NOTE = (
    "nanoGPT computes the exact GELU, this toolkit and what it writes the tanh form of both papers: logits "
    "differ from nanoGPT's own by about 1e-3"
)
_NO_BIAS_NOTE = "the model has no biases: they are zeros here, which gives the same numbers"


def is_nanogpt(content: object) -> bool:
    """Return whether a file's content is a checkpoint of nanoGPT or build-nanogpt."""
    if not isinstance(content, Mapping) or "model" not in content:
        return False
    return "model_args" in content or isinstance(content.get("config"), PlainFields)


def open_nanogpt(file: TorchFile) -> StoredModel:
    """Open the model in nanoGPT's or build-nanogpt's checkpoint; the optimizer's state is not read.

    A model without biases gets zeros, which give the same numbers. Padding of the vocabulary stays, so that
    all logits are the same.

    Raises:
        ValueError: If the model's settings and tensors do not agree.
    """
    where = str(file.path)
    has_args = "model_args" in file.content
    described_by = "model_args" if has_args else "config"
    args = file.content[described_by] if has_args else vars(file.content["config"])
    state_dict = file.content["model"]
    if not isinstance(args, Mapping) or not isinstance(state_dict, Mapping):
        raise ValueError(
            f"{where}: model_args and model are expected to be dicts, as nanoGPT's train.py writes them"
        )
    config = _config(args, where, described_by)
    names = [name for name, value in state_dict.items() if isinstance(value, Tensor)]
    stored = unwrap({name: file.tensor("model", name) for name in names}, where)
    notes = [_GELU_NOTE] if has_args else []
    if args.get("bias") is False:
        notes.append(_NO_BIAS_NOTE)
        dtype = next((tensor.dtype for tensor in stored.values()), torch.float32)
        for name, shape in tensor_shapes(config).items():
            if name.endswith(".bias"):
                stored.setdefault(f"transformer.{name}", LazyTensor.of(torch.zeros(shape, dtype=dtype)))
    tensors, head_notes = match_tensors(stored, config, where, described_by, transposed=False)
    return StoredModel(
        "nanoGPT checkpoint" if has_args else "build-nanogpt checkpoint",
        config,
        tensors,
        "gpt2" if config.vocab_size in _GPT2_SIZES else {},
        file.path,
        (file.path,),
        (*notes, *head_notes),
        exact_gelu=has_args,  # build-nanogpt: train_gpt2.py, MLP has the tanh form
        release=file.release,
    )


def _config(args: Mapping[str, Any], where: str, described_by: str) -> DecoderConfig:
    missing = [name for name in _FIELDS if not isinstance(args.get(name), int)]
    if missing:
        raise ValueError(f"{where}: {described_by} has no whole number for {', '.join(missing)}")
    dropout = float(args.get("dropout") or 0.0)
    try:
        return DecoderConfig.from_preset(
            "gpt2",
            **{ours: args[theirs] for theirs, ours in _FIELDS.items()},
            **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), dropout),
            wpe_std=0.02,  # nanoGPT: model.py, _init_weights
        )
    except ValueError as error:
        raise ValueError(f"{where}: {described_by}: {error}") from None
