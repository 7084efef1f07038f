from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig, packed_linear
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.packed_linear import PackedLinear, pack
from gpt_toolkit.generation import generate
from gpt_toolkit.hardware import can_pack
from tests.small_decoder import NORMS

LARGE = torch.zeros(512, 512)

pytestmark = pytest.mark.skipif(not can_pack(LARGE), reason="no packed products on this CPU")
DTYPES = [
    torch.float32,
    pytest.param(
        torch.bfloat16,
        marks=pytest.mark.skipif(not can_pack(LARGE.bfloat16()), reason="no bf16 instructions"),
    ),
]


def plain_decoder(norm: Norm = "pre", dtype: torch.dtype = torch.float32, **fields: Any) -> Decoder:
    torch.manual_seed(0)
    shape = {"vocab_size": 101, "n_ctx": 20, "n_layer": 2, "n_head": 2, "n_embd": 24, "norm": norm}
    decoder = Decoder(DecoderConfig.from_fields(shape | fields))
    for parameter in decoder.parameters():
        parameter.detach().add_(torch.randn_like(parameter), alpha=0.2)
    return decoder.to(dtype).eval()


@pytest.fixture
def pack_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_linear, "_MIN_BYTES", 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["none", "gelu"])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 8, 33])
def test_a_packed_map_agrees_with_the_plain_one(dtype: torch.dtype, activation: str, n_rows: int) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(70, 40), torch.randn(70), torch.randn(n_rows, 40)
    weight, bias, x = weight.to(dtype), bias.to(dtype), x.to(dtype)
    expected = F.linear(x.double(), weight.double(), bias.double())
    if activation == "gelu":
        expected = F.gelu(expected, approximate="tanh")
    got = PackedLinear(weight, bias, activation)(x)
    assert got.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 1e-2  # bf16: of its result, rounded once
    torch.testing.assert_close(got.double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_s_result_does_not_depend_on_the_rows_beside_it(dtype: torch.dtype) -> None:
    linear = PackedLinear(torch.randn(768, 768).to(dtype), None)
    x = torch.randn(2, 16, 768).to(dtype)
    together = linear(x)
    assert together.shape == (2, 16, 768)
    for n in (1, 2, 3, 5):
        assert torch.equal(linear(x[:1, :n].contiguous()), together[:1, :n])


@pytest.mark.parametrize("norm", NORMS)
def test_logits_of_a_packed_decoder_are_those_of_the_plain_one(norm: Norm, pack_everything: None) -> None:
    decoder = plain_decoder(norm)
    fast = pack(decoder)
    assert fast is not decoder
    ids = torch.randint(101, (3, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(fast.logits(fast(ids)), decoder.logits(decoder(ids)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("prompts", [[[3]], [[1, 2, 3]] * 4, [[5, 4], [9] * 11, [7]]])
def test_a_packed_decoder_generates_the_tokens_of_the_plain_one(
    norm: Norm, prompts: list[list[int]], pack_everything: None
) -> None:
    decoder = plain_decoder(norm)
    expected = generate(decoder, prompts, max_new_tokens=50, temperature=0.0)
    assert generate(pack(decoder), prompts, max_new_tokens=50, temperature=0.0) == expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", [[33, 70, 7], [33, 33, 33]], ids=str)
def test_no_bit_of_a_sequence_depends_on_those_beside_it(
    lengths: list[int], dtype: torch.dtype, pack_everything: None
) -> None:
    shape: dict[str, Any] = {
        "n_ctx": 71,
        "n_layer": 1,
        "n_head": 12,
        "n_embd": 768,
    }  # the last bits need room to differ
    decoder = pack(plain_decoder(**shape, dtype=dtype))
    generator = torch.Generator().manual_seed(1)
    prompts = [torch.randint(101, (n,), generator=generator).tolist() for n in lengths]

    def states(prompts: list[list[int]]) -> Tensor:
        seen = []

        def logits(hidden: Tensor) -> Tensor:
            seen.append(hidden.clone())
            return type(decoder).logits(decoder, hidden)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoder, "logits", logits)
            generate(decoder, prompts, max_new_tokens=3, temperature=0.0)  # the longest one slides
        return torch.stack(seen, dim=1)  # (B, new tokens, D)

    assert torch.equal(states(prompts), torch.cat([states([prompt]) for prompt in prompts]))


def test_a_decoder_in_bfloat16_is_packed(pack_everything: None) -> None:
    decoder = plain_decoder()
    ids = torch.randint(101, (2, 9))
    with torch.no_grad():
        expected = decoder.logits(decoder(ids))
        fast = pack(decoder.bfloat16())
        got = fast.logits(fast(ids))
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), expected, rtol=0.1, atol=0.15)


def test_embeddings_and_norms_are_shared_and_the_plain_decoder_stays_as_it_was(pack_everything: None) -> None:
    decoder = plain_decoder()
    before = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    fast = pack(decoder)
    assert fast.wte is decoder.wte
    assert fast.wpe is decoder.wpe
    assert not any(parameter.is_meta for parameter in fast.parameters())
    assert [name for name, tensor in fast.state_dict().items() if len(tensor) == 101] == ["wte.weight"]
    assert before.keys() == decoder.state_dict().keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in decoder.state_dict().items())


def test_only_large_matrices_are_packed() -> None:
    decoder = plain_decoder()
    assert pack(decoder) is decoder
    mixed = plain_decoder(vocab_size=12000)  # the output matrix alone is large enough
    fast = pack(mixed)
    assert [name for name, part in fast.named_modules() if isinstance(part, PackedLinear)] == ["_output"]
    options: dict[str, Any] = {"max_new_tokens": 9, "temperature": 0.0}
    assert generate(fast, [[1]], **options) == generate(mixed, [[1]], **options)


def test_what_onednn_does_not_take_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPT_TOOLKIT_PACKED", raising=False)
    assert can_pack(LARGE)
    assert not can_pack(LARGE.to("meta"))
    assert not can_pack(LARGE.half())
    assert not can_pack(LARGE.double())
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_pack(LARGE)
