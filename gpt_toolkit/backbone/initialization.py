"""Initial weights of a decoder (GPT-1 §4.1; GPT-2 §2.3)."""

from __future__ import annotations

import math

import torch
from torch import nn

from gpt_toolkit.backbone.config import DecoderConfig

INITIAL_STD = 0.02
"""Standard deviation of every matrix and of the token embeddings (GPT-1 §4.1; GPT-2's released code)."""


@torch.no_grad()
def initialize(decoder: nn.Module, config: DecoderConfig) -> None:
    """Draw the initial weights of a decoder in place.

    Matrices and token embeddings are N(0, 0.02), biases 0, norm gains 1. With ``residual_init="scaled"``
    the two projections of each block that write to the residual stream are N(0, 0.02 / sqrt(2 n_layer)), the
    usual reading of GPT-2 §2.3's 1/sqrt(N) over N residual layers.
    """
    is_scaled = config.residual_init == "scaled"
    residual_std = INITIAL_STD / math.sqrt(2 * config.n_layer) if is_scaled else INITIAL_STD
    for name, module in decoder.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=residual_std if name.endswith("c_proj") else INITIAL_STD)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=config.wpe_std if name == "wpe" else INITIAL_STD)
