"""A decoder in int8 for generation and scoring on a CPU, which reads a quarter of fp32's bytes per token.

Weights are quantized once, symmetrically, with one scale for each output. The input of each product is
quantized when it is computed, with one scale for each position (Dettmers et al., 2022, without their
16-bit columns). Products are of integers; embeddings, norms, attention and GELU are in fp32.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.backbone.packed_linear import PackedDecoder
from gpt_toolkit.hardware import has_int8_products

_SMALLEST_NORM = 1e-12  # of a position whose values are all zero


class Int8Linear(nn.Module):
    """A linear map with int8 weights, which cannot be trained.

    The result of a row of ``x`` does not depend on the other rows.

    Args:
        weight: ``(out, in)``, on the CPU; copied.
        bias: ``(out,)``.
        activation: Applied to the result: ``none``, or ``gelu`` in its tanh form.

    Shape:
        ``(..., in)`` to ``(..., out)``, in fp32.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: str = "none") -> None:
        super().__init__()
        ops: Any = torch.ops.onednn
        self._multiply = ops.qlinear_pointwise.default
        weight = weight.detach().float()
        scale = (weight.abs().amax(1) / 127).clamp_min(_SMALLEST_NORM)  # (out,)
        self._weight = ops.qlinear_prepack((weight / scale[:, None]).round_().to(torch.int8), None)
        self._largest = largest_activation()
        self._scale = scale / self._largest  # of a weight and of an input whose largest value is 1
        self._zero_points = torch.zeros(len(scale), dtype=torch.int32)
        self._bias = torch.zeros(()) if bias is None else bias.detach().float()
        self._center = torch.tensor(self._largest + 1.5)  # with .5, cutting off the fraction rounds
        self._uses_gelu = activation == "gelu"

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, torch.inf, -1, keepdim=True).clamp_min_(_SMALLEST_NORM)
        rounded = torch.addcmul(self._center, x, self._largest / norm).to(torch.uint8)
        y = self._multiply(
            *(rounded, 1.0, self._largest + 1, self._weight, self._scale, self._zero_points, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        y = torch.addcmul(self._bias, y, norm)
        return F.gelu(y, approximate="tanh") if self._uses_gelu else y


@cache
def largest_activation() -> int:
    """Return the largest absolute value of a quantized input: 127, or 63 where 127 would overflow.

    CPUs without VNNI instructions add two products in 16 bits and saturate.
    """
    ops: Any = torch.ops.onednn
    n, value = 64, 127
    weight = ops.qlinear_prepack(torch.full((n, n), value, dtype=torch.int8), None)
    largest = torch.full((1, n), 2 * value + 1, dtype=torch.uint8)
    zero_points = torch.zeros(n, dtype=torch.int32)
    arguments = (largest, 1.0, value + 1, weight, torch.ones(n), zero_points, None, 1.0, 0, torch.float32)
    is_exact = bool((ops.qlinear_pointwise(*arguments, "none", [], "") == n * value * value).all())
    return value if is_exact else value // 2


def quantize(decoder: Decoder) -> PackedDecoder:
    """Return an int8 decoder whose embeddings and norms are those of the given one.

    Args:
        decoder: In fp32, on the CPU; for evaluation.

    Raises:
        ValueError: If this machine's torch has no int8 products for its device.
    """
    weight = decoder.wte.weight
    if not has_int8_products(weight.device):
        raise ValueError(
            f"dtype int8: device {weight.device.type}; expected an x86 CPU and a torch with oneDNN; use "
            "float32 or bfloat16"
        )
    return PackedDecoder(decoder, Int8Linear)
