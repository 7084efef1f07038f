"""Heads of fine-tuning in model files: their tensors, and what their outputs mean.

A model folder holds the heads in ``heads.safetensors`` and the datasets that they were trained on in
``config.json``. One head that classifies single sequences is also ``score.weight``, which
``GPT2ForSequenceClassification`` and ``OpenAIGPTForSequenceClassification`` read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.backbone.heads import ClassificationHead, MultipleChoiceHead
from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredHeads, StoredModel

HEADS = "heads."  # start of the heads' names in a task's state dict
HEADS_FILE = "heads.safetensors"
DATASETS = "datasets"  # key of the datasets in checkpoints and, under gpt_toolkit, in config.json
SCORE = "score.weight"  # transformers: modeling_gpt2.py, GPT2ForSequenceClassification
FOREIGN_HEAD = "classes"
"""Name of a head that another program trained."""

_CLASSIFIERS = {"pre": "GPT2ForSequenceClassification", "post": "OpenAIGPTForSequenceClassification"}
_TOLERANCE = 1e-5  # largest difference of a logit in fp32


def read_heads(heads: StoredHeads, n_embd: int, where: str) -> nn.ModuleDict:
    """Build the heads of a model on disk with their weights, without dropout.

    Args:
        heads: The heads.
        n_embd: Width of the states, D.
        where: Name of the file, for the message.

    Raises:
        ValueError: If tensors are missing or of another shape.
    """
    built = build_heads(heads.datasets, n_embd, 0.0)
    for name, tensor in built.state_dict().items():
        stored = heads.tensors.get(name)
        if stored is None or stored.shape != tuple(tensor.shape):
            found = "is missing" if stored is None else f"is {stored.shape}"
            raise ValueError(
                f"{where}: {HEADS}{name} {found}; expected {tuple(tensor.shape)}, as its datasets make it"
            )
        tensor.copy_(stored.read())
    return built.eval()


def build_heads(datasets: Mapping[str, TrainedDataset], n_embd: int, clf_pdrop: float) -> nn.ModuleDict:
    """Build the head of each dataset that has one, by :func:`module_name`.

    Args:
        datasets: The datasets, by name.
        n_embd: Width of the states, D.
        clf_pdrop: Dropout before each head.
    """
    heads = nn.ModuleDict()
    for name, dataset in datasets.items():
        if dataset.has_head and dataset.spec.n_outputs:  # none, if a file has no labels and no model is known
            spec = dataset.spec
            heads[module_name(name)] = (
                MultipleChoiceHead(n_embd, clf_pdrop)
                if spec.kind == "multiple_choice"
                else ClassificationHead(n_embd, spec.n_outputs, clf_pdrop)
            )
    return heads


def module_name(dataset: str) -> str:
    """Return the name of a dataset's head as a module: dots would divide it, and methods have names, too."""
    return "dataset_" + dataset.replace("%", "%25").replace(".", "%2E")


def stored_datasets(record: Mapping[str, Any]) -> dict[str, TrainedDataset]:
    """Return the datasets in the record of a checkpoint or under ``gpt_toolkit`` of a config, by name."""
    return {name: TrainedDataset.from_fields(fields) for name, fields in record.get(DATASETS, {}).items()}


def checkpoint_heads(record: Mapping[str, Any], tensors: Mapping[str, LazyTensor]) -> StoredHeads | None:
    """Return the heads of a training checkpoint; None if it is not of fine-tuning.

    Args:
        record: Record of the run.
        tensors: Tensors of the task by their names in its state dict.
    """
    if not (datasets := stored_datasets(record)):
        return None
    named = {name.removeprefix(HEADS): t for name, t in tensors.items() if name.startswith(HEADS)}
    return StoredHeads(datasets, named)


def classifier_heads(score: LazyTensor, fields: Mapping[str, Any]) -> StoredHeads:
    """Return the head of a classifier of ``transformers``.

    Args:
        score: Its ``score.weight``, ``(n, D)``.
        fields: Content of ``config.json``.

    Raises:
        ValueError: If its outputs are not classes that exclude one another; the message is the reason.
    """
    n_outputs = score.shape[0]
    problem = fields.get("problem_type") or "single_label_classification"
    if problem != "single_label_classification" or n_outputs < 2:
        raise ValueError(f"{n_outputs} outputs for {problem}; expected 2 or more classes, one for each text")
    names = fields.get("id2label") or {str(i): f"LABEL_{i}" for i in range(n_outputs)}
    labels = tuple(str(names[index]) for index in sorted(names, key=int))
    if len(labels) != n_outputs or len(set(labels)) < n_outputs:
        raise ValueError(f"{n_outputs} outputs, id2label {', '.join(labels)}; expected a name for each")
    spec = TaskSpec(FOREIGN_HEAD, "classification", labels, 1, ("accuracy",))
    name = f"{module_name(FOREIGN_HEAD)}.linear"
    bias = LazyTensor.of(torch.zeros(n_outputs, dtype=score.dtype))
    dataset = TrainedDataset(spec, n_ctx=int(fields.get("n_positions", 0)) or None)
    tensors = {f"{name}.weight": score, f"{name}.bias": bias}
    return StoredHeads({FOREIGN_HEAD: dataset}, tensors, has_special_tokens=False)


def transformers_classifier(
    heads: StoredHeads, config: DecoderConfig, tensors: Mapping[str, LazyTensor]
) -> tuple[Tensor, dict[str, Any]]:
    """Return ``score.weight`` and fields of ``config.json`` with which transformers computes the same logits.

    Its heads have no bias. But all states of a layer norm with weights w and biases b lie in one plane: the
    mean of (h - b) / w is 0. So a multiple of 1 / w has the same product with every state, and adds the bias.

    Args:
        heads: Heads of the model.
        config: Config of the decoder.
        tensors: Tensors of the decoder by their names in ``Decoder.state_dict()``.

    Raises:
        ValueError: If transformers has no such head; the message is the reason.
    """
    specs = [one.spec for one in heads.datasets.values() if one.has_head]
    if len(specs) != 1:
        raise ValueError(f"{len(specs)} heads, and it has one")
    [spec] = specs
    n_texts = heads.datasets[spec.name].n_texts
    if spec.kind != "classification" and not (spec.kind == "graded" and n_texts == 1):
        what = "a score of each answer" if spec.kind == "multiple_choice" else "both orders of two texts"
        raise ValueError(f"the head of {spec.name} reads {what}, and its heads read one sequence")
    name = f"{module_name(spec.name)}.linear"
    weight, bias = (heads.tensors[f"{name}.{part}"].read().double() for part in ("weight", "bias"))
    last = "ln_f" if config.norm == "pre" else f"h.{config.n_layer - 1}.ln_2"
    scale, shift = (tensors[f"{last}.{part}"].read().double() for part in ("weight", "bias"))
    score = weight
    if bias.any():
        score = weight + bias[:, None] / (shift / scale).sum() / scale  # (n, D)
    score = score.float()
    probe = torch.randn(64, config.n_embd, generator=torch.Generator().manual_seed(0))
    states = nn.functional.layer_norm(probe, (config.n_embd,), scale.float(), shift.float())
    difference = (states @ score.T - (states.double() @ weight.T + bias)).abs().max()
    if not difference < _TOLERANCE:  # also if it is not a number
        raise ValueError(f"its heads have no bias, and that of {spec.name} does not fit into the weights")
    fields = {
        "architectures": [_CLASSIFIERS[config.norm]],
        "id2label": {str(i): label for i, label in enumerate(spec.labels)},
        "label2id": {label: i for i, label in enumerate(spec.labels)},
        "problem_type": "single_label_classification",
    }
    return score.to(heads.tensors[f"{name}.weight"].dtype), fields


def has_heads(model: StoredModel) -> bool:
    """Return whether a model on disk has heads of fine-tuning."""
    return model.heads is not None and any(one.has_head for one in model.heads.datasets.values())


def describe_transformers(model: StoredModel) -> str:
    """Return which class of transformers reads a model folder, or why it does not read the heads."""
    if model.heads is None or not has_heads(model):
        return "loads in transformers"
    try:
        _, fields = transformers_classifier(model.heads, model.config, model.tensors)
    except ValueError as reason:
        return f"loads in transformers without its heads: {reason}"
    return f"loads in transformers as {fields['architectures'][0]}"
