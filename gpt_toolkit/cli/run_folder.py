"""Folder of a run: its name, checkpoints, saved config and results."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser

from gpt_toolkit.callbacks import CheckpointWriter
from gpt_toolkit.callbacks.checkpoint_writer import existing_run, explain_run_write_errors
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.rank_watch import is_child_of_rank_0
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.stored_heads import describe_transformers, has_heads
from gpt_toolkit.checkpoints.training_checkpoint import SHARD_EXTRA, is_checkpoint
from gpt_toolkit.checkpoints.verification import verify_checkpoint
from gpt_toolkit.cli import UsageError
from gpt_toolkit.inference.load_model import load
from gpt_toolkit.io import write_json, write_text

CONFIG = "config.yaml"
"""Config that a run writes into its folder."""

RUN_FOLDER = "--trainer.default_root_dir"


def take_option(option: str, arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return an option's value ("" if it is missing, None without the option) and the other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(option, nargs="?", const="", dest="value")
    found, rest = parser.parse_known_args(arguments)
    return found.value, rest


def run_folder(arguments: Sequence[str], first_config: Path | None) -> Path:
    """Return the folder that the arguments name, else one named after the first config."""
    given, _ = take_option(RUN_FOLDER, arguments)
    return Path(given or Path("runs") / (first_config.stem if first_config else "run"))


def find_checkpoint(ckpt_path: str | None, folder: Path) -> str | None:
    """Return the path of a checkpoint, which may be ``last`` or ``best`` of the run.

    If ``last`` is damaged, the newest other checkpoint of the run is returned, and a line says so.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is damaged.
    """
    if ckpt_path in ("last", "best"):
        path = CheckpointWriter.folder_of(folder) / f"{ckpt_path}.ckpt"
        if not path.exists():
            raise FileNotFoundError(
                f"--ckpt_path: {ckpt_path}, {path} not found; expected the run's folder in {RUN_FOLDER}"
            )
        return str(_intact(path) if ckpt_path == "last" else path)
    if ckpt_path and not Path(ckpt_path).exists():
        raise FileNotFoundError(f"--ckpt_path {ckpt_path}: file not found; expected a file, last or best")
    return ckpt_path


def _intact(path: Path) -> Path:
    """Return a checkpoint if it is intact, else the newest one of its folder that is."""
    try:
        _check_content(path)
    except ValueError as error:
        damaged = error
    else:
        return path
    found: list[tuple[int, str]] = []
    for other in path.parent.glob("*.ckpt"):
        with suppress(ValueError):
            found.append((int(_check_content(other)["global_step"]), other.name))
    if not found:
        raise damaged
    step, name = max(found)
    say(f"{damaged}; taking {path.with_name(name)} (step {step:,}) instead")
    return path.with_name(name)


def _check_content(path: Path) -> Mapping[str, Any]:
    """Return the content of an intact checkpoint, without reading its tensors.

    Raises:
        ValueError: If it is damaged, or not one of this toolkit.
    """
    verify_checkpoint(path)
    return read_checkpoint(str(path))


def read_checkpoint(path: str) -> Mapping[str, Any]:
    """Return the content of a checkpoint, without reading its tensors.

    Raises:
        ValueError: If it is not one of this toolkit.
    """
    file = Path(path) / SHARD_EXTRA if Path(path).is_dir() else Path(path)
    try:
        content = torch.load(file, weights_only=True, mmap=True, map_location="cpu")
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError):
        content = None
    if not is_checkpoint(content) or "global_step" not in content:
        raise ValueError(
            f"--ckpt_path {path}: not a checkpoint; expected a .ckpt that gpt-toolkit fit wrote; for weights "
            "of other origin use --model.init_from"
        )
    return content  # type: ignore[no-any-return]


def take_more_steps(arguments: Sequence[str]) -> tuple[int | None, list[str]]:
    """Take ``--trainer.max_steps +N`` out of the arguments; return N, or None if the number is absolute.

    Raises:
        UsageError: If N is not a number, or another option is relative.
    """
    if (epochs := take_option("--trainer.max_epochs", arguments)[0] or "").startswith("+"):
        raise UsageError(
            f"trainer.max_epochs: {epochs}; expected all epochs of the run; use --trainer.max_steps +N for "
            "N steps more than the checkpoint's"
        )
    given, rest = take_option("--trainer.max_steps", arguments)
    if given is None or not given.startswith("+"):
        return None, list(arguments)
    if not given[1:].isdecimal():
        raise UsageError(f"trainer.max_steps: {given}; expected a number of steps, such as +1000")
    return int(given[1:]), rest


def refuse_existing_run(folder: Path) -> None:
    """Raise if the folder already holds a run.

    Raises:
        FileExistsError: If it does.
    """
    # Rank 0 starts the other ranks after it has passed this check.
    if not is_child_of_rank_0() and (message := existing_run(folder)):
        raise FileExistsError(message)


class SaveConfig(Callback):
    """Writer of a run's whole config with all defaults and choices, ready for ``--config``.

    Args:
        parser: Parser of the config.
        config: Parsed settings.
    """

    def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
        self.parser, self.config = parser, config

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, now that the Trainer has accepted all settings and restored the checkpoint."""
        if trainer.is_global_zero:
            if trainer.max_steps != self.config.trainer.max_steps:
                self.config.trainer.max_steps, self.config.budget.minutes = trainer.max_steps, None
            path = Path(trainer.default_root_dir) / CONFIG
            with explain_run_write_errors(path):
                write_text(path, self.parser.dump(self.config, skip_none=False))


def save_model(folder: Path) -> None:
    """Write the model folder of the best checkpoint, else of the last one, if any exists."""
    for name in ("best.ckpt", "last.ckpt"):
        source = CheckpointWriter.folder_of(folder) / name
        if source.exists():
            load(source, device="cpu", dtype=open_model(source).dtype).save(folder / "model", overwrite=True)
            return


def describe_fit(trainer: Trainer, folder: Path) -> Iterator[str]:
    """Yield the results of a training run, its files, and what to do next."""
    metrics = trainer.callback_metrics
    values = [f"{name} {float(value):.4f}" for name, value in metrics.items() if name.startswith("val_")]
    if values:
        yield "  ".join(values)
    else:
        yield f"trained to step {trainer.global_step:,}; for more raise trainer.max_steps (or max_epochs)"
    samples = ", samples.txt" if (folder / "samples.txt").exists() else ""
    stored = open_model(folder / "model") if (folder / "model").is_dir() else None
    loads = describe_transformers(stored) if stored is not None else "loads in transformers"
    yield f"{folder}: model/ ({loads}), checkpoints/, metrics.csv, tensorboard/{samples}"
    if samples:
        yield f"next: gpt-toolkit generate {folder / 'model'}"
    else:
        kept = "best" if (CheckpointWriter.folder_of(folder) / "best.ckpt").exists() else "last"
        verb = "test" if getattr(trainer.datamodule, "has_test_labels", True) else "validate"  # type: ignore[attr-defined]
        yield f"next: gpt-toolkit {verb} --config {folder / CONFIG} --ckpt_path {kept}"
    if stored is not None and has_heads(stored):
        yield f"label new texts: gpt-toolkit predict {folder} FILE"


def describe_results(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each metric, with its 95% interval if it has one."""
    values = {name: value for result in results for name, value in result.items()}
    for name, value in values.items():
        if not name.endswith("_interval"):
            interval = values.get(f"{name}_interval")
            yield f"{name:28} {value:.4f}" + ("" if interval is None else f" +- {interval:.4f}")


def write_results(
    results: Sequence[Mapping[str, Any]], path: Path, model: str, evaluated: Mapping[str, Any]
) -> None:
    """Write the metrics, the name of their model and what datasets they are of as JSON."""
    metrics = {name: float(value) for result in results for name, value in result.items()}
    with explain_run_write_errors(path):
        datasets = {"datasets": dict(evaluated)} if evaluated else {}
        write_json(path, {"model": model, "metrics": metrics, **datasets})
