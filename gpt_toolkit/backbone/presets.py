"""Presets: the shapes of both papers, and a ladder of small ones for experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpt_toolkit.suggestions import did_you_mean

# GPT-1 §4.1 and released code: 40,478 token ids, 512 positions, norm after each sum, N(0, 0.02) throughout.
_GPT1 = {
    "vocab_size": 40_478,
    "n_ctx": 512,
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 768,
    "norm": "post",
    "embd_pdrop": 0.1,
    "attn_pdrop": 0.1,
    "resid_pdrop": 0.1,
    "residual_init": "plain",
    "wpe_std": 0.02,
}


def _gpt2(n_layer: int, n_embd: int) -> dict[str, Any]:
    # GPT-2 §2.3 and Table 2; heads of width 64 and wpe_std: released code. The released code has no dropout,
    # and what training used was not published.
    shape = {"n_layer": n_layer, "n_head": n_embd // 64, "n_embd": n_embd}
    return {"vocab_size": 50_257, "n_ctx": 1024, **shape, "norm": "pre"}


def _small(n_layer: int, n_embd: int, head_width: int) -> dict[str, Any]:
    # GPT-2's form at sizes for a laptop, chosen here. Vocabulary and context come from the data.
    return {"n_layer": n_layer, "n_head": n_embd // head_width, "n_embd": n_embd, "norm": "pre"}


PRESETS: dict[str, dict[str, Any]] = {
    "gpt1": _GPT1,
    "gpt2": _gpt2(12, 768),
    "gpt2-medium": _gpt2(24, 1024),
    "gpt2-large": _gpt2(36, 1280),
    "gpt2-xl": _gpt2(48, 1600),
    "gpt-nano": _small(2, 64, 32),
    "gpt-micro": _small(4, 128, 32),
    "gpt-mini": _small(6, 192, 32),
    "gpt-midi": _small(6, 384, 64),
    "gpt-maxi": _small(8, 512, 64),
}
"""Fields of each preset; the small ones leave ``vocab_size`` and ``n_ctx`` to the data."""


def preset(name: str) -> dict[str, Any]:
    """Return the fields of a preset.

    Raises:
        ValueError: If the name is unknown; the message suggests the nearest.
    """
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise ValueError(f"decoder preset: {name!r}{hint}; expected one of {', '.join(PRESETS)}")
    return dict(PRESETS[name])


def decoder_fields(decoder: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a config's ``decoder`` stands for.

    Args:
        decoder: A preset's name, or fields, which may include ``preset``. They override those of the preset;
            fields that are None are ignored.

    Raises:
        ValueError: If the preset is unknown.
    """
    given: dict[str, Any] = {"preset": decoder} if isinstance(decoder, str) else dict(decoder)
    name = given.pop("preset", None)
    fields = {} if name is None else preset(name)
    return fields | {key: value for key, value in given.items() if value is not None}
