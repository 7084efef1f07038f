"""nanoGPT's ``ckpt.pt`` (karpathy/nanoGPT: train.py, model.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.lazy_tensor import StoredModel, StoredTensor, equal, in_memory
from gpt_toolkit.checkpoints.tensor_checks import check_tensors, tensor_shapes
from gpt_toolkit.checkpoints.torch_pickle import PickledFile

_COMPILED = "_orig_mod."
_BODY = "transformer."
_LM_HEAD = "lm_head.weight"
_FIELDS = {
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
    "block_size": "n_ctx",
    "vocab_size": "vocab_size",
}
_GPT2_IDS = 50_257
_PADDED_IDS = 50_304
"""nanoGPT pads GPT-2's vocabulary to a multiple of 64 (model.py, GPTConfig.vocab_size)."""
_GELU_NOTE = (
    "nanoGPT computes the exact GELU, this toolkit and what it writes the tanh form of both papers: logits "
    "differ from nanoGPT's own by about 1e-3"
)


def is_nanogpt(content: object) -> bool:
    """Whether a file's content is nanoGPT's."""
    return isinstance(content, Mapping) and {"model", "model_args"} <= content.keys()


def open_nanogpt(file: PickledFile) -> StoredModel:
    """The model in nanoGPT's checkpoint; the optimizer's state is not touched.

    Biases that a bias-free model lacks are zeros here, which gives the same numbers. Rows that pad the
    vocabulary are kept, so that all logits are the same.

    Raises:
        ValueError: If ``model_args`` and tensors do not agree.
    """
    path, where = file.path, str(file.path)
    args, state_dict = file.content["model_args"], file.content["model"]
    if not isinstance(args, Mapping) or not isinstance(state_dict, Mapping):
        raise ValueError(
            f"{where}: model_args and model are expected to be dicts, as nanoGPT's train.py writes them"
        )
    config = _config(args, where)
    tensors: dict[str, StoredTensor] = {}
    surplus = []
    for name, value in state_dict.items():
        plain = name.replace(_COMPILED, "")
        if not isinstance(value, Tensor):
            surplus.append(name)
        elif plain == _LM_HEAD or plain.startswith(_BODY):
            ours = plain.removeprefix(_BODY)
            tensors[ours] = file.stored(lambda content, name=name: content["model"][name])  # type: ignore[misc]
        else:
            surplus.append(name)
    expected = tensor_shapes(config)
    for mask in [name for name in tensors if name.endswith(".attn.bias")]:
        del tensors[mask]  # the causal mask, a buffer where torch lacks flash attention
    output = tensors.pop(_LM_HEAD, None)
    if args.get("bias") is False:
        dtype = next((tensor.dtype for tensor in tensors.values()), torch.float32)
        for name, shape in expected.items():
            if name.endswith(".bias") and name not in tensors:
                tensors[name] = in_memory(torch.zeros(shape, dtype=dtype))
    check_tensors(
        where,
        config,
        tensors,
        described_by="model_args",
        stored_name=lambda ours: _BODY + ours,
        surplus=surplus,
    )
    if output is not None and not equal(output, tensors["wte.weight"]):
        raise ValueError(
            f"{where}: {_LM_HEAD} differs from {_BODY}wte.weight; an untied output matrix is not implemented"
        )
    tokenizer: str | dict[str, str] = "gpt2" if config.vocab_size in (_GPT2_IDS, _PADDED_IDS) else {}
    return StoredModel(
        "nanoGPT checkpoint",
        config,
        tensors,
        tokenizer,
        path,
        (path,),
        _notes(args),
        exact_gelu=True,
        release=file.release,
    )


def _config(args: Mapping[str, Any], where: str) -> DecoderConfig:
    missing = [name for name in _FIELDS if not isinstance(args.get(name), int)]
    if missing:
        raise ValueError(f"{where}: model_args has no whole number for {', '.join(missing)}")
    dropout = float(args.get("dropout") or 0.0)
    try:
        return DecoderConfig.from_fields(
            {
                **{ours: args[theirs] for theirs, ours in _FIELDS.items()},
                **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), dropout),
                "norm": "pre",
                "residual_init": "scaled",
                "wpe_std": 0.02,  # nanoGPT: model.py, _init_weights, draws all embeddings so
            }
        )
    except ValueError as error:
        raise ValueError(f"{where}: model_args: {error}") from None


def _notes(args: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [_GELU_NOTE]
    if args.get("bias") is False:
        notes.append("the model has no biases: they are zeros here, which gives the same numbers")
    return tuple(notes)
