"""``config.json`` of Hugging Face's layout, and the decoder's config that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpt_toolkit.backbone.block import LAYER_NORM_EPS
from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.tokenizers import Tokenizer

OLD_HUB_IDS = ("openai-gpt", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
"""Ids of models on the hub that have no owner."""

# Fields of config.json of each architecture, and the values of fields that are left out.
_GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "n_inner": None,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}
_GPT1 = {"architectures": ["OpenAIGPTLMHeadModel"], "model_type": "openai-gpt", "afn": "gelu"}
_GPT2_SHAPE = {"vocab_size": 50_257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
_GPT1_SHAPE = _GPT2_SHAPE | {"vocab_size": 40_478, "n_positions": 512}
_PDROPS = ("embd_pdrop", "attn_pdrop", "resid_pdrop")
_TANH_GELU = {"gelu_new", "gelu_pytorch_tanh"}


def hugging_face_config(config: DecoderConfig) -> dict[str, Any]:
    """Return the fields of ``config.json``; those that only this toolkit has are under ``gpt_toolkit``."""
    return {
        **(_GPT2 if config.norm == "pre" else _GPT1),
        "vocab_size": config.vocab_size,
        "n_positions": config.n_ctx,
        "n_ctx": config.n_ctx,  # an older name, which llama.cpp's converter reads
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        **{name: getattr(config, name) for name in _PDROPS},
        "layer_norm_epsilon": LAYER_NORM_EPS,
        "tie_word_embeddings": True,
        "bos_token_id": None,  # stated, because GPT2Config's own value is 50256 whatever the vocabulary
        "eos_token_id": None,
        "gpt_toolkit": {"residual_init": config.residual_init, "wpe_std": config.wpe_std},
    }


def config_from_hugging_face(fields: Mapping[str, Any], where: str = "config.json") -> DecoderConfig:
    """Return the config of the decoder that a ``config.json`` describes.

    Args:
        fields: Content of the file.
        where: Name of the file, for the message.

    Raises:
        ValueError: If it is neither a GPT-1 nor a GPT-2. The message lists every problem.
    """
    kind = fields.get("model_type")
    if kind not in ("gpt2", "openai-gpt"):
        raise ValueError(f"{where}: model_type: {kind!r}; expected gpt2 or openai-gpt")
    pre = kind == "gpt2"
    got = {**(_GPT2_SHAPE if pre else _GPT1_SHAPE), **dict.fromkeys(_PDROPS, 0.1), **fields}
    activation = "activation_function" if pre else "afn"
    allowed = _TANH_GELU if pre else {"gelu", *_TANH_GELU}  # OpenAIGPT's "gelu" is the tanh form
    problems = [
        f"{name}: {got[name]!r}; expected a whole number"
        for name in _GPT2_SHAPE
        if not isinstance(got[name], int)
    ]
    problems += [
        f"{name}: {got[name]!r}; expected a probability"
        for name in _PDROPS
        if not isinstance(got[name], int | float)
    ]
    if problems:
        raise ValueError(f"{where}: {'; '.join(problems)}")
    if (given := got.get(activation, "gelu_new")) not in allowed:
        problems.append(f"{activation}: {given!r}; expected {' or '.join(sorted(allowed))}")
    if pre and (inner := got.get("n_inner")) not in (None, 4 * got["n_embd"]):
        problems.append(f"n_inner: {inner}; expected 4 n_embd = {4 * got['n_embd']}")
    fixed: dict[str, Any] = {"tie_word_embeddings": True, "layer_norm_epsilon": LAYER_NORM_EPS}
    if pre:
        names = ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention")
        fixed |= {name: _GPT2[name] for name in names}
    for name, value in fixed.items():
        if got.get(name, value) != value:
            problems.append(f"{name}: {got[name]}; expected {value}")
    ours = got.get("gpt_toolkit", {})
    if not isinstance(ours, dict):
        problems.append(f"gpt_toolkit: {ours!r}; expected an object")
    if problems:
        raise ValueError(f"{where}: {'; '.join(problems)}")
    try:
        return DecoderConfig.from_fields(
            {
                "n_ctx": got["n_positions"],
                **{name: got[name] for name in _GPT2_SHAPE if name != "n_positions"},
                **{name: float(got[name]) for name in _PDROPS},
                "norm": "pre" if pre else "post",
                "residual_init": ours.get("residual_init", "scaled" if pre else "plain"),
                "wpe_std": ours.get("wpe_std", 0.01 if pre else 0.02),
            }
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def token_id_fields(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the ids at which texts begin and end, as fields of ``config.json``."""
    ids = list(tokenizer.end_ids)
    return {
        "bos_token_id": tokenizer.end_of_text,
        "eos_token_id": ids if len(ids) > 1 else next(iter(ids), None),
    }
