"""The Triton kernel compared with plain arithmetic; interpreted without a GPU: `nox -s kernel`."""

import os
from typing import Any

import pytest
import torch

pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":  # is read when Triton is imported
    pytest.skip("no GPU, and Triton is not asked to interpret", allow_module_level=True)

from gpt_toolkit.batches import IGNORE_INDEX  # noqa: E402
from gpt_toolkit.losses import linear_cross_entropy, token_cross_entropy  # noqa: E402
from gpt_toolkit.losses.triton_cross_entropy import BLOCK, losses_and_gradient_  # noqa: E402


def inputs(n: int, vocab_size: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    logits = (5 * torch.randn(n, vocab_size, generator=draw)).to(DEVICE, dtype)
    targets = torch.randint(vocab_size, (n,), generator=draw).to(DEVICE)
    weights = torch.rand(n, generator=draw).to(DEVICE)
    weights[0] = 0.0
    return logits, targets, weights


@pytest.mark.parametrize("vocab_size", [1, 50, BLOCK, 2 * BLOCK + 1])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 8e-3), (torch.float16, 1e-3)]
)
def test_losses_and_gradient_are_right(vocab_size: int, dtype: torch.dtype, tolerance: float) -> None:
    logits, targets, weights = inputs(5, vocab_size, dtype)
    exact = logits.float().requires_grad_()
    expected = torch.nn.functional.cross_entropy(exact, targets, reduction="none") * weights
    expected.sum().backward()  # type: ignore[no-untyped-call]
    losses = losses_and_gradient_(logits, targets, weights, wants_gradient=True)
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits.float(), exact.grad, rtol=tolerance, atol=1e-5)


def test_logits_stay_as_they_are_where_no_gradient_is_wanted() -> None:
    logits, targets, weights = inputs(3, 70, torch.float32)
    before = logits.clone()
    losses_and_gradient_(logits, targets, weights, wants_gradient=False)
    assert torch.equal(logits, before)


def test_the_whole_loss_by_the_kernel_equals_that_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cross_entropy, "CHUNK_ROWS", 16)
    monkeypatch.setattr(token_cross_entropy, "TILE_BYTES", {})
    monkeypatch.setattr(token_cross_entropy, "TILE_BYTES_ELSEWHERE", 1)

    def gradients(kernel: Any) -> list[torch.Tensor]:
        monkeypatch.setattr(token_cross_entropy, "_kernel", lambda device: kernel)
        draw = torch.Generator().manual_seed(0)
        hidden = torch.randn(37, 8, generator=draw).to(DEVICE).requires_grad_()
        weight = torch.randn(BLOCK + 3, 8, generator=draw).to(DEVICE).requires_grad_()
        labels = torch.randint(BLOCK, (37,), generator=draw).to(DEVICE)
        labels[::5] = IGNORE_INDEX
        loss = linear_cross_entropy(hidden, weight, labels)
        return [loss.detach(), *torch.autograd.grad(loss, (hidden, weight))]

    for ours, plain in zip(gradients(losses_and_gradient_), gradients(None), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
