"""A decoder for generation on a CPU, with matrices in the layout of oneDNN's kernels.

Generating a token reads all weights once, so the speed of reading them is the limit. ``F.linear`` converts a
matrix to the kernel's layout at each call, which takes longer than the product. Here the conversion is done
once, for a second copy of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gpt_toolkit.backbone.decoder import Decoder
from gpt_toolkit.hardware import can_pack, fast_packed_rows

_MIN_BYTES = 1 << 20
"""Bytes of the smallest matrix that is packed (tuned here).

A smaller one stays in the processor's cache, and the operator's 14 µs are more than packing saves
(torch 2.13, AMD Zen 4).
"""


def is_worth_packing(weight: Tensor) -> bool:
    """Return whether packing this matrix makes generation faster here."""
    return weight.numel() * weight.element_size() >= _MIN_BYTES and can_pack(weight)


class PackedLinear(nn.Module):
    """A linear map with a packed matrix, which cannot be trained.

    Sums are computed in fp32, in another order than those of ``F.linear``. The result of a row of ``x`` does
    not depend on the other rows.

    Args:
        weight: ``(out, in)``, on the CPU, in fp32 or bf16; copied.
        bias: ``(out,)``.
        activation: Applied in the same pass: ``none``, or ``gelu`` in its tanh form.

    Shape:
        ``(..., in)`` to ``(..., out)``.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: str = "none") -> None:
        super().__init__()
        ops: Any = torch.ops.mkldnn
        self._apply_packed = ops._linear_pointwise.default
        self._weight = ops._reorder_linear_weight(weight.detach())
        self._bias = None if bias is None else bias.detach()
        self._activation, self._form = activation, "tanh" if activation == "gelu" else ""
        self._n_out, self._n_in = weight.shape
        self._fast_rows = fast_packed_rows()
        self._padding = weight.new_zeros(self._fast_rows - 1, self._n_in)

    def forward(self, x: Tensor) -> Tensor:
        n_rows = x.numel() // self._n_in
        if 0 < n_rows < self._fast_rows - 1:
            shape = (*x.shape[:-1], self._n_out)
            x = torch.cat((x.view(n_rows, self._n_in), self._padding[n_rows - 1 :]))
            return self._mapped(x)[:n_rows].view(shape)
        return self._mapped(x)

    def _mapped(self, x: Tensor) -> Tensor:
        return self._apply_packed(x, self._weight, self._bias, self._activation, (), self._form)  # type: ignore[no-any-return]


class PackedMLP(nn.Module):
    """The two linear maps of a block with GELU between them.

    Args:
        c_fc: The first, with GELU.
        c_proj: The second.

    Shape:
        Input and output are ``(B, T, D)``.
    """

    def __init__(self, c_fc: nn.Module, c_proj: nn.Module) -> None:
        super().__init__()
        self.c_fc, self.c_proj = c_fc, c_proj

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.c_fc(x))  # type: ignore[no-any-return]


class PackedDecoder(Decoder):
    """A decoder for generation whose large matrices are packed, the output matrix too.

    Embeddings and norms are shared with the plain decoder. Weights that change afterwards, by training or
    loading, do not reach the packed matrices.

    Args:
        decoder: In fp32 or bf16, on the CPU.
        linear: Class of a linear map, from a matrix, a bias and an activation. :class:`PackedLinear` leaves
            small matrices as they are; others replace all.
    """

    def __init__(self, decoder: Decoder, linear: Callable[..., nn.Module] = PackedLinear) -> None:
        with torch.device("meta"):
            super().__init__(decoder.config)
        self.wte, self.wpe, self.ln_f = decoder.wte, decoder.wpe, decoder.ln_f

        def replaces(*matrices: Tensor) -> bool:
            return linear is not PackedLinear or all(map(is_worth_packing, matrices))

        for packed, plain in zip(self.h, decoder.h, strict=True):
            _pack_block(packed, plain, linear, replaces)
        weight = decoder.wte.weight
        self._output = linear(weight, None) if replaces(weight) else None
        self.eval()

    def logits(self, hidden: Tensor) -> Tensor:
        """Return scores of the next token, ``(..., D)`` to ``(..., V)``."""
        if self._output is None:
            return super().logits(hidden)
        return self._output(hidden)  # type: ignore[no-any-return]


def pack(decoder: Decoder) -> Decoder:
    """Return the decoder in the form that is fastest to generate with on its device.

    On a CPU with oneDNN this is a :class:`PackedDecoder` if any matrix is large enough, else the decoder
    itself. A packed decoder is returned as it is.

    Args:
        decoder: In fp32 or bf16; for evaluation.
    """
    if isinstance(decoder, PackedDecoder):
        return decoder
    matrices = [parameter for parameter in decoder.parameters() if parameter.ndim == 2]
    return PackedDecoder(decoder) if any(map(is_worth_packing, matrices)) else decoder


def _pack_block(
    packed: Any, plain: Any, linear: Callable[..., nn.Module], replaces: Callable[..., bool]
) -> None:
    packed.ln_1, packed.ln_2 = plain.ln_1, plain.ln_2
    for name, old in (("c_attn", plain.attn.c_attn), ("c_proj", plain.attn.c_proj)):
        setattr(packed.attn, name, linear(old.weight, old.bias) if replaces(old.weight) else old)
    first, second = plain.mlp.c_fc, plain.mlp.c_proj
    if replaces(first.weight, second.weight):
        packed.mlp = PackedMLP(linear(first.weight, first.bias, "gelu"), linear(second.weight, second.bias))
    else:
        packed.mlp = plain.mlp
