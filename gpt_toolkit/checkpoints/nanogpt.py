"""Checkpoints of nanoGPT (karpathy/nanoGPT: train.py, model.py) and build-nanogpt (train_gpt2.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_tensors import match_tensors, unwrap
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredModel, tensor_shapes
from gpt_toolkit.checkpoints.torch_pickle import PlainFields, TorchFile, read_plain_pickle
from gpt_toolkit.io import is_file_name
from gpt_toolkit.tokenizers.character_tokenizer import CharacterTokenizer, character_table

_FIELDS = {
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
    "block_size": "n_ctx",
    "vocab_size": "vocab_size",
}
_GPT2_SIZES = (50_257, 50_304)  # model.py, GPTConfig.vocab_size: padded to a multiple of 64
_META = "meta.pkl"
_GELU_NOTE = (
    "nanoGPT computes the exact GELU, this toolkit and what it writes the tanh form of both papers: logits "
    "differ from nanoGPT's own by about 1e-3"
)
_NO_VOCABULARY_NOTE = (
    f"no vocabulary was found: copy nanoGPT's {_META}, from the folder of its data, next to the checkpoint"
)
_NO_BIAS_NOTE = "the model has no biases: they are zeros here, which gives the same numbers"


def is_nanogpt(content: object) -> bool:
    """Return whether a file's content is a checkpoint of nanoGPT or build-nanogpt."""
    if not isinstance(content, Mapping) or "model" not in content:
        return False
    return "model_args" in content or isinstance(content.get("config"), PlainFields)


def open_nanogpt(file: TorchFile) -> StoredModel:
    """Open the model in nanoGPT's or build-nanogpt's checkpoint; the optimizer's state is not read.

    A model without biases gets zeros, which give the same numbers. Padding of the vocabulary stays, so that
    all logits are the same.

    Raises:
        ValueError: If the model's settings and tensors do not agree.
    """
    where = str(file.path)
    has_args = "model_args" in file.content
    described_by = "model_args" if has_args else "config"
    args = file.content[described_by] if has_args else vars(file.content["config"])
    state_dict = file.content["model"]
    if not isinstance(args, Mapping) or not isinstance(state_dict, Mapping):
        raise ValueError(
            f"{where}: model_args or model is not a dict; expected the dicts that nanoGPT's train.py writes"
        )
    config = _config(args, where, described_by)
    names = [name for name, value in state_dict.items() if isinstance(value, Tensor)]
    stored = unwrap({name: file.tensor("model", name) for name in names}, where)
    notes = [_GELU_NOTE] if has_args else []
    if args.get("bias") is False:
        notes.append(_NO_BIAS_NOTE)
        dtype = next((tensor.dtype for tensor in stored.values()), torch.float32)
        for name, shape in tensor_shapes(config).items():
            if name.endswith(".bias"):
                stored.setdefault(f"transformer.{name}", LazyTensor.of(torch.zeros(shape, dtype=dtype)))
    tokenizer = _tokenizer(file, config.vocab_size)
    if not tokenizer:
        notes.append(_NO_VOCABULARY_NOTE)
    tensors, head_notes = match_tensors(stored, config, where, described_by, transposed=False)
    return StoredModel(
        "nanoGPT checkpoint" if has_args else "build-nanogpt checkpoint",
        config,
        tensors,
        tokenizer,
        file.path,
        (file.path,),
        (*notes, *head_notes),
        exact_gelu=has_args,  # build-nanogpt: train_gpt2.py, MLP has the tanh form
        release=file.release,
    )


def _tokenizer(file: TorchFile, vocab_size: int) -> dict[str, str] | str:
    """Return the files of a vocabulary of characters, the name of GPT-2's, or nothing.

    nanoGPT's data/DATASET/prepare.py writes the characters into ``meta.pkl``. Its out folders lie next to
    ``data``; a copy may lie next to the checkpoint.

    Raises:
        ValueError: If ``meta.pkl`` is not such a file.
    """
    folder, settings = file.path.parent, file.content.get("config")
    dataset: Any = settings.get("dataset") if isinstance(settings, Mapping) else None
    places = [folder / _META]
    places += [folder.absolute().parent / "data" / dataset / _META] if is_file_name(dataset) else []
    for path in places:
        if path.is_file():
            meta = read_plain_pickle(path)
            ids = meta.get("stoi") if isinstance(meta, dict) else None
            if not isinstance(ids, dict) or len(ids) > vocab_size:
                raise ValueError(
                    f"{path}: no ids of at most {vocab_size} characters; expected them as stoi; remove "
                    "the file if it belongs to other data"
                )
            return CharacterTokenizer(character_table(ids, str(path))).files()
    return "gpt2" if vocab_size in _GPT2_SIZES else {}


def _config(args: Mapping[str, Any], where: str, described_by: str) -> DecoderConfig:
    missing = [name for name in _FIELDS if not isinstance(args.get(name), int)]
    if missing:
        raise ValueError(
            f"{where}: {described_by} without {', '.join(missing)}; expected a whole number for each"
        )
    dropout = float(args.get("dropout") or 0.0)
    try:
        return DecoderConfig.from_preset(
            "gpt2",
            **{ours: args[theirs] for theirs, ours in _FIELDS.items()},
            **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), dropout),
            wpe_std=0.02,  # nanoGPT: model.py, _init_weights
        )
    except ValueError as error:
        raise ValueError(f"{where}: {described_by}: {error}") from None
