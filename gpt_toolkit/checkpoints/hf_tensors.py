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
_MASKS = re.compile(r"(^|\.)h\.\d+\.attn\.(bias|masked_bias)$")  # buffers that older releases saved
# DataParallel and DDP, torch.compile, Lightning's strategies, FSDP, activation checkpointing
_WRAPPERS = re.compile(
    r"(?<![^.])(module|_orig_mod|_forward_module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
# transformers: modeling_gpt2.py, classes for classification, tagging, questions and choices; trl's value head
_HEADS = re.compile(r"(score|classifier|qa_outputs|(multiple_choice_head|v_head)\.summary)\.(weight|bias)")
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
            f"state dict: missing {_some(missing)}; surplus {_some(surplus)}; expected the tensors of a "
            f"{config.n_layer}-layer {_WHOSE[config.norm]} decoder"
        )
    return {
        _PREFIX + theirs: state_dict[ours].t() if is_transposed(ours) else state_dict[ours]
        for ours, theirs in table.items()
    }


def from_hugging_face(
    state_dict: Mapping[str, Tensor], config: DecoderConfig, where: str = "state dict"
) -> dict[str, Tensor]:
    """Rename and transpose the tensors of either class as a decoder has them; nothing is copied.

    Accepts what :func:`match_tensors` accepts.

    Args:
        state_dict: Tensors of ``GPT2LMHeadModel`` or ``OpenAIGPTLMHeadModel``.
        config: The decoder's config.
        where: Name of the place, for the message.

    Raises:
        ValueError: If the tensors are not those of such a decoder, or the output matrix is not tied.
    """
    stored = {name: LazyTensor.of(tensor) for name, tensor in state_dict.items()}
    tensors, _ = match_tensors(stored, config, where)
    return {name: tensor.read() for name, tensor in tensors.items()}


def unwrap(stored: Mapping[str, AnyTensor], where: str) -> dict[str, AnyTensor]:
    """Remove the names of the wrappers of ``torch.compile`` and of parallel training from tensors' names.

    Raises:
        ValueError: If two tensors have one name then.
    """
    plain: dict[str, str] = {}
    for name in stored:
        other = plain.setdefault(_WRAPPERS.sub("", name), name)
        if other != name:
            raise ValueError(
                f"{where}: both {other} and {name}; expected one of them, because they are the same tensor "
                "of a model"
            )
    return {name: stored[wrapped] for name, wrapped in plain.items()}


def match_tensors(
    stored: Mapping[str, LazyTensor],
    config: DecoderConfig,
    where: str,
    config_name: str = "the config",
    *,
    transposed: bool = True,
) -> tuple[dict[str, LazyTensor], tuple[str, ...]]:
    """Rename and transpose tensors that are not read yet, after a check against the config.

    Accepts names below any prefix such as ``transformer.`` and in wrappers, an output matrix that equals the
    token embeddings or stands for them, the mask buffers of older releases, and the heads of other tasks.

    Args:
        stored: Tensors by their stored names.
        config: The decoder's config.
        where: Name of the file of tensors, for the message.
        config_name: Name of the file of the config, for the message.
        transposed: Whether matrices are stored as [in, out].

    Returns:
        The decoder's tensors, and a note on the head of another task.
    """
    stored = {name: tensor for name, tensor in unwrap(stored, where).items() if not _MASKS.search(name)}
    prefix, norm = _find_decoder(stored, where)
    if norm != config.norm:
        raise ValueError(
            f"{where}: tensors of a {_WHOSE[norm]} decoder; expected those of a {_WHOSE[config.norm]} "
            f"decoder, as {config_name} describes"
        )
    outer = prefix.removesuffix(_PREFIX)
    heads = [name for name in stored if name.startswith(outer) and _HEADS.fullmatch(name, len(outer))]
    note = f"the head of another task is left out: {', '.join(f'{n} {stored[n].shape}' for n in heads)}"
    stored = {name: tensor for name, tensor in stored.items() if name not in heads}
    tokens = prefix + _OUTSIDE_BLOCKS[norm]["wte.weight"]
    output = stored.pop(outer + _LM_HEAD, None)
    if output is not None:
        stored.setdefault(tokens, output)

    def names(n_layer: int) -> dict[str, str]:
        return {ours: prefix + theirs for ours, theirs in stored_names(norm, n_layer).items()}

    tensors = rename_tensors(stored, config, names, where, Path(config_name).name, transposed=transposed)
    if output is not None and output is not stored[tokens] and not output.equals(stored[tokens]):
        raise ValueError(
            f"{where}: {outer}{_LM_HEAD} differs from {tokens}; expected equal values; an untied output "
            "matrix is not implemented"
        )
    return tensors, (note,) if heads else ()


def _find_decoder(stored: Mapping[str, LazyTensor], where: str) -> tuple[str, Norm]:
    """Return what precedes the names of the decoder's tensors, and where its norms are."""
    found = {
        (name.removesuffix(key), norm)
        for norm, table in _OUTSIDE_BLOCKS.items()
        for key in (table["wte.weight"], table["wpe.weight"])
        for name in stored
        if f".{name}".endswith(f".{key}")
    }
    if len(found) == 1:
        return found.pop()
    if found:
        raise ValueError(
            f"{where}: {len(found)} decoders, below {', '.join(sorted(repr(p) for p, _ in found))}; "
            "expected one; save the state_dict of one of them"
        )
    tokens = [table["wte.weight"] for table in _OUTSIDE_BLOCKS.values()]
    raise ValueError(
        f"{where}: tensors {_some(sorted(stored))}; expected the token embeddings of GPT-2 ({tokens[0]}) or "
        f"of GPT-1 ({tokens[1]})"
    )


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
    layers = [int(match[1]) for name in stored if (match := re.search(r"\bh\.?(\d{1,4})[./]", name))]
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
