"""Pre-training runs as points of a scaling law, read from their folders."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gpt_toolkit.analysis.scaling_law import Point
from gpt_toolkit.checkpoints.torch_pickle import safe_load
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY, SHARD_EXTRA, read_description

_FINISH = "resume it with gpt-toolkit fit --config {run}/config.yaml --ckpt_path last, or leave it out"
_EVALUATION = ("dataset", "files", "val_files", "val_fraction", "text_field", "world")
"""Settings of the DataModule that choose the text for validation."""


@dataclass(frozen=True)
class ScalingRun:
    """A finished pre-training run.

    Attributes:
        folder: Its folder.
        point: Its size, length and validation loss.
        tokenizer: Fingerprint of its tokenizer.
        n_ctx: Context length.
        tokens: Key of its token cache: equal keys, equal text.
        validation: Settings that choose the text for validation.
        n_val_windows: Most windows of a validation pass; None: the whole split.
        best_loss: Lowest validation loss.
    """

    folder: Path
    point: Point
    tokenizer: str
    n_ctx: int
    tokens: str
    validation: Mapping[str, Any]
    n_val_windows: int | None
    best_loss: float


def read_runs(folders: Sequence[Path]) -> list[ScalingRun]:
    """Read runs, and check that their losses can be compared.

    Raises:
        FileNotFoundError: If a folder is not that of a run.
        ValueError: If a run is unfinished, not pre-training from scratch, or given twice; or if tokenizer,
            context length or validation text differ.
    """
    places = [folder.resolve() for folder in folders]
    if twice := [
        str(folder) for folder, place in zip(folders, places, strict=True) if places.count(place) > 1
    ]:
        raise ValueError(f"{twice[0]}: given twice; expected every run once; leave one out")
    runs = [read_run(folder) for folder in folders]
    _check_equal(runs, "tokenizer", lambda run: run.tokenizer)
    _check_equal(runs, "context length", lambda run: run.n_ctx)
    first = runs[0]
    for run in runs[1:]:
        if run.tokens == first.tokens:
            continue
        for name in _EVALUATION:
            ours, theirs = run.validation.get(name), first.validation.get(name)
            if ours != theirs:
                raise _mismatch(run, first, f"validation data (data.{name})", ours, theirs)
    return runs


def read_run(folder: Path) -> ScalingRun:
    """Read one run.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
        ValueError: If the run is unfinished, or not pre-training from scratch.
    """
    config = _read_config(folder)
    last = folder / "checkpoints" / "last.ckpt"
    if not (folder / "model").is_dir() or not last.exists():
        raise ValueError(
            f"{folder}: unfinished run; expected model/ and checkpoints/last.ckpt; {_fix(folder)}"
        )
    content = safe_load(last / SHARD_EXTRA if last.is_dir() else last)
    decoder, _ = read_description(content, str(last))
    record = content[CHECKPOINT_KEY]
    plan = re.fullmatch(r"tokens=(\S+) .*windows_per_step=(\d+) .*", str(record.get("plan")))
    if record.get("task") != "PretrainTask" or plan is None:
        raise ValueError(
            f"{folder}: run of {record.get('task')}; expected PretrainTask with a CorpusDataModule; "
            "leave it out"
        )
    _check_from_scratch(folder, config)
    step = int(record["step"])
    if (planned := _planned_steps(config, content)) and step < planned:
        raise ValueError(f"{folder}: unfinished run at step {step:,}; expected {planned:,}; {_fix(folder)}")
    losses = _validation_losses(folder)
    if not losses:
        raise ValueError(
            f"{folder}: no validation loss in metrics.csv; expected val_loss; train with data.val_fraction "
            "above 0 or val_files"
        )
    measured_step, loss = losses[-1]
    n_tokens = measured_step * int(plan[2]) * decoder.n_ctx
    point = Point(
        name=str(folder),
        n_params=12 * decoder.n_layer * decoder.n_embd**2,  # Kaplan et al. 2020, eq. 2.1
        n_tokens=n_tokens,
        flops=float(decoder.flops_per_token) * n_tokens,
        loss=loss,
    )
    data = config["data"].get("init_args") or {}
    return ScalingRun(
        folder=folder,
        point=point,
        tokenizer=str(record.get("fingerprint")),
        n_ctx=decoder.n_ctx,
        tokens=plan[1],
        validation={name: data.get(name) for name in _EVALUATION},
        n_val_windows=_validation_windows(config),
        best_loss=min(loss for _, loss in losses),
    )


def warnings_of(runs: Sequence[ScalingRun]) -> list[str]:
    """Return what weakens the comparison of the runs, a sentence each."""
    warnings = []
    # Where a pass reads the whole split, its size follows from the tokens.
    amounts = {run.n_val_windows or run.tokens for run in runs}
    if len(amounts) > 1:
        warnings.append(
            "validation reads different amounts of the same text; equal trainer.limit_val_batches times "
            "data.batch_size makes losses more comparable"
        )
    warnings += [
        f"{run.folder}: its last validation loss is {run.point.loss:.4f}, its best {run.best_loss:.4f}"
        for run in runs
        if run.point.loss > 1.01 * run.best_loss
    ]
    return warnings


def _read_config(folder: Path) -> dict[str, Any]:
    missing = [name for name in ("config.yaml", "metrics.csv") if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: not the folder of a run (no {' and no '.join(missing)}); expected a folder that "
            "gpt-toolkit fit wrote, such as runs/scaling_nano"
        )
    try:
        config: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        config["model"]["class_path"], config["data"]["class_path"], config["trainer"]
    except (yaml.YAMLError, KeyError, TypeError):
        raise ValueError(
            f"{folder / 'config.yaml'}: not a run's config; expected one that gpt-toolkit fit wrote"
        ) from None
    return config


def _check_from_scratch(folder: Path, config: Mapping[str, Any]) -> None:
    start = (config["model"].get("init_args") or {}).get("init_from")
    if start:
        raise ValueError(
            f"{folder}: begins with weights of {start}, whose training tokens are unknown; expected training "
            "from scratch; leave it out"
        )


def _planned_steps(config: Mapping[str, Any], content: Mapping[str, Any]) -> int | None:
    """Return how many steps the run was to have; None if its length is given in epochs or by time."""
    if config["trainer"].get("max_time"):
        return None
    budget = (content.get("callbacks") or {}).get("Budget") or {}
    planned = budget.get("max_steps") or config["trainer"].get("max_steps")
    return planned if isinstance(planned, int) and planned > 0 else None


def _validation_losses(folder: Path) -> list[tuple[int, float]]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [
            (int(row["step"]), float(row["val_loss"])) for row in csv.DictReader(file) if row.get("val_loss")
        ]


def _validation_windows(config: Mapping[str, Any]) -> int | None:
    limit = config["trainer"].get("limit_val_batches")
    batch_size = (config["data"].get("init_args") or {}).get("batch_size")
    return limit * batch_size if isinstance(limit, int) and isinstance(batch_size, int) else None


def _check_equal(runs: Sequence[ScalingRun], what: str, value: Callable[[ScalingRun], Any]) -> None:
    for run in runs[1:]:
        if value(run) != value(runs[0]):
            raise _mismatch(run, runs[0], what, value(run), value(runs[0]))


def _mismatch(run: ScalingRun, first: ScalingRun, what: str, ours: Any, theirs: Any) -> ValueError:
    return ValueError(
        f"{run.folder}: {what} is {json.dumps(ours)}; expected {json.dumps(theirs)} as in {first.folder}; "
        "give runs whose losses can be compared"
    )


def _fix(folder: Path) -> str:
    return _FINISH.format(run=folder)
