"""One decoder layer, in the order of either paper."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as cached

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt_toolkit.backbone.attention import CausalSelfAttention
from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.kv_cache import KeyValueCache

LAYER_NORM_EPS = 1e-5
"""Added to the variance inside the root, in both released codes."""


class MLP(nn.Module):
    """Two linear maps, four times as wide between them, with GELU (GPT-1 §4.1).

    Both released codes use the tanh form of GELU, which differs from the exact one by up to 5e-4.

    Args:
        config: Read here: ``n_embd``, ``resid_pdrop``.

    Shape:
        Input and output are ``(B, T, D)``.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.c_fc(x), approximate="tanh")  # (B, T, 4 D)
        return self.resid_dropout(self.c_proj(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    """One decoder layer: masked self-attention, then a position-wise MLP.

    The two papers differ in where the layer norm sits:

    * GPT-1 §4.1 (the original Transformer's order) normalizes each sum, ``norm(x + f(x))``;
    * GPT-2 §2.3 normalizes each input, ``x + f(norm(x))``.

    Args:
        config: Read here: ``n_embd``, ``n_head``, ``norm`` and the dropout rates.
        layer: Index of the block, to find its keys and values in a cache.

    Shape:
        Input and output are ``(B, T, D)``. With ``positions``, ``(B, P)``, the output is of those positions
        alone: ``(B, P, D)``.
    """

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self.norm_first = config.norm == "pre"
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPS)
        self.attn = CausalSelfAttention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=LAYER_NORM_EPS)
        self.mlp = MLP(config)

    def forward(
        self, x: Tensor, cache: KeyValueCache | None = None, positions: Tensor | None = None
    ) -> Tensor:
        attended = self.attn(self.ln_1(x) if self.norm_first else x, cache, positions)
        if positions is not None:
            x = x.gather(1, positions[:, :, None].expand(-1, -1, x.shape[2]))  # (B, P, D)
        if self.norm_first:
            x = x + attended
            return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]
        x = self.ln_1(x + attended)
        return self.ln_2(x + self.mlp(x))  # type: ignore[no-any-return]


def call_block(block: nn.Module, x: Tensor, positions: Tensor | None) -> Tensor:
    """Call a block without a cache."""
    return block(x, None, positions)  # type: ignore[no-any-return]


@cached
def compiled_block() -> Callable[[nn.Module, Tensor, Tensor | None], Tensor]:
    """Return :func:`call_block` under torch.compile, compiled once for all blocks of a shape.

    Compiling fuses what stands between the matrix products of a block.
    """
    return torch.compile(call_block, dynamic=False)
