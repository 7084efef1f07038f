"""Weights that a task starts from, and the record that it writes into checkpoints and checks in them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.strategies import ModelParallelStrategy

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_FORMAT, CHECKPOINT_KEY
from gpt_toolkit.optim import number_in_module_order

if TYPE_CHECKING:
    from gpt_toolkit.tasks.base import BaseTask

log = logging.getLogger(__name__)


def load_initial_weights(task: BaseTask, model: str) -> None:
    """Fill a task's backbone from a model with the same shape and vocabulary.

    Token embeddings that only the backbone has keep their initial values.

    Raises:
        ValueError: If shape or tokenizer differ; the message names the fields.
    """
    saved = open_model(model)
    backbone = task.built_backbone
    ours, theirs = backbone.config.to_fields(), saved.config.to_fields()
    compared = ["n_ctx", "n_layer", "n_head", "n_embd", "norm"]
    if ours["vocab_size"] - task.n_marks > theirs["vocab_size"]:
        compared.append("vocab_size")
    different = [f"{key} {ours[key]} against {theirs[key]}" for key in compared if ours[key] != theirs[key]]
    if different:
        raise ValueError(f"init_from {model}: this decoder differs from the model's: {', '.join(different)}")
    _check_same_tokenizer(task, model, saved.tokenizer)
    with torch.no_grad():
        for name, tensor in backbone.state_dict().items():
            if task.is_transferred(name):
                stored = saved.tensors[name].read()
                rows = min(len(tensor), len(stored))
                tensor[:rows].copy_(stored[:rows])
    if task.trainer.is_global_zero:
        log.info("initial weights: %s", model)
        for note in saved.notes:
            log.info(note)


def _check_same_tokenizer(task: BaseTask, model: str, files: object) -> None:
    if task.data is None or not isinstance(files, Mapping) or not files:
        return  # a folder's files may be those of another program, with the same meaning
    if dict(files) != dict(task.data.vocabulary.files()):
        raise ValueError(
            f"init_from {model}: it was trained with another tokenizer than the data's: give "
            f"data.tokenizer the one it was trained with, such as the folder model/ of its run"
        )


def complete_checkpoint(task: BaseTask, checkpoint: dict[str, Any]) -> None:
    """Add a record of decoder, tokenizer and data plan to a checkpoint, as plain types."""
    vocabulary = None if task.data is None else task.data.vocabulary
    checkpoint[CHECKPOINT_KEY] = {
        "format": CHECKPOINT_FORMAT,
        "version": version("gpt-toolkit"),
        "task": type(task).__name__,
        "decoder": task.built_backbone.config.to_fields(),
        "tokenizer": {} if vocabulary is None else dict(vocabulary.files()),
        "fingerprint": None if vocabulary is None else vocabulary.fingerprint,
        "plan": getattr(task.data, "plan", None),
        "step": task.trainer.global_step,
        "adapters": task.adapters,
        "precision": str(task.trainer.precision),
    }
    if not isinstance(task.trainer.strategy, ModelParallelStrategy) and task.sharded_root() is None:
        # Strategies that divide the optimizer's state find it by a parameter's number in the module.
        states = checkpoint.get("optimizer_states", ())
        for optimizer, state in zip(task.trainer.optimizers, states, strict=False):
            number_in_module_order(task, optimizer, state)


def check_checkpoint(task: BaseTask, checkpoint: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another task, decoder or tokenizer, and to train on with another data plan.

    Raises:
        ValueError: If they differ; the message gives both values and the fix.
    """
    saved = checkpoint.get(CHECKPOINT_KEY)
    if saved is None:
        raise ValueError("the checkpoint was not written by gpt_toolkit")
    if saved["format"] != CHECKPOINT_FORMAT:
        raise ValueError(
            f"the checkpoint has format {saved['format']}, this version reads {CHECKPOINT_FORMAT}"
        )
    if saved["task"] != type(task).__name__:
        raise ValueError(
            f"the checkpoint is of {saved['task']}, this run is {type(task).__name__}: --ckpt_path "
            f"continues the same task; for weights into another task use --model.init_from"
        )
    ours, theirs = task.built_backbone.config.to_fields(), saved["decoder"]
    different = [key for key in ours if ours[key] != theirs.get(key)]
    if different:
        values = "; ".join(f"{key} {theirs.get(key)} there, {ours[key]} here" for key in different)
        raise ValueError(f"decoder mismatch between checkpoint and run: {values}")
    if (adapters := saved.get("adapters") or {}) != task.adapters:
        raise ValueError(
            f"the checkpoint's adapters are {adapters or 'none'}, this run's are {task.adapters or 'none'}: "
            "give the settings that it was trained with, or start a new run from it by --model.init_from"
        )
    before, now = saved["precision"], str(task.trainer.precision)
    if before != now and task.trainer.training and task.trainer.is_global_zero:
        log.info("the checkpoint was trained in %s; this run continues in %s", before, now)
    if task.data is None:
        return
    fingerprint = task.data.vocabulary.fingerprint
    if saved["fingerprint"] not in (None, fingerprint):
        raise ValueError(
            f"the checkpoint's tokenizer is {saved['fingerprint']}, the data's is {fingerprint}: choose the "
            "tokenizer that the checkpoint was trained with"
        )
    plan = getattr(task.data, "plan", None)
    if task.trainer.training and not task.accept_new_plan and saved["plan"] not in (None, plan):
        raise ValueError(
            f"the checkpoint was trained on '{saved['plan']}', this run would continue with '{plan}': "
            f"restore what differs, or say --model.accept_new_plan true"
        )
