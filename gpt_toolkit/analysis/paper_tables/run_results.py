"""Scores of finished runs: those of this command, and the user's fine-tunings of published datasets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gpt_toolkit.analysis.paper_tables.catalog import FULL, NO_AUX, SCRATCH, TABLES
from gpt_toolkit.io import explain_read_errors
from gpt_toolkit.yaml_files import read_yaml

_DATASETS = {column.dataset for table in TABLES.values() for column in table.columns} - {""}
_DEPTH = 2  # folders below one that is searched: runs/finetune_rte/seed-0
_SETTINGS_OF_THE_PAPER = (
    *(("data", "train_rows"), ("data", "as_text")),
    *(("model", "transfer_layers"), ("model", "freeze_layers"), ("model", "lora")),
)
"""Settings that a run of the paper does not change."""


class UserRun(NamedTuple):
    """A finished fine-tuning of a published dataset.

    Attributes:
        dataset: The dataset.
        variant: As of the Storyworld runs.
        model: The model that it began with; "" from scratch.
        seed: Its seed.
        folder: Its folder.
        scores: Metrics by name, without ``val_`` or ``test_``.
        is_tested: Whether the scores are those of ``test``; else of the best validation.
    """

    dataset: str
    variant: str
    model: str
    seed: int
    folder: Path
    scores: Mapping[str, float]
    is_tested: bool


def read_test_scores(folder: Path) -> dict[str, float]:
    """Return the scores of ``gpt-toolkit test`` in a run's folder; empty if it was not tested."""
    path = folder / "test.json"
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        return {name.removeprefix("test_"): float(value) for name, value in metrics.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path}: unknown content; expected results of gpt-toolkit test; delete it to test the run again"
        ) from None


def user_runs(folders: Sequence[Path]) -> tuple[list[UserRun], list[str]]:
    """Find fine-tunings of the tables' datasets in folders, and up to two folders below.

    Returns:
        The finished ones, and why each of the others is left out.

    Raises:
        FileNotFoundError: If a folder does not exist.
    """
    runs, left_out = [], []
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"--runs: {folder}; expected an existing folder")
        for run in sorted(_run_folders(folder, _DEPTH)):
            with explain_read_errors(run, "leave it out of --runs"):
                found = _user_run(run)
            if isinstance(found, UserRun):
                runs.append(found)
            elif found:
                left_out.append(f"{run}: {found}")
    return runs, left_out


def _run_folders(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / "config.yaml").is_file():
        yield folder
    elif depth:
        for inner in folder.iterdir():
            if inner.is_dir():
                yield from _run_folders(inner, depth - 1)


def _user_run(folder: Path) -> UserRun | str:
    """Return a run, or why it is left out; "" if it is not a fine-tuning of a dataset of the tables."""
    try:
        config = read_yaml(folder / "config.yaml")
        task = config["model"]["class_path"].rpartition(".")[2]
        settings = {name: config[name].get("init_args") or {} for name in ("model", "data")}
        datasets = settings["data"].get("sets")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    names = [str(name) for name in (datasets if isinstance(datasets, list) else [datasets])]
    if task != "FinetuneTask" or not _DATASETS.intersection(names):
        return ""
    if len(names) > 1:
        return "trained on several datasets at once, which the tables do not have"
    if not (folder / "model").is_dir():
        return "not finished; resume it with --ckpt_path last"
    if changed := [f"{part}.{name}" for part, name in _SETTINGS_OF_THE_PAPER if settings[part].get(name)]:
        return f"not as in the paper: {', '.join(changed)}"
    scores, is_tested = _scores(folder)
    if not scores:
        return "has no scores; gpt-toolkit test --config FOLDER/config.yaml --ckpt_path best"
    model = settings["model"].get("init_from") or ""
    with_aux = settings["model"].get("lm_coef", 0.5)
    variant = (FULL if with_aux else NO_AUX) if model else SCRATCH
    seed = int(config.get("seed_everything") or 0)
    return UserRun(names[0], variant, str(model), seed, folder, scores, is_tested)


def _scores(folder: Path) -> tuple[dict[str, float], bool]:
    """Return scores of ``test`` if it is newer than the best checkpoint, else of the best validation."""
    test, best = folder / "test.json", folder / "checkpoints" / "best.ckpt"
    if test.is_file() and not (best.exists() and best.stat().st_mtime > test.stat().st_mtime):
        return read_test_scores(folder), True
    if not (folder / "metrics.csv").is_file():
        return {}, False
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_score")]
    row = max(rows, key=lambda row: float(row["val_score"]), default={})
    scores = {name.removeprefix("val_"): float(v) for name, v in row.items() if name.startswith("val_") and v}
    return scores, False
