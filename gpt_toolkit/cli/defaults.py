"""Settings that a run leaves open: its model decides tokenizer and context, the machine the precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import StrategyRegistry
from lightning.pytorch.trainer.states import TrainerFn

from gpt_toolkit.backbone import DecoderConfig, decoder_fields
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY
from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.options import owners
from gpt_toolkit.cli.parser_errors import unknown_option
from gpt_toolkit.cli.run_folder import read_checkpoint
from gpt_toolkit.data.supervised.datamodule import LONGEST_INPUT, SupervisedDataModule
from gpt_toolkit.hardware import (
    choose_precision,
    compute_dtype,
    default_device,
    is_native,
    limit_threads,
    precision_warning,
)
from gpt_toolkit.suggestions import did_you_mean
from gpt_toolkit.tokenizers.loading import load_tokenizer, tokenizer_name, tokenizer_of

_ALIASES = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true"}
"""Lightning's short forms."""

_INFERENCE_TASKS = ("ZeroShotTask", "GenerateTask")
"""Tasks that compute in the type of their weights, not under autocast."""

_PROBE = "the old house by the river was dark and no one knew why"
"""Words that no preparation of text changes."""


def check_model(settings: Namespace, verb: str) -> None:
    """Raise if the model's settings are wrong, before its text is read, which can take long.

    Raises:
        UsageError: If an option of the decoder does not exist or has an impossible value.
    """
    arguments = settings.model.init_args
    if "decoder" not in arguments:  # a custom task
        return
    fields = arguments.decoder or {}
    for field in () if isinstance(fields, str) else fields:
        if field not in ("preset", *DecoderConfig.__dataclass_fields__):
            raise UsageError(unknown_option(f"model.decoder.{field}", owners()))
    has_weights = bool(settings.ckpt_path or arguments.get("init_from"))
    shape = ("n_layer", "n_head", "n_embd")
    try:
        given = decoder_fields(fields)
        if not has_weights and not given.keys() & set(shape):
            raise UsageError(
                "model: none; expected --model.init_from MODEL to begin with its weights, or --model.decoder "
                "NAME to train from scratch"
            )
        required = ("vocab_size", "n_ctx", *(shape if has_weights else ()))
        DecoderConfig.from_fields(dict.fromkeys(required, 1) | given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if verb in ("validate", "test", "predict") and not has_weights:
        raise UsageError(
            f"{verb}: no model; expected --ckpt_path best, last or a file, or --model.init_from MODEL"
        )


def check_trainer(trainer: Namespace) -> None:
    """Raise if a name among the Trainer's settings is unknown.

    Raises:
        UsageError: If Lightning has no such strategy or accelerator.
    """
    for option, names in (
        ("strategy", ["auto", *StrategyRegistry.available_strategies()]),
        ("accelerator", ["auto", "gpu", *AcceleratorRegistry.available_accelerators()]),
    ):
        given = trainer.get(option)
        if isinstance(given, str) and given.lower() not in names:
            raise UsageError(
                f"trainer.{option}: {given}; expected one of Lightning's, such as {names[1]}"
                f"{did_you_mean(given, names)}"
            )


def take_from_model(settings: Namespace) -> None:
    """Default the data's tokenizer and context length, where they are open, to the model's.

    Raises:
        ValueError: If the data's tokenizer gives other token ids than the model's.
    """
    data, model = settings.data.init_args, settings.model.init_args
    source = settings.ckpt_path or model.get("init_from")
    if source and not settings.ckpt_path and data.get("tokenizer") is not None:
        _check_same_ids(str(data.tokenizer), source)
    if source and "tokenizer" in data and data.tokenizer is None:
        data.tokenizer = tokenizer_name(open_model(source).tokenizer, source)
    if "n_ctx" in data and data.n_ctx is None:
        given = decoder_fields(model.get("decoder") or {}).get("n_ctx")
        n_ctx = open_model(source).config.n_ctx if source else given
        is_supervised = str(settings.data.class_path).endswith(f".{SupervisedDataModule.__name__}")
        data.n_ctx = min(n_ctx, LONGEST_INPUT) if n_ctx is not None and is_supervised else n_ctx


def _check_same_ids(tokenizer: str, model: str) -> None:
    """Raise if a tokenizer of the data gives other token ids than the model's.

    Fingerprints are not compared: GPT-1's differ by how words are split, with the same ids for most texts.
    """
    if tokenizer == "auto" or tokenizer.startswith("train:"):
        return  # made from the corpus, and compared when it exists
    expected = tokenizer_of(open_model(model).tokenizer, model)
    if expected is not None and expected.encode(_PROBE) != load_tokenizer(tokenizer).encode(_PROBE):
        raise ValueError(
            f"data.tokenizer: {tokenizer}; expected the token ids of the tokenizer of {model}; leave "
            "data.tokenizer out to use that"
        )


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
        if str(settings.model.class_path).rpartition(".")[2] in _INFERENCE_TASKS:
            trainer.precision = "32-true"
            return None
        name, reason = choose_precision(device, allows_scaling=_allows_scaling(trainer.strategy))
        saved = checkpoint_precision(settings.ckpt_path)
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
            f"trainer.precision: {trainer.precision}; expected one that a CPU has; use --trainer.precision "
            f"{choose_precision(device).name}"
        )
    message = precision_warning(name, device)
    return message and f"warning: {message}"


class OpeningLines(Callback):
    """Printer of lines when everything is set up, so that an earlier error is printed alone.

    Args:
        lines: Lines to print.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the lines."""
        if trainer.is_global_zero:
            for line in self.lines:
                say(line)

    on_test_start = on_predict_start = on_fit_start

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the lines, unless this validation is part of ``fit``."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self.on_fit_start(trainer, pl_module)


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
    """Return the precision that a checkpoint was trained in; None without a checkpoint."""
    if not path:
        return None
    precision: str | None = read_checkpoint(path)[CHECKPOINT_KEY].get("precision")
    return precision


def _allows_scaling(strategy: Any) -> bool:
    """Return whether a strategy supports 16-mixed, which ModelParallelStrategy does not."""
    path = strategy if isinstance(strategy, str) else getattr(strategy, "class_path", type(strategy).__name__)
    return not str(path).endswith("ModelParallelStrategy")


def _has_precision_plugin(plugins: Any) -> bool:
    given = plugins if isinstance(plugins, list) else [plugins]
    return any("precision" in str(getattr(p, "class_path", p)).lower() for p in given if p is not None)
