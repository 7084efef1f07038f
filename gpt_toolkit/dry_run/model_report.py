"""A model's shape and parameters, and what of it is trained."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from gpt_toolkit.backbone import DecoderConfig


def shape_lines(config: DecoderConfig) -> Iterator[str]:
    """Shape of a decoder, and its number of parameters with and without embeddings."""
    norm = {"pre": "norm before each sublayer (GPT-2)", "post": "norm after each sum (GPT-1)"}[config.norm]
    yield (
        f"{config.n_layer} layers of width {config.n_embd:,}, {config.n_head} heads of {config.head_width}, "
        f"context {config.n_ctx:,}, vocabulary {config.vocab_size:,}; {norm}"
    )
    embeddings = (config.vocab_size + config.n_ctx) * config.n_embd
    yield f"{config.n_params:,} parameters, {config.n_params - embeddings:,} without embeddings"


def trained_line(module: nn.Module) -> str:
    """How many parameters are trained, heads counted."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    total, trained = sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains)
    return f"{trained:,} of {total:,} parameters are trained" + (", heads counted" if total else "")
