"""The work of ``gpt-toolkit tables``: missing runs, then the tables."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from rich.markdown import Markdown

from gpt_toolkit.analysis.paper_tables import storyworld_runs, table
from gpt_toolkit.analysis.paper_tables.catalog import BUDGETS, FIGURE, PARTS, TABLES
from gpt_toolkit.analysis.paper_tables.run_results import UserRun, read_test_scores, user_runs
from gpt_toolkit.callbacks.console import count, say
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.io import write_json, write_text
from gpt_toolkit.progress import format_duration, output_console

_SETTINGS = "settings.json"


def make(args: argparse.Namespace) -> None:
    """Do the runs that are missing, then print and write the tables.

    Args:
        args: Options of ``gpt-toolkit tables``, with lists in place of its strings.

    Raises:
        FileExistsError: If the output folder holds other files, or runs of other settings.
        ValueError: If another process works in the folder.
    """
    runs, left_out = user_runs(args.runs)
    _claim(args)
    try:
        with FileLock(args.output / ".lock", timeout=0):
            if args.tasks and not args.no_start:
                _do_runs(args)
            _write_tables(args, runs, left_out)
    except Timeout:
        raise ValueError(
            f"--output: {args.output}; expected a folder that no other gpt-toolkit tables uses; wait for its "
            "end"
        ) from None


def _claim(args: argparse.Namespace) -> None:
    """Begin in an empty folder, or continue in one of the same settings."""
    folder, path = args.output, args.output / _SETTINGS
    settings = {
        "budget": args.budget,
        "model": _identity(args.model),
        "pretrain": args.pretrain,
        "finetune": args.finetune,
    }
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"--output: file {folder}; expected a folder")
    if path.is_file():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
            changed = [name for name in settings if earlier.get(name) != settings[name]]
        except (ValueError, AttributeError):
            raise ValueError(
                f"{path}: damaged; expected JSON; choose another --output, or delete the folder"
            ) from None
        if changed:
            listed = "; ".join(f"{name} {earlier.get(name)} there, {settings[name]} now" for name in changed)
            raise FileExistsError(
                f"--output: {folder} has runs of other settings ({listed}); expected equal ones; choose "
                "another folder"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"--output: {folder} has other files; expected runs of this command; choose a new folder"
        )
    write_json(path, settings)


def _identity(model: str | None) -> list[Any] | None:
    """Return the name of a model and when its files were written."""
    if model is None:
        return None
    path = Path(model)
    if not path.exists():
        return [model]
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    return [str(path.resolve()), max((file.stat().st_mtime_ns for file in files), default=0)]


def _backbone(args: argparse.Namespace) -> str:
    """Return the model that is fine-tuned, which may not exist yet."""
    return args.model or str(args.output / "pretrain" / "model")


def _do_runs(args: argparse.Namespace) -> None:
    output, budget, backbone = args.output, BUDGETS[args.budget], _backbone(args)
    first = [] if args.model else [storyworld_runs.pretraining(output, budget, args.pretrain)]
    n_layer = open_model(args.model).config.n_layer if args.model else budget.n_layer
    wanted = storyworld_runs.plan_finetunings(args.parts, args.tasks, args.seeds, n_layer)
    missing = [each for each in wanted if not read_test_scores(each.folder(output))]
    later = sum(budget.seconds[each.task] for each in missing)
    to_do = [run.seconds for run in first if not run.is_done]
    say(
        f"{output}: budget {args.budget}, {len(first) + len(wanted)} runs; {len(missing) + len(to_do)} to be "
        f"done; about {format_duration(later + sum(to_do))} on 2 CPU cores with bf16, for models of the "
        "budget's size; Ctrl-C saves, and the same command resumes"
    )
    storyworld_runs.run_all(first, later)
    n_layer = open_model(backbone).config.n_layer
    wanted = storyworld_runs.plan_finetunings(args.parts, args.tasks, args.seeds, n_layer)
    runs = storyworld_runs.finetunings(wanted, output, backbone, budget, args.finetune)
    if FIGURE in args.parts and (checkpoints := storyworld_runs.checkpoints_of(backbone)):
        runs.insert(0, storyworld_runs.zero_shot(output, checkpoints, args.tasks))
    storyworld_runs.run_all(runs)


def _write_tables(args: argparse.Namespace, runs: Sequence[UserRun], left_out: Sequence[str]) -> None:
    tables: dict[str, table.Table] = {}
    written = ["tables.json", "tables.md"]
    n_layer, backbone = _describe_backbone(args)
    scores = _storyworld_scores(args, n_layer)
    for part in (part for part in TABLES if part in args.parts):
        tables[part] = table.published_table(part, runs)
        if any(column.dataset in args.tasks for column in TABLES[part].storyworld_columns):
            tables[f"{part}_storyworld"] = table.storyworld_table(part, scores, args.tasks, backbone)
    if args.tasks:
        tables["comparison"] = table.comparison_table(scores, args.tasks)
    if FIGURE in args.parts and args.tasks:
        left = table.layers_table(scores, args.tasks, n_layer)
        names = storyworld_runs.curve_names(args.tasks)
        right, scaled = table.zero_shot_tables(_zero_shot_scores(args), scores, names)
        tables |= {"figure2_left": left, "figure2_right": right, "figure2_right_scaled": scaled}
        table.draw_figure2(left, scaled, args.output / "figure2.png")
        written.append("figure2.png")
    page = "\n".join(each.markdown() for each in tables.values())
    output_console().print(Markdown(page))
    for reason in left_out:
        say(f"left out: {reason}")
    write_text(args.output / "tables.md", page)
    settings = json.loads((args.output / _SETTINGS).read_text(encoding="utf-8"))
    content = {
        "settings": settings | {"parts": args.parts, "tasks": args.tasks, "seeds": args.seeds},
        "versions": {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__},
        "tables": {name: each.to_json() for name, each in tables.items()},
        "storyworld_runs": [
            {"task": task, "variant": variant, "seed": seed, "metrics": metrics}
            for (task, variant), by_seed in scores.items()
            for seed, metrics in by_seed.items()
        ],
        "runs": [run._asdict() | {"folder": str(run.folder)} for run in runs],
        "left_out": left_out,
    }
    write_json(args.output / "tables.json", content)
    say(f"{args.output}: {', '.join(written)}; runs/ has each run's config.yaml, metrics.csv, test.json")


def _describe_backbone(args: argparse.Namespace) -> tuple[int, str]:
    """Return the backbone's number of layers and its description."""
    backbone = _backbone(args)
    if not args.model and not Path(backbone).is_dir():
        return BUDGETS[args.budget].n_layer, "the backbone does not exist yet"
    config = open_model(backbone).config
    origin = args.model or f"pre-trained here, budget {args.budget}"
    size = f"{config.n_layer} x {config.n_embd}, {count(config.n_params)} parameters"
    return config.n_layer, f"backbone of {size} ({origin})"


def _storyworld_scores(
    args: argparse.Namespace, n_layer: int
) -> dict[tuple[str, str], dict[int, Mapping[str, float]]]:
    scores: dict[tuple[str, str], dict[int, Mapping[str, float]]] = {}
    for each in storyworld_runs.plan_finetunings(PARTS, args.tasks, args.seeds, n_layer):
        if found := read_test_scores(each.folder(args.output)):
            scores.setdefault((each.task, each.variant), {})[each.seed] = found
    return scores


def _zero_shot_scores(args: argparse.Namespace) -> dict[int, Any]:
    """Return scores of ``gpt-toolkit zero-shot --output`` by the checkpoint's step."""
    steps = storyworld_runs.checkpoints_of(_backbone(args))
    files = {step: storyworld_runs.zero_shot_file(args.output, step) for step in steps}
    return {
        step: json.loads(file.read_text(encoding="utf-8"))["scores"]
        for step, file in files.items()
        if file.is_file()
    }
