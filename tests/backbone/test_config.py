"""Shapes: parameter counts of the published ones, and invalid shapes."""

import pytest
import torch

from gpt_toolkit.backbone import PRESETS, Decoder, DecoderConfig

PUBLISHED = {
    "gpt1": (116_534_784, 146),
    "gpt2": (124_439_808, 148),
    "gpt2-medium": (354_823_168, 292),
    "gpt2-large": (774_030_080, 436),
    "gpt2-xl": (1_557_611_200, 580),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_shapes_have_their_exact_number_of_parameters_and_tensors(name: str) -> None:
    config = DecoderConfig.from_preset(name)
    with torch.device("meta"):
        decoder = Decoder(config)
    assert sum(p.numel() for p in decoder.parameters()) == PUBLISHED[name][0]
    assert len(list(decoder.parameters())) == PUBLISHED[name][1]
    assert config.n_params == PUBLISHED[name][0]
    assert config.head_width == 64


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in PUBLISHED])
def test_the_small_shapes_grow_with_their_place_in_the_ladder(name: str) -> None:
    sizes = [
        DecoderConfig.from_preset(other, vocab_size=256, n_ctx=64).n_params
        for other in PRESETS
        if other not in PUBLISHED
    ]
    assert sizes == sorted(sizes)
    with torch.device("meta"):
        decoder = Decoder(DecoderConfig.from_preset(name, vocab_size=256, n_ctx=64))
    assert sum(p.numel() for p in decoder.parameters()) in sizes


def test_training_operations_follow_the_palm_formula() -> None:
    assert DecoderConfig.from_preset("gpt2").flops_per_token == 855_166_464
    assert DecoderConfig.from_preset("gpt2-xl").flops_per_token == 10_279_555_200
    assert DecoderConfig.from_preset("gpt1").flops_per_token == 753_472_512


def test_a_config_survives_the_way_through_plain_fields() -> None:
    config = DecoderConfig.from_preset("gpt1", n_layer=3)
    assert DecoderConfig.from_fields(config.to_fields()) == config


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'gpt2-midium' \(did you mean gpt2-medium\?\)"):
        DecoderConfig.from_preset("gpt2-midium")


def test_what_the_data_must_add_to_a_small_shape_is_named() -> None:
    with pytest.raises(ValueError, match="decoder: no vocab_size, n_ctx; expected a value for each"):
        DecoderConfig.from_preset("gpt-mini")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="decoder: unknown field n_heads; expected vocab_size, n_ctx"):
        DecoderConfig.from_preset("gpt2", n_heads=7)


def test_all_faults_of_a_shape_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"n_head: 7; .*such as 1, 2, 4, 8.*attn_pdrop: 1\.0; .*norm:"):
        DecoderConfig(5, 5, 1, 7, 128, attn_pdrop=1.0, norm="middle")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="decoder: n_layer: 0; expected a whole number of at least 1"):
        DecoderConfig(5, 5, 0, 1, 8)
