"""Roles of attention heads, scored on random tokens that repeat."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.trace import trace

ROLES = {
    "previous token": "attention to the token before",
    "induction": "attention to the token that followed the earlier occurrence of the same token",
    "attention sink": "attention to the first token",
}
"""Roles that are scored, and the attention that the score measures."""

_LONGEST = 50
"""Tokens before the repetition (Olsson et al. 2022 and TransformerLens: 25 to 50)."""
_SEQUENCES = 4  # chosen here; their mean varies by about 0.01


def repeated_tokens(
    decoder: Decoder, start: int, *, vocab_size: int, excluded: Collection[int] = (), seed: int = 0
) -> Tensor:
    """Return sequences of a start token and ``n`` random tokens, twice, ``(B, 1 + 2 n)``.

    Args:
        decoder: Its context limits ``n``.
        start: The first token.
        vocab_size: Number of token ids.
        excluded: Ids that are not drawn, such as special tokens.
        seed: Seed of the draws.

    Raises:
        ValueError: If the context is shorter than two tokens and their repetition.
    """
    length = min(_LONGEST, (decoder.config.n_ctx - 1) // 2)
    if length < 2:
        raise ValueError(
            f"head roles: context length {decoder.config.n_ctx}; expected at least 5; choose another model"
        )
    ids = torch.tensor([i for i in range(vocab_size) if i != start and i not in excluded])
    generator = torch.Generator().manual_seed(seed)
    half = ids[torch.randint(len(ids), (_SEQUENCES, length), generator=generator)]
    return torch.cat([torch.full((_SEQUENCES, 1), start), half, half], dim=1).to(decoder.wte.weight.device)


def head_roles(decoder: Decoder, repeated: Tensor) -> dict[str, Tensor]:
    """Return the score of each head for each role, ``(n_layer, n_head)``, from 0 to 1.

    A score is the mean attention probability that :data:`ROLES` describes. Induction is scored on the
    repetition alone.

    Args:
        decoder: In evaluation mode.
        repeated: See :func:`repeated_tokens`.
    """
    names = [f"h.{layer}.attn.pattern" for layer in range(decoder.config.n_layer)]
    found = trace(decoder, repeated, keep=names)
    half = (repeated.shape[1] - 1) // 2
    scores: dict[str, list[Tensor]] = {role: [] for role in ROLES}
    for name in names:
        pattern = found[name].float()  # (B, H, T, T)
        after_earlier = pattern.diagonal(1 - half, dim1=-2, dim2=-1)[..., 2:]  # queries in the repetition
        scores["previous token"].append(pattern.diagonal(-1, dim1=-2, dim2=-1).mean(dim=(0, 2)))
        scores["induction"].append(after_earlier.mean(dim=(0, 2)))
        scores["attention sink"].append(pattern[..., 1:, 0].mean(dim=(0, 2)))
    return {role: torch.stack(rows).cpu() for role, rows in scores.items()}
