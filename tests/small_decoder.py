"""A small decoder with values far from initialization."""

from typing import Any

import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm

NORMS: tuple[Norm, ...] = ("pre", "post")


def small_config(norm: Norm = "pre", **fields: Any) -> DecoderConfig:
    shape = {"vocab_size": 13, "n_ctx": 6, "n_layer": 2, "n_head": 2, "n_embd": 8, "norm": norm}
    return DecoderConfig.from_fields(shape | fields)


def small_decoder(norm: Norm = "pre") -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(small_config(norm))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_()
    return decoder
