"""Softmax, loss and gradient of a row of logits as one GPU kernel, which reads it twice and writes once."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 4096
"""Number of logits in one block."""


def losses_and_gradient_(logits: Tensor, targets: Tensor, weights: Tensor, *, wants_gradient: bool) -> Tensor:
    """Return the losses of some rows; overwrite their logits by the gradient if wanted.

    Args:
        logits: ``(c, V)``.
        targets: ``(c,)``, int64, all in ``[0, V)``.
        weights: ``(c,)``, fp32: factor of each row's loss.
        wants_gradient: Whether to overwrite the logits.

    Returns:
        ``(c,)``, fp32.
    """
    losses = weights.new_empty(len(logits))
    shape = (logits.shape[1], wants_gradient, BLOCK)
    _row[(len(logits),)](logits, logits.stride(0), targets, weights, losses, *shape, num_warps=8)
    return losses


@triton.jit  # type: ignore[untyped-decorator]
def _row(logits, stride, targets, weights, losses, n, wants_gradient: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    row = tl.program_id(0).to(tl.int64)
    logits += row * stride
    target, weight = tl.load(targets + row), tl.load(weights + row)
    target_logit = tl.load(logits + target).to(tl.float32)
    top = float("-inf")
    total = 0.0
    for first in range(0, n, block):
        at = first + tl.arange(0, block)
        part = tl.load(logits + at, mask=at < n, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(part, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(part - higher), 0)
        top = higher
    normalizer = top + tl.log(total)
    tl.store(losses + row, (normalizer - target_logit) * weight)
    if wants_gradient:
        for first in range(0, n, block):
            at = first + tl.arange(0, block)
            part = tl.load(logits + at, mask=at < n, other=0.0).to(tl.float32)
            probability = tl.exp(part - normalizer)
            gradient = tl.where(at == target, probability - 1.0, probability) * weight
            tl.store(logits + at, gradient.to(logits.dtype.element_ty), mask=at < n)
