"""A run's folder, and what is said at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from gpt_toolkit.callbacks.write_errors import writing


def run_folder(arguments: Sequence[str], first_config: Path | None) -> Path:
    """The folder that the arguments name, else one called after the config."""
    option = "--trainer.default_root_dir"
    for at, argument in enumerate(arguments):
        if argument == option and at + 1 < len(arguments):
            return Path(arguments[at + 1])
        if argument.startswith(f"{option}="):
            return Path(argument.partition("=")[2])
    return Path("runs") / (first_config.stem if first_config else "run")


def after_fit(trainer: Trainer, folder: Path) -> Iterator[str]:
    """What came out of a training run, where it lies, and what to do next."""
    metrics = trainer.callback_metrics
    values = [f"{name} {float(value):.4f}" for name, value in metrics.items() if name.startswith("val_")]
    if values:
        yield "  ".join(values)
    else:
        yield f"trained to step {trainer.global_step:,}; for more raise trainer.max_steps (or max_epochs)"
    samples = ", samples.txt" if (folder / "samples.txt").exists() else ""
    yield f"{folder}: model/ (loads in transformers), checkpoints/, metrics.csv, tensorboard/{samples}"
    if samples:
        yield f"next: gpt-toolkit generate {folder / 'model'}"
    else:
        yield f"next: gpt-toolkit test --config {folder / 'config.yaml'} --ckpt_path best"


def results_lines(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line per metric, with its 95% interval where it has one."""
    values = {name: value for result in results for name, value in result.items()}
    for name, value in values.items():
        if not name.endswith("_interval"):
            interval = values.get(f"{name}_interval")
            yield f"{name:28} {value:.4f}" + ("" if interval is None else f" +- {interval:.4f}")


def keep_results(results: Sequence[Mapping[str, Any]], path: Path, model: str) -> None:
    """Write the metrics as JSON, whole or not at all, with the model that they are of."""
    metrics = {name: float(value) for result in results for name, value in result.items()}
    partial = path.with_name(f"{path.name}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(
            json.dumps({"model": model, "metrics": metrics}, indent=2) + "\n", encoding="utf-8"
        )
        partial.replace(path)
