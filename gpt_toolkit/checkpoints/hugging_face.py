"""Hugging Face's layout of both papers' models: names, orientations and ``config.json``.

``GPT2LMHeadModel`` is a decoder with ``norm="pre"``, ``OpenAIGPTLMHeadModel`` one with ``norm="post"``. Their
blocks have the same tensor names and shapes; only the names of the embeddings and the final norm differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from gpt_toolkit.backbone.block import LAYER_NORM_EPS
from gpt_toolkit.backbone.config import DecoderConfig, Norm
from gpt_toolkit.checkpoints.stored_model import LazyTensor, check_tensors

AnyTensor = TypeVar("AnyTensor", Tensor, LazyTensor)

_MATRICES = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
_NORMS = ("ln_1", "ln_2")
_OUTSIDE_BLOCKS: dict[Norm, dict[str, str]] = {  # ours -> theirs
    "pre": {
        "wte.weight": "wte.weight",
        "wpe.weight": "wpe.weight",
        "ln_f.weight": "ln_f.weight",
        "ln_f.bias": "ln_f.bias",
    },
    "post": {"wte.weight": "tokens_embed.weight", "wpe.weight": "positions_embed.weight"},
}
_PREFIX = "transformer."
_LM_HEAD = "lm_head.weight"
_MASKS = re.compile(r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)")  # buffers that older releases saved
_WHOSE: dict[Norm, str] = {"pre": "GPT-2", "post": "GPT-1"}

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


def stored_names(norm: Norm, n_layer: int) -> dict[str, str]:
    """Return the name of each of our tensors in the file, without ``transformer.``."""
    names = dict(_OUTSIDE_BLOCKS[norm])
    for layer in range(n_layer):
        for part in (*_NORMS, *_MATRICES):
            for kind in ("weight", "bias"):
                name = f"h.{layer}.{part}.{kind}"
                names[name] = name
    return names


def is_transposed(name: str) -> bool:
    """Return whether the layout stores a tensor as [in, out], as a convolution of width 1 does."""
    return name.endswith(tuple(f".{matrix}.weight" for matrix in _MATRICES))


def to_hugging_face(state_dict: Mapping[str, AnyTensor], config: DecoderConfig) -> dict[str, AnyTensor]:
    """Rename and transpose a decoder's tensors as Hugging Face has them; nothing is copied or read.

    Args:
        state_dict: ``Decoder.state_dict()``.
        config: The decoder's config.

    Returns:
        The tensors of ``GPT2LMHeadModel`` or ``OpenAIGPTLMHeadModel`` without the tied output matrix.

    Raises:
        ValueError: If the tensors are not those of such a decoder.
    """
    table = stored_names(config.norm, config.n_layer)
    missing, surplus = sorted(set(table) - set(state_dict)), sorted(set(state_dict) - set(table))
    if missing or surplus:
        raise ValueError(
            f"state dict: not the tensors of a {config.n_layer}-layer {_WHOSE[config.norm]} decoder: "
            f"missing {_some(missing)}; surplus {_some(surplus)}"
        )
    return {
        _PREFIX + theirs: state_dict[ours].t() if is_transposed(ours) else state_dict[ours]
        for ours, theirs in table.items()
    }


def from_hugging_face(
    state_dict: Mapping[str, Tensor], config: DecoderConfig, where: str = "state dict"
) -> dict[str, Tensor]:
    """Rename and transpose the tensors of either class as a decoder has them; nothing is copied.

    Accepts names with and without ``transformer.``, an output matrix that equals the token embeddings, and
    the mask buffers of older releases.

    Args:
        state_dict: Tensors of ``GPT2LMHeadModel`` or ``OpenAIGPTLMHeadModel``.
        config: The decoder's config.
        where: Name of the place, for the message.

    Raises:
        ValueError: If the tensors are not those of such a decoder, or the output matrix is not tied.
    """
    stored = {name: LazyTensor.of(tensor) for name, tensor in state_dict.items()}
    return {name: tensor.read() for name, tensor in match_tensors(stored, config, where).items()}


def match_tensors(
    stored: Mapping[str, LazyTensor],
    config: DecoderConfig,
    where: str,
    config_name: str = "the config",
    *,
    transposed: bool = True,
) -> dict[str, LazyTensor]:
    """Rename and transpose tensors that are not read yet, after a check against the config.

    Args:
        stored: Tensors by their stored names.
        config: The decoder's config.
        where: Name of the file of tensors, for the message.
        config_name: Name of the file of the config, for the message.
        transposed: Whether matrices are stored as [in, out].
    """
    stored = {name: tensor for name, tensor in stored.items() if not _MASKS.fullmatch(name)}
    output = stored.pop(_LM_HEAD, None)
    tokens = {norm: table["wte.weight"] for norm, table in _OUTSIDE_BLOCKS.items()}
    prefix = _PREFIX if any(name.startswith(_PREFIX) for name in stored) else ""
    norms = [norm for norm, name in tokens.items() if prefix + name in stored]
    if len(norms) != 1:
        have = "both" if norms else "neither"
        raise ValueError(
            f"{where}: expected the token embeddings of GPT-2 ({tokens['pre']}) or of GPT-1 "
            f"({tokens['post']}), found {have}; its tensors: {_some(sorted(stored))}"
        )
    if norms[0] != config.norm:
        raise ValueError(
            f"{where}: holds the tensors of a {_WHOSE[norms[0]]} decoder, {config_name} describes a "
            f"{_WHOSE[config.norm]} one; the two do not belong together"
        )

    def names(n_layer: int) -> dict[str, str]:
        return {ours: prefix + theirs for ours, theirs in stored_names(config.norm, n_layer).items()}

    tensors = rename_tensors(stored, config, names, where, Path(config_name).name, transposed=transposed)
    if output is not None and not output.equals(tensors["wte.weight"]):
        raise ValueError(
            f"{where}: {_LM_HEAD} differs from {prefix}{tokens[config.norm]}; an untied output matrix is not "
            "implemented"
        )
    return tensors


def rename_tensors(
    stored: Mapping[str, LazyTensor],
    config: DecoderConfig,
    names: Callable[[int], Mapping[str, str]],
    where: str,
    described_by: str,
    *,
    transposed: bool = True,
) -> dict[str, LazyTensor]:
    """Rename and transpose tensors that are not read yet, and check them with :func:`check_tensors`.

    ``names`` returns the stored name of each of our tensors, for a number of blocks.
    """
    layers = [int(match[1]) for name in stored if (match := re.search(r"\bh\.?(\d+)[./]", name))]
    table = names(max([config.n_layer, *(layer + 1 for layer in layers)]))
    tensors = {
        ours: stored[theirs].t() if transposed and is_transposed(ours) else stored[theirs]
        for ours, theirs in table.items()
        if theirs in stored
    }
    surplus = sorted(set(stored) - set(table.values()))
    check_tensors(
        where, config, tensors, described_by=described_by, stored_name=table.__getitem__, surplus=surplus
    )
    return tensors


def hugging_face_config(config: DecoderConfig) -> dict[str, Any]:
    """Return the fields of ``config.json``; those that only this toolkit has are under ``gpt_toolkit``."""
    return {
        **(_GPT2 if config.norm == "pre" else _GPT1),
        "vocab_size": config.vocab_size,
        "n_positions": config.n_ctx,
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
        raise ValueError(f"{where}: model_type is {kind!r}, expected gpt2 or openai-gpt")
    pre = kind == "gpt2"
    got = {**(_GPT2_SHAPE if pre else _GPT1_SHAPE), **dict.fromkeys(_PDROPS, 0.1), **fields}
    activation = "activation_function" if pre else "afn"
    allowed = _TANH_GELU if pre else {"gelu", *_TANH_GELU}  # OpenAIGPT's "gelu" is the tanh form
    problems = [
        f"{name} is {got[name]!r}, expected a whole number"
        for name in _GPT2_SHAPE
        if not isinstance(got[name], int)
    ]
    problems += [
        f"{name} is {got[name]!r}, expected a probability"
        for name in _PDROPS
        if not isinstance(got[name], int | float)
    ]
    if problems:
        raise ValueError(f"{where}: {'; '.join(problems)}")
    if (given := got.get(activation, "gelu_new")) not in allowed:
        problems.append(f"{activation} is {given!r}, implemented: {', '.join(sorted(allowed))}")
    if pre and (inner := got.get("n_inner")) not in (None, 4 * got["n_embd"]):
        problems.append(f"n_inner is {inner}, implemented: 4 n_embd = {4 * got['n_embd']}")
    fixed: dict[str, Any] = {"tie_word_embeddings": True, "layer_norm_epsilon": LAYER_NORM_EPS}
    if pre:
        names = ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention")
        fixed |= {name: _GPT2[name] for name in names}
    for name, value in fixed.items():
        if got.get(name, value) != value:
            problems.append(f"{name} is {got[name]}, implemented: {value}")
    ours = got.get("gpt_toolkit", {})
    if not isinstance(ours, dict):
        problems.append(f"gpt_toolkit is {ours!r}, expected an object")
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


def _some(names: list[str], most: int = 4) -> str:
    """Return the first names, and the number of the others."""
    shown = ", ".join(names[:most]) or "none"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
