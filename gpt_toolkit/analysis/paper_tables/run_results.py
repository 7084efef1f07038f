"""What finished runs left: those of this command, and the user's own fine-tunings of published sets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gpt_toolkit.analysis.paper_tables.published import TABLES
from gpt_toolkit.analysis.paper_tables.runs import FULL, NO_AUX, SCRATCH, Finetuning

REAL_SETS = {column.set_name for table in TABLES.values() for column in table.columns} - {""}
_DEPTH = 2
"""Folders beneath one that is searched: runs/finetune_rte/seed-0."""


@dataclass(frozen=True)
class RealRun:
    """A finished fine-tuning of a published set.

    Args:
        set_name: The set.
        variant: As of the built-in world's runs.
        model: What it began with; "" from scratch.
        seed: Its seed.
        folder: Where it lies.
        scores: Metrics by name, without ``val_`` or ``test_``.
        tested: Whether the scores are those of ``test``; else of the best validation.
    """

    set_name: str
    variant: str
    model: str
    seed: int
    folder: Path
    scores: Mapping[str, float]
    tested: bool


def twin_scores(which: Finetuning, output: Path) -> dict[str, float]:
    """Test scores of a run of this command by name; none where it is not done."""
    path = which.folder(output) / "test.json"
    return _tested(path) if path.is_file() else {}


def _tested(path: Path) -> dict[str, float]:
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        return {name.removeprefix("test_"): float(value) for name, value in metrics.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path} is not what gpt-toolkit test writes: remove it, and the run is tested again"
        ) from None


def zero_shot_scores(path: Path) -> list[dict[str, Any]]:
    """Scores that ``gpt-toolkit zero-shot --output`` kept."""
    scores: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["scores"]
    return scores


def real_runs(folders: Sequence[Path]) -> tuple[list[RealRun], list[str]]:
    """Fine-tunings of the tables' sets in the folders and two folders deep beneath them.

    Returns:
        The finished ones, and why each of the others is left out.

    Raises:
        FileNotFoundError: If a folder is not there.
    """
    runs, remarks = [], []
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"--runs {folder}: there is no such folder")
        for config in sorted(_configs(folder, _DEPTH)):
            found = _real_run(config)
            if isinstance(found, RealRun):
                runs.append(found)
            elif found:
                remarks.append(f"{config.parent}: {found}")
    return runs, remarks


def _configs(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / "config.yaml").is_file():
        yield folder / "config.yaml"
    elif depth:
        for inner in folder.iterdir():
            if inner.is_dir():
                yield from _configs(inner, depth - 1)


def _real_run(config: Path) -> RealRun | str:
    """A run, why it is left out, or "" where it is no fine-tuning of a set of the tables."""
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
        model, data = content["model"], content["data"]
        task = model["class_path"].rpartition(".")[2]
        of_model, of_data = model.get("init_args") or {}, data.get("init_args") or {}
        sets = of_data.get("sets")
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return ""
    names = [str(name) for name in (sets if isinstance(sets, list) else [sets])]
    if task != "FinetuneTask" or not REAL_SETS.intersection(names):
        return ""
    if len(names) > 1:
        return "trained on several sets at once, which the tables do not have"
    if not (config.parent / "model").is_dir():
        return "not finished; go on with it by --ckpt_path last"
    unlike = {
        "data.train_rows": of_data.get("train_rows"),
        "data.as_text": of_data.get("as_text"),
        "model.transfer_layers": of_model.get("transfer_layers"),
        "model.freeze_layers": of_model.get("freeze_layers"),
        "model.lora": of_model.get("lora"),
    }
    if given := [name for name, value in unlike.items() if value]:
        return f"not as in the paper: {', '.join(given)}"
    scores, tested = _scores(config.parent)
    if not scores:
        return "has no scores: gpt-toolkit test --config FOLDER/config.yaml --ckpt_path best"
    start = of_model.get("init_from") or ""
    variant = SCRATCH if not start else FULL if of_model.get("lm_coef", 0.5) else NO_AUX
    seed = content.get("seed_everything")
    return RealRun(names[0], variant, str(start), int(seed or 0), config.parent, scores, tested)


def _scores(folder: Path) -> tuple[dict[str, float], bool]:
    """Of ``test`` if it came after the best state was written, else of the best validation."""
    test, best = folder / "test.json", folder / "checkpoints" / "best.ckpt"
    if test.is_file() and not (best.exists() and best.stat().st_mtime > test.stat().st_mtime):
        return _tested(test), True
    metrics = folder / "metrics.csv"
    if not metrics.is_file():
        return {}, False
    with metrics.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_score")]
    if not rows:
        return {}, False
    row = max(rows, key=lambda row: float(row["val_score"]))
    return {
        name.removeprefix("val_"): float(value)
        for name, value in row.items()
        if name and name.startswith("val_") and value
    }, False
