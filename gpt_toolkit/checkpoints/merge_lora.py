"""Low-rank adapters in a training checkpoint: read as the matrices that they make of the decoder's own.

The names are peft's. A matrix W with an adapter acts as W + alpha / r · B A (Hu et al. 2021, eq. 3); rows of
the token embeddings that were trained alone are kept beside the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.checkpoints.lazy_tensor import StoredTensor

_BASE = ".base_layer"
_A, _B = ".lora_A.default.weight", ".lora_B.default.weight"
_ROWS, _ROWS_BASE = "wte.token_adapter.trainable_tokens_delta.default", "wte.token_adapter.base_layer.weight"


def merged(tensors: Mapping[str, StoredTensor], about: Mapping[str, Any]) -> dict[str, StoredTensor]:
    """A decoder's tensors, under its plain names, out of those of one with adapters.

    Args:
        tensors: As a checkpoint has them; what belongs to no adapter is given on as it is.
        about: What the checkpoint says of the adapters: ``r``, ``alpha``, ``new_tokens``.

    Raises:
        KeyError: If a part of an adapter is missing.
    """
    found: dict[str, StoredTensor] = {}
    scale = float(about["alpha"]) / int(about["r"])
    for name, tensor in tensors.items():
        if name == _ROWS_BASE:
            replaced = partial(_with_rows, tensor, tensors[_ROWS], list(about["new_tokens"]))
            found["wte.weight"] = _made(replaced, tensor)
        elif name.endswith(f"{_BASE}.weight"):
            adapted = name.removesuffix(f"{_BASE}.weight")
            summed = partial(_sum, tensor, tensors[adapted + _A], tensors[adapted + _B], scale)
            found[f"{adapted}.weight"] = _made(summed, tensor)
        elif name != _ROWS and not name.endswith((_A, _B)):
            found[name.replace(_BASE, "")] = tensor
    return found


def _made(make: Callable[[], Tensor], like: StoredTensor) -> StoredTensor:
    def rows() -> Iterator[Tensor]:
        yield make()

    return StoredTensor(rows, like.stored_shape, like.stored_dtype)


def _sum(base: StoredTensor, a: StoredTensor, b: StoredTensor, scale: float) -> Tensor:
    added = b.to(torch.float32).read() @ a.to(torch.float32).read()  # (out, in)
    return torch.add(base.to(torch.float32).read(), added, alpha=scale).to(base.stored_dtype)


def _with_rows(base: StoredTensor, rows: StoredTensor, ids: list[int]) -> Tensor:
    whole = base.read().clone()  # what was read may be the file's own memory
    whole[ids] = rows.read()
    return whole
