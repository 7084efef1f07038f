"""A small model with values far from initialization, and the definition of generation."""

from collections.abc import Sequence
from typing import Any

import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm

NORMS: tuple[Norm, ...] = ("pre", "post")


def small_model(norm: Norm = "pre", seed: int = 0, **fields: Any) -> Decoder:
    shape = {"vocab_size": 23, "n_ctx": 12, "n_layer": 2, "n_head": 2, "n_embd": 16, "norm": norm}
    torch.manual_seed(seed)
    decoder = Decoder(DecoderConfig.from_fields(shape | fields))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return decoder.eval()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def greedy_without_cache(decoder: Decoder, prompt: Sequence[int], n_new: int) -> list[int]:
    """Decode greedily, reading the whole window again at each step."""
    ids, start = list(prompt), 0
    with torch.no_grad():
        for _ in range(n_new):
            if len(ids) - start > decoder.config.n_ctx:
                start = len(ids) - max(1, decoder.config.n_ctx // 2)
            logits = decoder.logits(decoder(torch.tensor([ids[start:]])))[0, -1]
            ids.append(int(logits.argmax()))
    return ids[len(prompt) :]
