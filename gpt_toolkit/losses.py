"""Hidden states -> loss, as a sum over target tokens and without ever holding all logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.batch import IGNORE_INDEX

CHUNK_BYTES, CHUNK_ROWS = 8 * 2**20, 512
"""Of a chunk: its fp32 logits at most, unless these are fewer rows, which full matrix products and adding up
the matrix' gradient want (ours, measured)."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, label_weights: Tensor | None = None
) -> Tensor:
    """Summed negative log-likelihood of the labels under ``softmax(hidden @ weight.T)`` (GPT-1 eqs. 1, 2).

    Logits exist for one chunk of rows at a time. Matrix products run in the autocast dtype where autocast is
    on, else in that of ``hidden``; the softmax always in fp32. Both gradients are made in the forward pass,
    while a chunk's probabilities are at hand.

    Args:
        hidden: Hidden states, ``(..., D)``.
        weight: The tied token matrix, ``(V, D)``.
        labels: ``(...)``, int64; ``IGNORE_INDEX`` where no loss is due.
        label_weights: ``(...)``, fp32: what each label's loss is multiplied by; 1 unless given.

    Returns:
        Scalar, fp32, in nats: the sum over all labels that count. Divide by their number for a mean.
    """
    if not torch.is_grad_enabled():  # a Function is told that gradients are needed all the same
        hidden, weight = hidden.detach(), weight.detach()
    loss, _ = _LinearCrossEntropy.apply(hidden, weight, labels, label_weights)  # type: ignore[no-untyped-call]
    return loss  # type: ignore[no-any-return]


def sequence_mean_loss(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """L1 of fine-tuning: each sequence's mean loss over its own labels, summed over the sequences.

    GPT-1 §3.2 takes L1 on the task's inputs; that each sequence weighs the same, whatever its length, is the
    released code's rule (train.py, lm_losses). Positions without a label cost nothing.

    Args:
        hidden: ``(N, T, D)``.
        weight: The tied token matrix, ``(V, D)``.
        labels: ``(N, T)``, int64; ``IGNORE_INDEX`` where no loss is due.

    Returns:
        Scalar, fp32, in nats.
    """
    counted = labels != IGNORE_INDEX
    shares = 1.0 / counted.sum(dim=1, keepdim=True).clamp_min(1)  # (N, 1)
    shares = shares.expand(labels.shape)[counted]
    return linear_cross_entropy(hidden[counted], weight, labels[counted], shares)


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """L2 (GPT-1 eq. 4), summed over the rows: negative log-likelihood of each row's class, in nats.

    Args:
        logits: ``(B, n)``: of classes, or of a question's answers.
        target: ``(B,)``, int64.
    """
    return F.cross_entropy(logits.float(), target, reduction="sum")


def grade_loss(logits: Tensor, target: Tensor) -> Tensor:
    """L2 of a graded set, summed over the rows: a grade is divided between its two nearest levels.

    3.8 is 0.8 of level 4 and 0.2 of level 3, after Tai et al. (2015), whose encoder the released code holds
    (utils.py); the paper does not say how STS-B was learned.

    Args:
        logits: ``(B, n)``: of the levels 0 to n - 1.
        target: ``(B,)``, fp32, in ``[0, n - 1]``.
    """
    levels = torch.arange(logits.shape[1], device=logits.device)
    shares = (1.0 - (target[:, None] - levels).abs()).clamp_min(0.0)  # (B, n)
    return F.cross_entropy(logits.float(), shares, reduction="sum")


def expected_grade(logits: Tensor) -> Tensor:
    """The grade that a graded set's logits stand for: ``(B, n)`` to ``(B,)``, the mean of the levels."""
    levels = torch.arange(logits.shape[1], device=logits.device, dtype=torch.float32)
    return logits.float().softmax(dim=1) @ levels


def token_losses(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Negative log-likelihood of each label in nats, fp32, 0 where it is ``IGNORE_INDEX``; no gradients.

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
        shares = None if label_weights is None else label_weights.reshape(-1, 1)  # (N, 1)
        n_rows, vocab_size = rows.shape[0], matrix.shape[0]
        chunk = min(max(CHUNK_ROWS, CHUNK_BYTES // (4 * vocab_size)), max(n_rows, 1))

        losses = torch.empty(n_rows, dtype=torch.float32, device=rows.device)
        hidden_grad = torch.empty_like(rows) if needs_hidden else None
        weight_grad: Tensor | None = None
        # Held over all chunks: so large a piece of memory is new at each allocation, and slow at first use.
        logits_buffer = torch.empty(chunk, vocab_size, dtype=dtype, device=rows.device)
        probabilities_buffer = torch.empty_like(logits_buffer, dtype=torch.float32)
        product = torch.empty_like(matrix) if needs_weight else None
        with torch.autocast(device, enabled=False):
            for start in range(0, n_rows, chunk):
                part = slice(start, start + chunk)
                counted = targets[part] != IGNORE_INDEX  # (c,)
                index = targets[part].clamp_min(0).unsqueeze(1)  # (c, 1)
                logits = logits_buffer[: len(index)]  # (c, V)
                probabilities = probabilities_buffer[: len(index)]  # (c, V)
                torch.mm(rows[part], matrix.t(), out=logits)
                label_logit = logits.gather(1, index).float()  # (c, 1)
                top = logits.amax(dim=1, keepdim=True).float()
                torch.softmax(probabilities.copy_(logits), dim=1, out=probabilities)
                # The largest probability, at least 1 / V, gives the normalizer.
                normalizer = top - probabilities.amax(dim=1, keepdim=True).log_()
                losses[part] = (normalizer - label_logit).squeeze(1).masked_fill_(~counted, 0.0)
                if hidden_grad is None and product is None:
                    continue
                # d loss / d logits = probabilities - one-hot of the label, and 0 in rows that do not count
                probabilities.scatter_add_(1, index, torch.full_like(normalizer, -1.0))
                weights = counted.unsqueeze(1) if shares is None else counted.unsqueeze(1) * shares[part]
                probabilities.mul_(weights)
                grad = logits.copy_(probabilities)  # (c, V)
                if hidden_grad is not None:
                    torch.mm(grad, matrix, out=hidden_grad[part])
                if product is not None:
                    torch.mm(grad.t(), rows[part], out=product)
                    if weight_grad is None:
                        weight_grad = product.to(torch.float32, copy=True)
                    else:
                        weight_grad += product
        if product is not None and weight_grad is None:  # there was no row
            weight_grad = torch.zeros_like(product, dtype=torch.float32)
        ctx.save_for_backward(hidden_grad, weight_grad)
        ctx.dtypes = hidden.dtype, weight.dtype
        ctx.shape = hidden.shape
        if shares is not None:
            losses.mul_(shares.squeeze(1))
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
