"""Causal attention as explicit matrix products, for training in bf16 on a CPU.

Where bf16 is native, torch's fused attention takes 2.6 times as long at 64 positions and 1.5 times at 256,
most of it in its backward pass (measured here, torch 2.13). As in the fused kernel, only a part of the scores
exists at once, scores and softmax are fp32, and the backward pass computes them again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gpt_toolkit.hardware import prefers_attention_products

CHUNK_BYTES = 2 * 2**20
"""Bytes of scores in one chunk, few enough for the processor's caches (tuned here)."""

QUERY_BLOCK = 128
"""Query positions in one product; keys after the last of them are left out."""

MAX_LENGTH = 512
"""Longest sequence for which the products are clearly faster (tuned here)."""


def is_faster_than_sdpa(heads: Tensor) -> bool:
    """Return whether :func:`causal_attention` trains faster on these projections than torch's attention.

    Args:
        heads: ``(B, T, 3, H, K)``.
    """
    return (
        type(heads) is Tensor  # not one that is divided among devices
        and heads.requires_grad
        and heads.shape[1] <= MAX_LENGTH
        and prefers_attention_products(heads.dtype, heads.device)
    )


def causal_attention(heads: Tensor, pdrop: float) -> Tensor:
    """Return, for each position, the weighted sum of the values at and before it.

    Args:
        heads: Query, key and value of each head, ``(B, T, 3, H, K)``.
        pdrop: Dropout rate of the attention probabilities.

    Returns:
        ``(B, T, D)``.
    """
    seed = int(torch.randint(2**62, ())) if pdrop else 0
    return _CausalAttention.apply(heads, pdrop, seed)  # type: ignore[no-untyped-call, no-any-return]


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, heads: Tensor, pdrop: float, seed: int) -> Tensor:
        batch, length, _, n_head, width = heads.shape
        projected = heads.permute(2, 0, 3, 1, 4).reshape(3, batch * n_head, length, width)
        query, key, value = projected
        mixed = torch.empty_like(value)  # (B H, T, K)
        with torch.autocast("cpu", enabled=False):
            for rows, queries, mask in _chunks(value, pdrop, seed):
                keys = slice(0, queries.stop)
                probabilities = _probabilities(query[rows, queries], key[rows, keys])  # (c, t, T)
                if mask is not None:
                    probabilities.mul_(mask)
                alpha = 1 / (1 - pdrop)
                mixed[rows, queries].baddbmm_(probabilities, value[rows, keys], beta=0, alpha=alpha)
        ctx.save_for_backward(projected)
        ctx.n_head, ctx.pdrop, ctx.seed = n_head, pdrop, seed
        return mixed.view(batch, n_head, length, width).transpose(1, 2).flatten(2)  # (B, T, D)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        [projected] = ctx.saved_tensors
        query, key, value = projected
        length, width = value.shape[1:]
        by_head = (grad.shape[0], length, ctx.n_head, width)
        grad = grad.reshape(by_head).transpose(1, 2).reshape(value.shape)  # (B H, T, K)
        grads = torch.empty_like(projected)
        scale, dropout_scale = width**-0.5, 1 / (1 - ctx.pdrop)
        for rows, queries, mask in _chunks(value, ctx.pdrop, ctx.seed):
            keys = slice(0, queries.stop)
            probabilities = dropped = _probabilities(query[rows, queries], key[rows, keys])  # (c, t, T)
            probabilities_grad = torch.bmm(grad[rows, queries], value[rows, keys].mT)
            if mask is not None:
                dropped = probabilities * mask
                probabilities_grad.mul_(mask)
            scores_grad = torch._softmax_backward_data(
                probabilities_grad, probabilities, -1, probabilities.dtype
            )
            alpha = scale * dropout_scale
            grads[0, rows, queries].baddbmm_(scores_grad, key[rows, keys], beta=0, alpha=alpha)
            beta = 0 if queries.stop == length else 1  # the last positions come first, and see every key
            grads[1, rows, keys].baddbmm_(scores_grad.mT, query[rows, queries], beta=beta, alpha=alpha)
            grads[2, rows, keys].baddbmm_(dropped.mT, grad[rows, queries], beta=beta, alpha=dropout_scale)
        grads = grads.view(3, by_head[0], ctx.n_head, length, width)
        return grads.permute(1, 3, 0, 2, 4).contiguous(), None, None


def _probabilities(query: Tensor, key: Tensor) -> Tensor:
    """Return the attention probabilities of the last positions, ``(c, t, T)``; computed in fp32."""
    n_queries, n_keys = query.shape[1], key.shape[1]
    mask = torch.full((n_queries, n_keys), -math.inf).triu_(1 + n_keys - n_queries)
    scores = torch.baddbmm(mask, query.float(), key.float().mT, alpha=query.shape[2] ** -0.5)
    return scores.softmax(dim=-1).to(query.dtype)


def _chunks(value: Tensor, pdrop: float, seed: int) -> Iterator[tuple[slice, slice, Tensor | None]]:
    """Yield rows of heads, query positions (the last first) and the dropout mask of one chunk of scores."""
    n_rows, length, _ = value.shape
    block = min(length, QUERY_BLOCK)
    size = min(n_rows, max(1, CHUNK_BYTES // (4 * block * length)))
    generator = torch.Generator().manual_seed(seed) if pdrop else None
    for start in range(0, n_rows, size):
        rows = slice(start, min(n_rows, start + size))
        for end in range(length, 0, -block):
            queries = slice(max(0, end - block), end)
            mask = None
            if generator is not None:
                shape = (rows.stop - start, queries.stop - queries.start, end)
                mask = value.new_empty(shape).bernoulli_(1 - pdrop, generator=generator)
            yield rows, queries, mask
