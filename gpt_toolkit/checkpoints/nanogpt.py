"""nanoGPT's ``ckpt.pt`` (karpathy/nanoGPT: train.py, model.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_tensors import match_tensors
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, tensor_shapes
from gpt_toolkit.checkpoints.torch_pickle import TorchFile

_COMPILED = "_orig_mod."
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
    """Return whether a file's content is a checkpoint of nanoGPT."""
    return isinstance(content, Mapping) and {"model", "model_args"} <= content.keys()


def open_nanogpt(file: TorchFile) -> StoredModel:
    """Open the model in nanoGPT's checkpoint; the optimizer's state is not read.

    A model without biases gets zeros, which give the same numbers. Padding of the vocabulary stays, so that
    all logits are the same.

    Raises:
        ValueError: If ``model_args`` and tensors do not agree.
    """
    where = str(file.path)
    args, state_dict = file.content["model_args"], file.content["model"]
    if not isinstance(args, Mapping) or not isinstance(state_dict, Mapping):
        raise ValueError(
            f"{where}: model_args and model are expected to be dicts, as nanoGPT's train.py writes them"
        )
    config = _config(args, where)
    stored = {
        name.replace(_COMPILED, ""): file.tensor("model", name)
        for name, value in state_dict.items()
        if isinstance(value, Tensor)
    }
    notes = [_GELU_NOTE]
    if args.get("bias") is False:
        notes.append(_NO_BIAS_NOTE)
        dtype = next((tensor.dtype for tensor in stored.values()), torch.float32)
        for name, shape in tensor_shapes(config).items():
            if name.endswith(".bias"):
                stored.setdefault(f"transformer.{name}", LazyTensor.of(torch.zeros(shape, dtype=dtype)))
    tensors = match_tensors(stored, config, where, "model_args", transposed=False)
    return StoredModel(
        "nanoGPT checkpoint",
        config,
        tensors,
        "gpt2" if config.vocab_size in _GPT2_SIZES else {},
        file.path,
        (file.path,),
        tuple(notes),
        exact_gelu=True,
        release=file.release,
    )


def _config(args: Mapping[str, Any], where: str) -> DecoderConfig:
    missing = [name for name in _FIELDS if not isinstance(args.get(name), int)]
    if missing:
        raise ValueError(f"{where}: model_args has no whole number for {', '.join(missing)}")
    dropout = float(args.get("dropout") or 0.0)
    try:
        return DecoderConfig.from_preset(
            "gpt2",
            **{ours: args[theirs] for theirs, ours in _FIELDS.items()},
            **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), dropout),
            wpe_std=0.02,  # nanoGPT: model.py, _init_weights
        )
    except ValueError as error:
        raise ValueError(f"{where}: model_args: {error}") from None
