"""Names and orientations of a decoder's tensors in Hugging Face's layout.

``GPT2LMHeadModel`` is a decoder with ``norm="pre"``, ``OpenAIGPTLMHeadModel`` one with ``norm="post"``. Their
blocks have the same tensor names and shapes; only the names of the embeddings and the final norm differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor

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


def _some(names: list[str], most: int = 4) -> str:
    """Return the first names, and the number of the others."""
    shown = ", ".join(names[:most]) or "none"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
