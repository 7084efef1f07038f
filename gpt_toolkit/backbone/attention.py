"""Masked self-attention of both papers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt_toolkit.backbone.cache import KeyValueCache
from gpt_toolkit.backbone.config import DecoderConfig


class CausalSelfAttention(nn.Module):
    """Each position attends to itself and those before it (GPT-1 §4.1; GPT-2 §2.3).

    Scores are divided by the square root of the head width. Query, key and value come from one projection,
    in this order, as in both released codes.

    Args:
        config: Read here: ``n_embd``, ``n_head``, ``attn_pdrop``, ``resid_pdrop``.
        layer: Index of the block, to find its part of a cache.

    Shape:
        Input and output are ``(B, T, D)``.
    """

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self.n_head, self.layer = config.n_head, layer
        self.attn_pdrop = config.attn_pdrop
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        batch, length, width = x.shape
        heads = self.c_attn(x).view(batch, length, 3, self.n_head, width // self.n_head)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # three of (B, H, T, K)
        past = 0
        if cache is not None:
            past = cache.length
            key, value = cache.extend(self.layer, key, value)  # (B, H, past + T, K)
        mask = None
        if past and length > 1:  # is_causal aligns the mask to the first key, the cache needs the last
            mask = torch.ones(length, past + length, dtype=torch.bool, device=x.device).tril(past)
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=self.attn_pdrop if self.training else 0.0,
            is_causal=past == 0,
        )  # (B, H, T, K)
        mixed = mixed.transpose(1, 2).reshape(batch, length, width)  # (B, T, D)
        return self.resid_dropout(self.c_proj(mixed))  # type: ignore[no-any-return]
