"""Attention as explicit products, compared with torch's own and with float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig, cpu_attention
from gpt_toolkit.backbone.cpu_attention import causal_attention, is_faster_than_sdpa

Attention = Callable[[Tensor], Tensor]


def made(batch: int = 3, length: int = 13, n_head: int = 2, width: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    heads = 2 * torch.randn(batch, length, 3, n_head, width, generator=generator)
    return heads, torch.randn(batch, length, n_head * width, generator=generator)


def fused(heads: Tensor) -> Tensor:
    query, key, value = heads.permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2)


def multiplied(heads: Tensor) -> Tensor:
    return causal_attention(heads, 0.0)


def with_gradient(attention: Attention, heads: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    heads = heads.clone().requires_grad_()
    mixed = attention(heads)
    return mixed.detach(), torch.autograd.grad(mixed, heads, grad)[0]


@pytest.mark.parametrize(("block", "chunk_bytes"), [(128, 2**20), (4, 2**20), (5, 1), (13, 1)])
def test_in_fp32_mixture_and_gradient_equal_torch_s(
    block: int, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_attention, "QUERY_BLOCK", block)
    monkeypatch.setattr(cpu_attention, "CHUNK_BYTES", chunk_bytes)
    ours, theirs = (with_gradient(attention, *made()) for attention in (multiplied, fused))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [64, 200])
def test_in_bf16_the_gradient_is_no_further_from_float64_than_torch_s(length: int) -> None:
    heads, grad = (values.bfloat16() for values in made(2, length, 2, 32))
    exact = with_gradient(fused, heads.double(), grad.double())

    def errors(attention: Attention) -> list[float]:
        pairs = zip(with_gradient(attention, heads, grad), exact, strict=True)
        return [float((value.double() - reference).norm() / reference.norm()) for value, reference in pairs]

    (mixed, gradient), (their_mixed, their_gradient) = errors(multiplied), errors(fused)
    assert gradient <= their_gradient
    assert mixed <= 1.35 * their_mixed  # shares are rounded once they are divided by their sum, not before
    assert mixed <= 2**-8


def test_dropout_takes_shares_away_and_the_backward_pass_the_same_ones() -> None:
    heads, grad = made()
    values_are_one = heads.clone()
    values_are_one[:, :, 2] = 1.0
    torch.manual_seed(1)
    mixed = causal_attention(values_are_one, 0.5)
    assert mixed.std() > 0.1  # without dropout all are 1
    torch.manual_seed(1)
    again = causal_attention(values_are_one, 0.5)
    assert torch.equal(mixed, again)

    def seeded(heads: Tensor) -> Tensor:
        torch.manual_seed(2)
        return causal_attention(heads, 0.3)

    def nudged(step: float) -> Tensor:
        return (seeded(heads.double() + step * direction) * grad).sum()

    direction = torch.randn(heads.shape, generator=torch.Generator().manual_seed(3)).double()
    _, gradient = with_gradient(seeded, heads.double(), grad.double())
    slope = (nudged(1e-3) - nudged(-1e-3)) / 2e-3
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-3, atol=1e-3)


def test_dropout_keeps_the_mean() -> None:
    heads, _ = made(batch=200, length=4)
    heads[:, :, 2] = 1.0
    torch.manual_seed(0)
    assert causal_attention(heads, 0.2).mean() == pytest.approx(1.0, abs=0.02)


def test_it_is_taken_to_train_in_native_bf16_on_a_cpu_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GPT_TOOLKIT_ATTENTION_PRODUCTS", raising=False)
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")
    heads = made()[0].bfloat16()
    assert not is_faster_than_sdpa(heads)
    assert is_faster_than_sdpa(heads.requires_grad_())
    assert not is_faster_than_sdpa(heads.float())
    assert not is_faster_than_sdpa(heads.to("meta"))
    assert not is_faster_than_sdpa(made(1, cpu_attention.MAX_LENGTH + 1)[0].bfloat16().requires_grad_())
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    assert not is_faster_than_sdpa(heads)
    monkeypatch.setenv("GPT_TOOLKIT_ATTENTION_PRODUCTS", "1")
    assert is_faster_than_sdpa(heads)


def test_a_decoder_trained_in_bf16_has_the_gradients_of_torch_s_attention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_ATTENTION_PRODUCTS", "1")
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=50, n_ctx=24, n_layer=2, n_head=2, n_embd=32))
    input_ids = torch.randint(50, (2, 24))

    def gradients() -> list[Tensor]:
        decoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            decoder(input_ids).square().sum().backward()
        return [p.grad.clone() for p in decoder.parameters() if p.grad is not None]

    ours = gradients()
    monkeypatch.setattr(cpu_attention, "MAX_LENGTH", 0)
    for mine, other in zip(ours, gradients(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0.0, atol=0.02 * float(other.abs().max()))
