from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig, int8_linear
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.int8_linear import Int8Linear, largest_activation, quantize
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.generation import generate
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.hardware import has_int8_products
from gpt_toolkit.tokenizers import load_tokenizer
from tests.small_decoder import NORMS

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(not has_int8_products(CPU), reason="no int8 products on this machine")


def formula(weight: Tensor, bias: Tensor | None, x: Tensor, largest: int) -> Tensor:
    """Compute the quantized product in float64, whose integers are exact."""
    scales = weight.double().abs().amax(1) / 127
    norms = x.double().abs().amax(-1, keepdim=True)
    integers = (weight.double() / scales[:, None]).round()
    rounded = (x.double() * (largest / norms) + 0.5).floor()
    y = rounded @ integers.T * scales * norms / largest
    return y if bias is None else y + bias.double()


@pytest.mark.parametrize("n_rows", [1, 2, 8, 33])
@pytest.mark.parametrize("activation", ["none", "gelu"])
def test_products_are_those_of_the_formula(n_rows: int, activation: str) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(70, 48), torch.randn(70), torch.randn(n_rows, 48)
    expected = formula(weight, bias, x, largest_activation())
    if activation == "gelu":
        expected = F.gelu(expected, approximate="tanh")
    found = Int8Linear(weight, bias, activation)(x)
    # a value at the border of two integers may be rounded to either
    assert ((found.double() - expected).abs() > 1e-5).double().mean() < 0.01
    torch.testing.assert_close(found.double(), expected, rtol=0.05, atol=0.05)


def test_the_largest_values_do_not_overflow() -> None:
    weight, x = torch.ones(64, 3072), torch.ones(4, 3072)
    torch.testing.assert_close(Int8Linear(weight, None)(x), F.linear(x, weight))
    torch.testing.assert_close(Int8Linear(-weight, None)(x), F.linear(x, -weight))


def test_inputs_have_seven_bits_where_products_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_linear, "largest_activation", lambda: 63)
    torch.manual_seed(0)
    weight, x = torch.randn(64, 64), torch.randn(5, 64)
    expected = formula(weight, None, x, 63)
    torch.testing.assert_close(Int8Linear(weight, None)(x).double(), expected, rtol=0.05, atol=0.05)
    eight_bits = formula(weight, None, x, 127)
    exact = x.double() @ weight.double().T
    assert (expected - exact).std() > 1.5 * (eight_bits - exact).std()  # else nothing was tested


def test_zeros_give_the_bias() -> None:
    bias = torch.randn(32)
    assert torch.equal(Int8Linear(torch.randn(32, 32), bias)(torch.zeros(1, 2, 32)), bias.expand(1, 2, 32))
    assert torch.equal(Int8Linear(torch.zeros(32, 32), bias)(torch.randn(1, 2, 32)), bias.expand(1, 2, 32))


def test_a_row_s_result_does_not_depend_on_the_rows_beside_it() -> None:
    linear = Int8Linear(torch.randn(768, 768), torch.randn(768))
    x = torch.randn(2, 16, 768) * torch.rand(2, 16, 1)
    together = linear(x)
    assert together.shape == (2, 16, 768)
    for n in (1, 2, 3, 5):
        assert torch.equal(linear(x[:1, :n].contiguous()), together[:1, :n])


def small_decoder(norm: Norm = "pre") -> Decoder:
    torch.manual_seed(0)
    config = DecoderConfig(vocab_size=257, n_ctx=40, n_layer=2, n_head=4, n_embd=64, norm=norm)
    decoder = Decoder(config).eval()
    for parameter in decoder.parameters():
        parameter.detach().add_(torch.randn_like(parameter), alpha=0.05)
    return decoder


@pytest.mark.parametrize("norm", NORMS)
def test_probabilities_are_close_to_those_of_fp32(norm: Norm) -> None:
    decoder = small_decoder(norm)
    fast = quantize(decoder)
    ids = torch.randint(257, (8, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain, found = (each.logits(each(ids)).log_softmax(-1) for each in (decoder, fast))
    assert (found - plain).std() < 0.05 * plain.std()
    assert not torch.equal(found, plain)  # it computed in int8


@pytest.mark.parametrize("norm", NORMS)
def test_the_cache_changes_no_token(norm: Norm) -> None:
    fast = quantize(small_decoder(norm))
    prompts = [[5, 4], [9] * 11, [7]]
    found = generate(fast, prompts, max_new_tokens=12, temperature=0.0)
    for prompt, tokens in zip(prompts, found, strict=True):
        ids = list(prompt)
        for token in tokens:
            with torch.no_grad():
                assert fast.logits(fast(torch.tensor([ids])))[0, -1].argmax() == token
            ids.append(token)


def test_a_model_loads_in_int8_and_is_not_saved_so(tmp_path: Path) -> None:
    plain = LanguageModel(small_decoder(), load_tokenizer("bytes"))
    plain.save(tmp_path / "model")
    model = load(tmp_path / "model", dtype=torch.int8)
    assert pack(model.decoder) is model.decoder
    expected: Any = plain.score("In the", " beginning")
    found: Any = model.score("In the", " beginning")
    assert found[0] != expected[0]
    assert found[0] == pytest.approx(expected[0], rel=0.02)
    assert len(model.generate("In the", max_new_tokens=5, seed=0)) > 0
    with pytest.raises(ValueError, match="load it in float32"):
        model.save(tmp_path / "again")


def test_a_machine_without_int8_products_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_INT8", "0")
    with pytest.raises(ValueError, match="dtype int8: device cpu; expected an x86 CPU"):
        quantize(small_decoder())
