"""Causal attention as explicit matrix products, for training in bf16 on a CPU.

Where bf16 is native, torch's fused attention takes 2.6 times as long at 64 positions and 1.5 times at 256,
most of it in its backward pass (measured here, torch 2.13). As in it, only a part of the scores exists at a
time, scores and softmax are fp32, and the backward pass computes them again.
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
"""Scores of so many bytes, with what is made of them, stay in the caches (ours, measured)."""

BLOCK = 128
"""Positions that ask at a time; what comes after the last of them is not multiplied out."""

LONGEST = 512
"""Positions up to which the products win by enough (ours, measured)."""


def pays(heads: Tensor) -> bool:
    """Whether :func:`causal_attention` is the faster way to train on these projections.

    Args:
        heads: ``(B, T, 3, H, K)``.
    """
    return (
        type(heads) is Tensor  # not one that is divided among devices
        and heads.requires_grad
        and heads.shape[1] <= LONGEST
        and prefers_attention_products(heads.dtype, heads.device)
    )


def causal_attention(heads: Tensor, pdrop: float) -> Tensor:
    """Each position's mixture of the values at and before it.

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
            for rows, asking, kept in _parts(value, pdrop, seed):
                seen = slice(0, asking.stop)
                shares = _shares(query[rows, asking], key[rows, seen])  # (c, t, T)
                if kept is not None:
                    shares.mul_(kept)
                mixed[rows, asking].baddbmm_(shares, value[rows, seen], beta=0, alpha=1 / (1 - pdrop))
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
        scale, scale_kept = width**-0.5, 1 / (1 - ctx.pdrop)
        for rows, asking, kept in _parts(value, ctx.pdrop, ctx.seed):
            seen = slice(0, asking.stop)
            shares = used = _shares(query[rows, asking], key[rows, seen])  # (c, t, T)
            of_shares = torch.bmm(grad[rows, asking], value[rows, seen].mT)
            if kept is not None:
                used = shares * kept
                of_shares.mul_(kept)
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
            alpha = scale * scale_kept
            grads[0, rows, asking].baddbmm_(of_scores, key[rows, seen], beta=0, alpha=alpha)
            beta = 0 if asking.stop == length else 1  # the last positions come first, and see every key
            grads[1, rows, seen].baddbmm_(of_scores.mT, query[rows, asking], beta=beta, alpha=alpha)
            grads[2, rows, seen].baddbmm_(used.mT, grad[rows, asking], beta=beta, alpha=scale_kept)
        grads = grads.view(3, by_head[0], ctx.n_head, length, width)
        return grads.permute(1, 3, 0, 2, 4).contiguous(), None, None


def _shares(query: Tensor, key: Tensor) -> Tensor:
    """Attention probabilities of the last positions, ``(c, t, T)``; scores and softmax are fp32."""
    asking, seen = query.shape[1], key.shape[1]
    hidden = torch.full((asking, seen), -math.inf).triu_(1 + seen - asking)
    scores = torch.baddbmm(hidden, query.float(), key.float().mT, alpha=query.shape[2] ** -0.5)
    return scores.softmax(dim=-1).to(query.dtype)


def _parts(value: Tensor, pdrop: float, seed: int) -> Iterator[tuple[slice, slice, Tensor | None]]:
    """Heads of sequences whose scores fit a chunk; their positions, the last first; what dropout keeps."""
    n_rows, length, _ = value.shape
    block = min(length, BLOCK)
    size = min(n_rows, max(1, CHUNK_BYTES // (4 * block * length)))
    generator = torch.Generator().manual_seed(seed) if pdrop else None
    for start in range(0, n_rows, size):
        rows = slice(start, min(n_rows, start + size))
        for end in range(length, 0, -block):
            asking = slice(max(0, end - block), end)
            kept = None
            if generator is not None:
                shape = (rows.stop - start, asking.stop - asking.start, end)
                kept = value.new_empty(shape).bernoulli_(1 - pdrop, generator=generator)
            yield rows, asking, kept
