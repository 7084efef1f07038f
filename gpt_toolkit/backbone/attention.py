"""Masked self-attention of both papers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.cpu_attention import causal_attention, is_faster_than_sdpa
from gpt_toolkit.backbone.kv_cache import KeyValueCache


class CausalSelfAttention(nn.Module):
    """Each position attends to itself and those before it (GPT-1 §4.1; GPT-2 §2.3).

    Scores are divided by the square root of the head width. One projection gives query, key and value, in
    this order, as in both released codes.

    Args:
        config: Read here: ``n_embd``, ``n_head``, ``attn_pdrop``, ``resid_pdrop``.
        layer: Index of the block, to find its keys and values in a cache.

    Shape:
        Input and output are ``(B, T, D)``. With ``positions``, ``(B, P)``, the output is of those positions
        alone: ``(B, P, D)``.
    """

    def __init__(self, config: DecoderConfig, layer: int) -> None:
        super().__init__()
        self.n_head, self.layer = config.n_head, layer
        self.attn_pdrop = config.attn_pdrop
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)

    def forward(
        self, x: Tensor, cache: KeyValueCache | None = None, positions: Tensor | None = None
    ) -> Tensor:
        batch, length = x.shape[:2]
        heads = self.c_attn(x).view(batch, length, 3, self.n_head, -1)  # n_head: of this device, see parallel
        pdrop = self.attn_pdrop if self.training else 0.0
        if cache is None and positions is None and is_faster_than_sdpa(heads):
            return self.resid_dropout(self.c_proj(causal_attention(heads, pdrop)))  # type: ignore[no-any-return]
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # three of (B, H, T, K)
        mask, causal = None, True
        if cache is not None:
            mask, causal = cache.mask(length), cache.length == 0
            past_and_new = cache.extend(self.layer, key, value)  # (B, H, past + T, K)
            if not causal:  # is_causal aligns its mask to the first key, a cache needs the last
                key, value = past_and_new
                query = query.to(key.dtype)
        if positions is not None:
            query = query.gather(2, positions[:, None, :, None].expand(-1, self.n_head, -1, query.shape[3]))
            slots = torch.arange(key.shape[2], device=x.device)
            causal = False
            mask = slots <= (positions + key.shape[2] - length)[:, None, :, None]  # (B, 1, P, past + T)
        attend = partial(F.scaled_dot_product_attention, dropout_p=pdrop, is_causal=causal)
        if cache is not None and cache.attends_per_sequence:
            ends = [past + length for past in cache.lengths]
            mixed = _attend_per_sequence(attend, query, key, value, mask, ends)
        else:
            mixed = attend(query, key, value, attn_mask=mask)  # (B, H, T, K)
        mixed = mixed.transpose(1, 2).flatten(2).to(heads.dtype)  # (B, T, D)
        return self.resid_dropout(self.c_proj(mixed))  # type: ignore[no-any-return]


def _attend_per_sequence(
    attend: Callable[..., Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    ends: Sequence[int],
) -> Tensor:
    """Compute the attention of each sequence over its own slots, one sequence after another."""
    mixed = []
    for number, end in enumerate(ends):
        one = slice(number, number + 1)
        visible = mask if mask is None or mask.ndim == 2 else mask[one]
        mixed.append(attend(query[one], key[one, :, :end], value[one, :, :end], attn_mask=visible))
    return torch.cat(mixed)
