"""Sums of recorded activations, and replaced ones compared with changed weights or other texts."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import PRESETS, Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.trace import activation_names, trace
from tests.small_decoder import NORMS, small_decoder

IDS = torch.tensor([3, 1, 4, 1, 5, 9])
OTHER = torch.tensor([2, 7, 1, 8, 2, 8])


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def decoder_of(preset: str) -> Decoder:
    """Return a preset with two layers and narrow heads."""
    fields = {"n_layer": 2, "n_embd": 8 * PRESETS[preset]["n_head"], "n_ctx": 16, "vocab_size": 50}
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig.from_preset(preset, **fields)).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return decoder


@pytest.mark.parametrize("norm", NORMS)
def test_a_trace_leaves_the_result_unchanged_and_has_every_name(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()
    batch = torch.stack([IDS, OTHER])
    found = trace(decoder, batch)
    with torch.no_grad():
        hidden = decoder(batch)
    assert torch.equal(found["final"], hidden)
    assert torch.equal(found["logits"], decoder.logits(hidden))
    assert list(found) == activation_names(decoder.config)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in decoder.modules())
    for name, value in trace(decoder, IDS).items():
        assert not value.requires_grad
        assert_close(value, found[name][0])


@pytest.mark.parametrize("preset", PRESETS)
def test_contributions_sum_to_the_final_states(preset: str) -> None:
    decoder = decoder_of(preset)
    found = trace(decoder, torch.stack([IDS, OTHER]))
    parts = found.parts()
    assert len(parts) == 2 + 2 * (decoder.config.n_head + 1)
    assert_close(torch.stack(list(parts.values())).sum(0), found["final"])


@pytest.mark.parametrize("norm", NORMS)
def test_the_stream_is_what_the_table_says(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()
    found = trace(decoder, IDS)
    same: Callable[[Tensor], Tensor] = lambda x: x  # noqa: E731
    blocks: Any = decoder.h
    for layer, block in enumerate(blocks):
        at = {name: found[f"h.{layer}.{name}"] for name in ("resid_pre", "resid_mid", "resid_post")}
        norms = (same, same) if norm == "pre" else (block.ln_1, block.ln_2)
        attn, mlp = found[f"h.{layer}.attn.out"], found[f"h.{layer}.mlp.out"]
        assert_close(at["resid_mid"], norms[0](at["resid_pre"] + attn).detach())
        assert_close(at["resid_post"], norms[1](at["resid_mid"] + mlp).detach())
        assert_close(found[f"h.{layer}.attn.heads"].sum(0) + block.attn.c_proj.bias.detach(), attn)
        hidden = found[f"h.{layer}.mlp.hidden"]
        assert_close(block.mlp.c_proj(hidden).detach(), mlp)
        pattern = found[f"h.{layer}.attn.pattern"]
        assert_close(pattern.sum(-1), torch.ones(2, 6))
        assert not pattern.triu(1).any()
    assert torch.equal(found["h.0.resid_pre"], found["embed"])
    assert torch.equal(found["h.1.resid_pre"], found["h.0.resid_post"])


@pytest.mark.parametrize(
    "name", ["embed", "h.0.resid_mid", "h.0.resid_post", "h.1.resid_pre", "h.1.resid_mid"]
)
@pytest.mark.parametrize("norm", NORMS)
def test_with_the_stream_of_another_text_the_result_is_that_text_s(norm: Norm, name: str) -> None:
    decoder = small_decoder(norm).eval()
    other = trace(decoder, OTHER)
    patched = trace(decoder, IDS, replace={name: other[name]})
    assert torch.equal(patched[name], other[name])
    assert_close(patched["logits"], other["logits"])


@pytest.mark.parametrize("name", ["attn.pattern", "attn.heads", "attn.out", "mlp.hidden", "mlp.out"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_part_replaced_by_its_own_value_changes_nothing(norm: Norm, name: str) -> None:
    decoder = small_decoder(norm).eval()
    plain = trace(decoder, IDS)
    full = f"h.1.{name}"
    assert_close(trace(decoder, IDS, replace={full: lambda value: value})["logits"], plain["logits"])
    zeroed = trace(decoder, IDS, replace={full: torch.zeros_like})
    assert not zeroed[full].any()
    assert not torch.allclose(zeroed["logits"], plain["logits"])


@pytest.mark.parametrize("norm", NORMS)
def test_a_head_without_output_is_one_whose_weights_are_zero(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()

    def without_head_1(heads: Tensor) -> Tensor:
        heads[1] = 0
        return heads

    patched = trace(decoder, IDS, replace={"h.0.attn.heads": without_head_1})
    first: Any = decoder.h[0]
    with torch.no_grad():
        first.attn.c_proj.weight[:, 4:] = 0
    assert_close(patched["logits"], trace(decoder, IDS)["logits"])


@pytest.mark.parametrize("norm", NORMS)
def test_with_the_pattern_of_the_first_token_a_head_repeats_its_value(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()
    first = torch.zeros(2, 6, 6)
    first[..., 0] = 1
    heads = trace(decoder, IDS, replace={"h.1.attn.pattern": first})["h.1.attn.heads"]
    assert_close(heads, heads[:, :1].expand_as(heads))


def test_only_the_requested_activations_are_recorded() -> None:
    found = trace(small_decoder(), IDS, keep=["final", "h.1.attn.out"])
    assert list(found) == ["h.1.attn.out", "final"]
    with pytest.raises(KeyError, match=r"no activation finale \(did you mean final\?\)"):
        found["finale"]


@pytest.mark.parametrize(
    ("replacement", "given"),
    [(torch.zeros(2, 5, 5), r"\(2, 5, 5\)"), (lambda value: value[0], r"\(6, 6\)"), (print, "NoneType")],
    ids=["tensor", "function", "no tensor"],
)
def test_a_value_of_another_shape_is_refused(replacement: Tensor, given: str) -> None:
    message = rf"replace h.0.attn.pattern: {given}; expected a tensor of shape \(2, 6, 6\)"
    decoder = small_decoder()
    with pytest.raises(ValueError, match=message):
        trace(decoder, IDS, replace={"h.0.attn.pattern": replacement})
    assert not any(module._forward_hooks for module in decoder.modules())


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"activation: h.0.attn.paterns; .*did you mean h.0.attn.pattern\?"):
        trace(small_decoder(), IDS, replace={"h.0.attn.paterns": IDS})
