"""Precision of a run: the user's choice, else the machine's, and the line that reports it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from gpt_toolkit.callbacks.console import say
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY, SHARD_EXTRA
from gpt_toolkit.cli.errors import UsageError
from gpt_toolkit.hardware import (
    choose_precision,
    compute_dtype,
    default_device,
    is_native,
    limit_threads,
    precision_warning,
)

_ALIASES = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true"}
"""Lightning's short forms."""

_INFERENCE_TASKS = ("ZeroShotTask", "GenerateTask")
"""Tasks that compute in the type of their weights, not under autocast."""


def resolve_precision(settings: Namespace) -> str | None:
    """Set ``trainer.precision`` if it is open.

    Args:
        settings: Parsed settings of a verb; changed in place. ``ckpt_path`` is a path or None.

    Returns:
        A line that reports the choice, or a warning about the user's; None if neither is needed.

    Raises:
        UsageError: If the device does not have the precision at all.
    """
    trainer = settings.trainer
    device = training_device(trainer)
    if device is None or _has_precision_plugin(trainer.plugins):
        return None
    if device.type == "cpu":
        limit_threads(trainer.devices if isinstance(trainer.devices, int) else 1)
    if trainer.precision is None:
        if _task_name(settings) in _INFERENCE_TASKS:
            trainer.precision = "32-true"
            return None
        choice = choose_precision(device, allows_scaling=_allows_scaling(trainer.strategy))
        saved = checkpoint_precision(settings.ckpt_path)
        name, reason = choice
        if saved is not None and saved != name:
            if is_native(compute_dtype(saved), device):
                name, reason = saved, "as the checkpoint was trained"
            else:
                reason += f"; the checkpoint was trained in {saved}"
        trainer.precision = name
        return f"precision: {name} ({reason}); change it by --trainer.precision"
    name = _ALIASES.get(str(trainer.precision), str(trainer.precision))
    if name == "16-mixed" and device.type == "cpu":
        raise UsageError(
            f"trainer.precision: {trainer.precision}; 16-mixed needs a GPU; use --trainer.precision "
            f"{choose_precision(device).name}"
        )
    message = precision_warning(name, device)
    return message and f"warning: {message}"


class PrecisionLine(Callback):
    """Printer of a line when everything is set up, so that an earlier error is printed alone.

    Args:
        line: Line to print.
    """

    def __init__(self, line: str) -> None:
        self.line = line

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        self._print(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line, unless this validation is part of ``fit``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._print(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        self._print(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        self._print(trainer)

    def _print(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            say(self.line)


def training_device(trainer: Namespace) -> torch.device | None:
    """Return the device that ``trainer.accelerator`` selects; None for unknown ones such as TPU."""
    accelerator = str(trainer.accelerator or "auto")
    if accelerator == "cpu":
        return torch.device("cpu")
    if accelerator not in ("auto", "gpu", "cuda", "mps"):
        return None
    device = default_device()
    # The Trainer raises for an accelerator that this machine does not have.
    return device if accelerator == "auto" or device.type != "cpu" else None


def checkpoint_precision(path: str | None) -> str | None:
    """Return the precision that a checkpoint was trained in; None without a checkpoint or a record."""
    if not path:
        return None
    file = Path(path) / SHARD_EXTRA if Path(path).is_dir() else Path(path)
    content = torch.load(file, weights_only=True, mmap=True, map_location="cpu")
    return dict(content.get(CHECKPOINT_KEY) or {}).get("precision")


def _task_name(settings: Namespace) -> str:
    return str(settings.model.class_path).rpartition(".")[2]


def _allows_scaling(strategy: Any) -> bool:
    """Return whether a strategy supports 16-mixed, which ModelParallelStrategy does not."""
    path = strategy if isinstance(strategy, str) else getattr(strategy, "class_path", type(strategy).__name__)
    return not str(path).endswith("ModelParallelStrategy")


def _has_precision_plugin(plugins: Any) -> bool:
    given = plugins if isinstance(plugins, list) else [plugins]
    return any("precision" in str(getattr(p, "class_path", p)).lower() for p in given if p is not None)
