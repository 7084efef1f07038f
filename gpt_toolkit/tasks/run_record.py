"""Record of a run in its checkpoints, and the check of a checkpoint against this run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_FORMAT
from gpt_toolkit.tokenizers import Tokenizer

_OF_OPTIMIZER_STATE = ("model.optimizer", "model.freeze_layers", "model.layer_decay")
"""Options that decide which state an optimizer has, and in which groups."""


def run_record(
    *,
    task: str,
    config: DecoderConfig,
    tokenizer: Tokenizer | None,
    plan: str | None,
    step: int,
    init_from: str | None,
    ledger: list[dict[str, Any]],
    adapters: dict[str, Any],
    precision: str,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return the record that makes a checkpoint complete, as plain types.

    Args:
        task: Name of the task's class.
        config: Shape of the decoder.
        tokenizer: Tokenizer of the data, if any.
        plan: Description of the order of the training data, if any.
        step: Number of updates so far.
        init_from: Model that the run started from; None for random weights.
        ledger: Data that the run has read, see :mod:`gpt_toolkit.tasks.ledger`.
        adapters: Settings of the adapters in the decoder; empty without them.
        precision: Value of ``trainer.precision``.
        settings: Settings of training, by the names of their options, as plain types.
    """
    return {
        "format": CHECKPOINT_FORMAT,
        "version": version("gpt-toolkit"),
        "torch": str(torch.__version__),  # its own class is not a plain type
        "task": task,
        "decoder": config.to_fields(),
        "tokenizer": {} if tokenizer is None else dict(tokenizer.files()),
        "fingerprint": None if tokenizer is None else tokenizer.fingerprint,
        "plan": plan,
        "step": step,
        "init_from": init_from,
        "ledger": ledger,
        "adapters": adapters,
        "precision": precision,
        "settings": settings,
    }


def check_record(
    saved: Mapping[str, Any] | None, ours: Mapping[str, Any], *, trains: bool, accept_new_plan: bool
) -> None:
    """Refuse a checkpoint of another task, decoder or tokenizer; for training, also of another data plan.

    Args:
        saved: Record of the checkpoint, see :func:`run_record`; None for another program's.
        ours: Record of this run.
        trains: Whether this run trains.
        accept_new_plan: Whether it may do so with another data plan.

    Raises:
        ValueError: If the records differ; the message gives both values and the fix.
    """
    if saved is None:
        raise ValueError("checkpoint: not written by gpt_toolkit; expected one that gpt-toolkit fit wrote")
    if saved["format"] != CHECKPOINT_FORMAT:
        raise ValueError(
            f"checkpoint: format {saved['format']}; expected {CHECKPOINT_FORMAT}; use the version of "
            "gpt_toolkit that wrote it"
        )
    if saved["task"] != ours["task"]:
        raise ValueError(
            f"task: {ours['task']}; expected {saved['task']}, as in the checkpoint; --ckpt_path resumes the "
            "same task; for its weights in another task use --model.init_from"
        )
    here, there = ours["decoder"], saved["decoder"]
    if different := [key for key in here if here[key] != there.get(key)]:
        values = "; ".join(
            f"{key} is {there.get(key)} in the checkpoint, {here[key]} in this run" for key in different
        )
        raise ValueError(f"decoder: {values}; expected the checkpoint's values; restore them")
    if (adapters := saved.get("adapters") or {}) != ours["adapters"]:
        raise ValueError(
            f"lora: {ours['adapters'] or 'none'}; expected {adapters or 'none'}, as in the checkpoint; give "
            "these settings, or begin a new run by --model.init_from"
        )
    if trains:
        for option in _OF_OPTIMIZER_STATE:
            before, now = saved["settings"].get(option), ours["settings"].get(option)
            if before != now:
                raise ValueError(
                    f"{option}: {now}; expected {before}, as in the checkpoint; restore it, or begin a new "
                    "run by --model.init_from"
                )
    if ours["fingerprint"] is None:  # no DataModule to compare with
        return
    if saved["fingerprint"] not in (None, ours["fingerprint"]):
        raise ValueError(
            f"tokenizer of the data: {ours['fingerprint']}; expected {saved['fingerprint']}, as in the "
            "checkpoint; choose the tokenizer that it was trained with"
        )
    if trains and not accept_new_plan and saved["plan"] not in (None, ours["plan"]):
        raise ValueError(
            f"data: {ours['plan']!r}; expected {saved['plan']!r}, as in the checkpoint; restore what "
            "differs, or set --model.accept_new_plan true"
        )


def describe_changes(saved: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Return the settings that differ, as ``model.optimizer.lr 0.003 -> 1e-05, ...``; empty if none does.

    Options that only one of two schedules has are left out.
    """
    changed = [name for name in saved if name in ours and saved[name] != ours[name]]
    return ", ".join(f"{name} {_shown(saved[name])} -> {_shown(ours[name])}" for name in changed)


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
