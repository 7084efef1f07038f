"""Weights of another model that a task starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.stored_heads import module_name
from gpt_toolkit.checkpoints.stored_model import StoredHeads
from gpt_toolkit.tokenizers import Tokenizer


def load_initial_weights(
    backbone: Decoder,
    model: str,
    *,
    tokenizer: Tokenizer | None,
    n_new_tokens: int = 0,
    is_transferred: Callable[[str], bool] = lambda name: True,
) -> list[str]:
    """Fill a backbone from a model with the same shape and vocabulary; return notes for the log.

    Token embeddings that only the backbone has keep their initial values.

    Args:
        backbone: Filled in place.
        model: A model folder, a checkpoint or an id of the hub.
        tokenizer: Tokenizer of the data, which must be the model's; None for no check.
        n_new_tokens: Number of token ids that the model need not have.
        is_transferred: Returns whether to take the tensor of this name.

    Raises:
        ValueError: If shape or tokenizer differ; the message names the fields.
    """
    saved = open_model(model)
    ours, theirs = backbone.config.to_fields(), saved.config.to_fields()
    compared = ["n_ctx", "n_layer", "n_head", "n_embd", "norm"]
    if ours["vocab_size"] - n_new_tokens > theirs["vocab_size"]:
        compared.append("vocab_size")
    different = [f"{key} {ours[key]} against {theirs[key]}" for key in compared if ours[key] != theirs[key]]
    if different:
        raise ValueError(
            f"init_from {model}: decoder with {', '.join(different)}; expected the model's; leave these "
            "fields out"
        )
    # Compare the files of checkpoints only: those of a folder may be another program's, equal in meaning.
    files = saved.tokenizer if isinstance(saved.tokenizer, Mapping) else {}
    if tokenizer is not None and files and dict(files) != dict(tokenizer.files()):
        raise ValueError(
            f"init_from {model}: trained with another tokenizer than the data's; expected the same; set "
            "data.tokenizer to the one it was trained with, such as the folder model/ of its run"
        )
    with torch.no_grad():
        for name, tensor in backbone.state_dict().items():
            if is_transferred(name):
                stored = saved.tensors[name].read()
                rows = min(len(tensor), len(stored))
                tensor[:rows].copy_(stored[:rows])
    return [f"initial weights: {model}", *saved.notes]


def load_initial_heads(
    heads: nn.ModuleDict, datasets: Mapping[str, TrainedDataset], stored: StoredHeads, model: str
) -> list[str]:
    """Fill heads from those of a fine-tuned model whose outputs mean the same; return notes for the log.

    A dataset takes the head of its own name, else the only head of the model if it has one itself. Outputs
    are matched by label, in any order.

    Args:
        heads: Filled in place.
        datasets: Datasets of the heads, by name.
        stored: Heads of the model.
        model: Name of the model, for the notes.
    """
    theirs = {name: one.spec for name, one in stored.datasets.items() if one.has_head}
    ours = {name: one.spec for name, one in datasets.items() if one.has_head}
    notes = []
    for name, spec in ours.items():
        source = theirs.get(name)
        if source is None and len(theirs) == len(ours) == 1:
            source = next(iter(theirs.values()))
        if source is None or not _means_the_same(source, spec):
            notes.append(f"initial head of {name}: new; {model} has {_describe(theirs) or 'none'}")
            continue
        order = [source.labels.index(label) for label in spec.labels if spec.kind != "multiple_choice"] or [0]
        with torch.no_grad():
            for part, parameter in heads.get_submodule(f"{module_name(name)}.linear").named_parameters():
                tensor = stored.tensors[f"{module_name(source.name)}.linear.{part}"].read()
                parameter.copy_(tensor[order])
        notes.append(f"initial head of {name}: that of {source.name} in {model}")
    return notes


def _means_the_same(theirs: TaskSpec, ours: TaskSpec) -> bool:
    """Return whether two heads are of one kind and have the same labels, in any order."""
    same_labels = ours.kind == "multiple_choice" or set(theirs.labels) == set(ours.labels)
    return theirs.kind == ours.kind and same_labels


def _describe(specs: Mapping[str, TaskSpec]) -> str:
    return ", ".join(f"{name} ({spec.kind}: {', '.join(spec.labels)})" for name, spec in specs.items())
