"""Activation patching: which activations carry the difference between two texts (Meng et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.trace import trace

PATCHED = {
    "resid_pre": "residual stream before the layer",
    "attn.out": "output of attention",
    "mlp.out": "output of the MLP",
}
"""Activations of a layer that are patched, one at a time."""

_BATCH_TOKENS = 4096  # tokens of one forward pass; tuned here: more are not faster on a CPU


def first_difference(ids: Sequence[int], other_ids: Sequence[int]) -> int:
    """Return the first position at which two texts differ.

    Raises:
        ValueError: If they have different numbers of tokens, or are equal.
    """
    if len(ids) != len(other_ids):
        raise ValueError(
            f"the two texts have {len(ids)} and {len(other_ids)} tokens; expected the same number; change "
            "words of one of them"
        )
    for position, (token, other) in enumerate(zip(ids, other_ids, strict=True)):
        if token != other:
            return position
    raise ValueError("the two texts have the same tokens; expected a difference; change a word of one")


@dataclass(frozen=True)
class PatchEffects:
    """Effects of patching on the logit difference between two answers after the last token.

    Attributes:
        first: First position at which the texts differ. Before it, all activations are equal.
        difference: Logit of the first text's answer minus that of the second's, for the first text.
        other_difference: The same for the second text.
        effects: By activation, ``(n_layer, T - first)``: the part of the way from ``other_difference`` to
            ``difference`` that the second text goes if it gets one activation of the first. 0 changes
            nothing, 1 gives the first text's logit difference.
    """

    first: int
    difference: float
    other_difference: float
    effects: dict[str, Tensor]


def patch_effects(
    decoder: Decoder,
    ids: Sequence[int],
    other_ids: Sequence[int],
    answers: tuple[int, int],
    *,
    advance: Callable[[], None] = lambda: None,
) -> PatchEffects:
    """Patch each layer and position of a text with the activation that another text has there.

    Args:
        decoder: In evaluation mode.
        ids: The text whose activations are copied.
        other_ids: The text that is patched, of the same number of tokens.
        answers: Answer of each text, a token id.
        advance: Called after each layer and activation.

    Raises:
        ValueError: If the texts have different numbers of tokens, are equal, or have the same logit
            difference.
    """
    first = first_difference(ids, other_ids)
    device = decoder.wte.weight.device
    text, other = (torch.tensor(list(each), device=device) for each in (ids, other_ids))
    names = {kind: [f"h.{layer}.{kind}" for layer in range(decoder.config.n_layer)] for kind in PATCHED}
    clean = trace(decoder, text, keep=["final", *(name for row in names.values() for name in row)])

    def difference(final: Tensor) -> Tensor:
        logits = decoder.logits(final[..., -1, :]).float()
        return logits[..., answers[0]] - logits[..., answers[1]]

    with torch.no_grad():
        to = difference(clean["final"]).item()
        since = difference(trace(decoder, other, keep=["final"])["final"]).item()
    if not abs(to - since) > 0:
        raise ValueError(
            f"both texts have the logit difference {to:.3g}; expected different ones; give other answers"
        )

    batch_size = max(1, _BATCH_TOKENS // len(text))

    def effects_of(name: str) -> Tensor:
        patched = []
        for start in range(first, len(text), batch_size):
            positions = torch.arange(start, min(start + batch_size, len(text)), device=device)
            rows = torch.arange(len(positions), device=device)

            def patch(value: Tensor) -> Tensor:
                value[rows, positions] = clean[name][positions]  # noqa: B023 called before the next turn
                return value

            batch = other.expand(len(positions), -1)
            final = trace(decoder, batch, replace={name: patch}, keep=["final"])["final"]
            with torch.no_grad():
                patched.append((difference(final) - since) / (to - since))
        advance()
        return torch.cat(patched).cpu()

    effects = {kind: torch.stack([effects_of(name) for name in row]) for kind, row in names.items()}
    return PatchEffects(first, to, since, effects)
