"""Cross entropy of tokens from hidden states, as a sum, without ever holding all logits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.batches import IGNORE_INDEX
from gpt_toolkit.hardware import has_triton

log = logging.getLogger(__name__)

CHUNK_ROWS = 512
"""Smallest number of rows whose logits exist at once; fewer make slow matrix products (tuned here)."""

TILE_BYTES = {"cpu": 8 * 2**20}
"""Bytes of fp32 to process between matrix products: few rows of a chunk, which fit a CPU's cache."""

TILE_BYTES_ELSEWHERE = 512 * 2**20
"""The same on devices whose parallel work needs large pieces."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, label_weights: Tensor | None = None
) -> Tensor:
    """Return the summed negative log-likelihood of labels under ``softmax(hidden @ weight.T)`` (GPT-1 eq. 1).

    Only the logits of one chunk of rows exist at once. Matrix products run in the autocast dtype if autocast
    is on, else in that of ``hidden``; the softmax always in fp32. The forward pass also computes both
    gradients, from the probabilities of each chunk.

    Args:
        hidden: Hidden states, ``(..., D)``.
        weight: The tied token matrix, ``(V, D)``.
        labels: ``(...)``, int64; ``IGNORE_INDEX`` for no loss.
        label_weights: ``(...)``, fp32: factor of each label's loss; 1 unless given.

    Returns:
        Scalar, fp32, in nats: the sum over all labels. Divide by their number for a mean.
    """
    if not torch.is_grad_enabled():  # needs_input_grad of a Function ignores this
        hidden, weight = hidden.detach(), weight.detach()
    loss, _ = _LinearCrossEntropy.apply(hidden, weight, labels, label_weights)  # type: ignore[no-untyped-call]
    return loss  # type: ignore[no-any-return]


def sequence_mean_loss(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Return L1 of fine-tuning: each sequence's mean loss over its own labels, summed over the sequences.

    GPT-1 §3.2 computes L1 on the task's inputs. In the released code (train.py, lm_losses) each sequence has
    the same weight, whatever its length. Positions without a label are left out of the computation.

    Args:
        hidden: ``(N, T, D)``.
        weight: The tied token matrix, ``(V, D)``.
        labels: ``(N, T)``, int64; ``IGNORE_INDEX`` for no loss.

    Returns:
        Scalar, fp32, in nats.
    """
    counted = labels != IGNORE_INDEX
    weights = 1.0 / counted.sum(dim=1, keepdim=True).clamp_min(1)  # (N, 1)
    weights = weights.expand(labels.shape)[counted]
    return linear_cross_entropy(hidden[counted], weight, labels[counted], weights)


def token_losses(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Return the negative log-likelihood of each label in nats, 0 for ``IGNORE_INDEX``, without gradients.

    Args:
        hidden: Hidden states, ``(..., D)``.
        weight: The tied token matrix, ``(V, D)``.
        labels: ``(...)``, int64.

    Returns:
        ``(...)``.
    """
    _, losses = _LinearCrossEntropy.apply(hidden.detach(), weight.detach(), labels, None)  # type: ignore[no-untyped-call]
    return losses.view(labels.shape)  # type: ignore[no-any-return]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, label_weights: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        needs_hidden, needs_weight, _, _ = ctx.needs_input_grad
        rows = hidden.reshape(-1, hidden.shape[-1]).to(dtype)  # (N, D)
        matrix = weight.to(dtype)  # (V, D)
        targets = labels.reshape(-1)  # (N,)
        weights = (targets != IGNORE_INDEX).float()  # (N,)
        if label_weights is not None:
            weights *= label_weights.reshape(-1)
        targets = targets.clamp_min(0)
        n_rows, (vocab_size, width) = len(rows), matrix.shape
        tile_bytes = TILE_BYTES.get(device, TILE_BYTES_ELSEWHERE)
        tile = max(1, tile_bytes // (4 * vocab_size))  # rows of logits
        block = max(1, tile_bytes // (4 * width))  # rows of the matrix
        chunk = max(1, min(max(CHUNK_ROWS, tile), n_rows))

        losses = torch.empty(n_rows, dtype=torch.float32, device=rows.device)
        hidden_grad = torch.empty_like(rows) if needs_hidden else None
        weight_grad = torch.empty_like(matrix, dtype=torch.float32) if needs_weight else None
        # One buffer for all chunks: memory of this size is new at each allocation, and slow at first use.
        logits_buffer = rows.new_empty(chunk, vocab_size)
        with torch.autocast(device, enabled=False):
            for first in range(0, n_rows, chunk):
                part = slice(first, min(first + chunk, n_rows))
                logits = logits_buffer[: part.stop - first]  # (c, V)
                torch.mm(rows[part], matrix.t(), out=logits)
                losses[part] = _losses_and_gradient_(
                    logits, targets[part], weights[part], tile, wants_gradient=needs_hidden or needs_weight
                )
                if hidden_grad is not None:
                    torch.mm(logits, matrix, out=hidden_grad[part])
                if weight_grad is None:
                    continue
                for left in range(0, vocab_size, block):
                    columns = slice(left, left + block)
                    product = logits[:, columns].t() @ rows[part]  # (b, D)
                    if first == 0:
                        weight_grad[columns] = product
                    else:
                        weight_grad[columns] += product
        if weight_grad is not None and n_rows == 0:
            weight_grad.zero_()
        ctx.save_for_backward(hidden_grad, weight_grad)
        ctx.dtypes = hidden.dtype, weight.dtype
        ctx.shape = hidden.shape
        ctx.mark_non_differentiable(losses)
        return losses.sum(), losses

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        if hidden_grad is not None:
            hidden_grad = (hidden_grad.to(hidden_dtype) * grad_loss).view(ctx.shape)
        if weight_grad is not None:
            weight_grad = weight_grad.mul_(grad_loss).to(weight_dtype)
        return hidden_grad, weight_grad, None, None


def _losses_and_gradient_(
    logits: Tensor, targets: Tensor, weights: Tensor, tile: int, *, wants_gradient: bool
) -> Tensor:
    """Return the losses of some rows, ``(c,)``; overwrite logits ``(c, V)`` by the gradient if wanted."""
    if (kernel := _kernel(logits.device.type)) is not None:
        return kernel(logits, targets, weights, wants_gradient=wants_gradient)
    index, weights = targets.unsqueeze(1), weights.unsqueeze(1)  # (c, 1)
    losses = torch.empty_like(weights)
    in_place = logits.dtype == torch.float32
    rows = 0 if in_place else min(tile, len(logits))
    buffer = torch.empty(rows, logits.shape[1], dtype=torch.float32, device=logits.device)
    for first in range(0, len(logits), tile):
        part = slice(first, first + tile)
        probabilities = (
            logits[part] if in_place else buffer[: len(logits) - first].copy_(logits[part])
        )  # (t, V)
        label_logit = probabilities.gather(1, index[part])
        top = probabilities.amax(dim=1, keepdim=True)
        torch.softmax(probabilities, dim=1, out=probabilities)
        # The largest probability, at least 1 / V, gives the normalizer.
        normalizer = top - probabilities.amax(dim=1, keepdim=True).log_()
        losses[part] = (normalizer - label_logit) * weights[part]
        if wants_gradient:  # probabilities - one-hot of the label
            probabilities.scatter_add_(1, index[part], torch.full_like(normalizer, -1.0))
            probabilities.mul_(weights[part])
            if not in_place:
                logits[part] = probabilities
    return losses.squeeze(1)


@cache
def _kernel(device: str) -> Callable[..., Tensor] | None:
    """Return the fused kernel if the device supports it and a compiler is installed, else None."""
    if not has_triton(torch.device(device)):
        if device == "cuda":
            log.info("loss: Triton or a C compiler is missing; using the slower plain version")
        return None
    from gpt_toolkit.losses.triton_cross_entropy import losses_and_gradient_

    return losses_and_gradient_
