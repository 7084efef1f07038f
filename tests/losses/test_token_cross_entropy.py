"""The loss that never stores all logits, compared with the plain computation and with float64."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from gpt_toolkit.batches import IGNORE_INDEX
from gpt_toolkit.losses import linear_cross_entropy, token_cross_entropy, token_losses

Case = tuple[Tensor, Tensor, Tensor]


def case(n: int = 37, d: int = 8, v: int = 50, *, ignored: bool = True) -> Case:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(n, d, generator=generator)
    weight = torch.randn(v, d, generator=generator)
    labels = torch.randint(v, (n,), generator=generator)
    if ignored:
        labels[::5] = IGNORE_INDEX
    return hidden, weight, labels


def plain(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight), labels, ignore_index=IGNORE_INDEX, reduction="sum")


def with_gradients(
    function: object, hidden: Tensor, weight: Tensor, labels: Tensor, scale: float = 1.0
) -> list[Tensor]:
    hidden, weight = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
    loss = function(hidden, weight, labels)  # type: ignore[operator]
    (loss * scale).backward()
    assert hidden.grad is not None
    assert weight.grad is not None
    return [loss.detach(), hidden.grad, weight.grad]


@pytest.mark.parametrize("tile_bytes", [1, 1000, 10**6])
@pytest.mark.parametrize("chunk_rows", [1, 7, 36, 37, 1000])
@pytest.mark.parametrize("ignored", [True, False])
def test_loss_and_both_gradients_equal_the_plain_computation(
    tile_bytes: int, chunk_rows: int, ignored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cross_entropy, "CHUNK_ROWS", chunk_rows)
    monkeypatch.setattr(token_cross_entropy, "TILE_BYTES", {"cpu": tile_bytes})
    values = case(ignored=ignored)
    for ours, theirs in zip(
        with_gradients(linear_cross_entropy, *values, 0.37), with_gradients(plain, *values, 0.37), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_sequences_keep_their_shape() -> None:
    hidden, weight, labels = case(n=36)
    batched = with_gradients(linear_cross_entropy, hidden.view(4, 9, 8), weight, labels.view(4, 9))
    flat = with_gradients(linear_cross_entropy, hidden, weight, labels)
    assert batched[1].shape == (4, 9, 8)
    torch.testing.assert_close(batched[1].view(36, 8), flat[1])
    torch.testing.assert_close(batched[0], flat[0])


def test_token_losses_are_the_terms_of_the_sum() -> None:
    hidden, weight, labels = case()
    each = token_losses(hidden, weight, labels)
    expected = F.cross_entropy(F.linear(hidden, weight), labels, ignore_index=IGNORE_INDEX, reduction="none")
    torch.testing.assert_close(each, expected, rtol=1e-5, atol=1e-5)
    assert not each.requires_grad


def test_equal_logits_lose_ln_v_for_each_token() -> None:
    hidden, weight, labels = case(ignored=False)
    loss = linear_cross_entropy(hidden, torch.zeros_like(weight), labels)
    assert float(loss) == pytest.approx(len(labels) * math.log(50), rel=1e-6)


def test_labels_that_do_not_count_leave_no_trace() -> None:
    hidden, weight, labels = case()
    for value in with_gradients(linear_cross_entropy, hidden, weight, torch.full_like(labels, IGNORE_INDEX)):
        assert torch.equal(value, torch.zeros_like(value))


def test_no_row_at_all_gives_zero() -> None:
    hidden, weight, labels = case()
    for value in with_gradients(linear_cross_entropy, hidden[:0], weight, labels[:0]):
        assert torch.equal(value, torch.zeros_like(value))


def test_large_logits_do_not_overflow() -> None:
    hidden, weight, labels = case()
    for ours, theirs in zip(
        with_gradients(linear_cross_entropy, hidden * 1e4, weight, labels),
        with_gradients(plain, hidden * 1e4, weight, labels),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_in_bf16_it_is_no_further_from_float64_than_the_plain_computation_is() -> None:
    hidden, weight, labels = case(n=512, d=64, v=300)
    weight = weight * 0.1
    exact = with_gradients(plain, hidden.double(), weight.double(), labels)

    def errors(function: object) -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            values = with_gradients(function, hidden, weight, labels)
        pairs = zip(values, exact, strict=True)
        return [float((value.double() - reference).norm() / reference.norm()) for value, reference in pairs]

    for ours, theirs in zip(errors(linear_cross_entropy), errors(plain), strict=True):
        assert ours <= 1.05 * theirs + 1e-6


class CountingProducts(TorchDispatchMode):
    """Mode that counts matrix products."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.n += func in (torch.ops.aten.mm.default, torch.ops.aten.mm.out)
        return func(*args, **(kwargs or {}))


def test_without_gradients_only_the_logits_are_multiplied_out() -> None:
    hidden, weight, labels = case()
    weight.requires_grad_()
    with CountingProducts() as products:
        token_losses(hidden, weight, labels)
    assert products.n == 1
    with CountingProducts() as products, torch.no_grad():
        linear_cross_entropy(hidden, weight, labels)
    assert products.n == 1
    with CountingProducts() as products:
        linear_cross_entropy(hidden, weight, labels)
    assert products.n == 2


def test_a_frozen_matrix_gets_no_gradient_but_the_hidden_states_do() -> None:
    hidden, weight, labels = case()
    hidden.requires_grad_()
    torch.autograd.backward(linear_cross_entropy(hidden, weight, labels))
    assert hidden.grad is not None
    assert weight.grad is None
