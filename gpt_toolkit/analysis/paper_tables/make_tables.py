"""The work of ``gpt-toolkit tables``: missing runs, then the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from gpt_toolkit.analysis.paper_tables import assemble, plan
from gpt_toolkit.analysis.paper_tables.catalog import BUDGETS, FIGURE, PARTS, TABLES
from gpt_toolkit.analysis.paper_tables.run import run_all
from gpt_toolkit.analysis.paper_tables.run_results import UserRun, read_test_scores, user_runs
from gpt_toolkit.analysis.paper_tables.table import Table, print_tables
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.progress_line import count
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.io import write_json, write_text
from gpt_toolkit.progress import format_duration

_SETTINGS = "settings.json"
_FORMAT = 1


@dataclass(frozen=True)
class Request:
    """The options of the command line.

    Attributes:
        parts: Parts of the paper.
        tasks: Storyworld tasks.
        n_seeds: Runs of each fine-tuning.
        output: Folder of everything.
        budget: Name of a budget.
        model: An existing backbone; None pre-trains one.
        pretrain: Further arguments of ``fit`` for the backbone.
        finetune: Further arguments of ``fit`` for each fine-tuning.
        runs: Folders with the user's runs of published datasets.
        starts_runs: Whether runs are started.
    """

    parts: Sequence[str]
    tasks: Sequence[str]
    n_seeds: int
    output: Path
    budget: str
    model: str | None
    pretrain: Sequence[str]
    finetune: Sequence[str]
    runs: Sequence[Path]
    starts_runs: bool

    @property
    def backbone(self) -> str:
        """The model that is fine-tuned, which may not exist yet."""
        return self.model or str(self.output / "pretrain" / "model")

    @property
    def pretrain_folder(self) -> Path:
        """The run whose checkpoints Figure 2 right reads."""
        return plan.run_of(self.backbone)

    def finetunings(self, parts: Sequence[str], n_layer: int) -> list[plan.Finetuning]:
        """Return the fine-tunings that parts need."""
        return plan.plan_finetunings(parts, self.tasks, self.n_seeds, n_layer)


def make(request: Request) -> None:
    """Do the runs that are missing, then print and write the tables.

    Raises:
        FileExistsError: If the output folder holds other files, or runs of other settings.
        ValueError: If another process works in the folder.
    """
    runs, left_out = user_runs(request.runs)
    _claim(request)
    try:
        with FileLock(request.output / ".lock", timeout=0):
            if request.starts_runs and request.tasks:
                _do_runs(request)
            _write_tables(request, runs, left_out)
    except Timeout:
        raise ValueError(f"another gpt-toolkit tables works in {request.output}; wait for its end") from None


def _claim(request: Request) -> None:
    """Begin in an empty folder, or continue in one of the same settings."""
    folder, path = request.output, request.output / _SETTINGS
    settings: dict[str, Any] = {
        "format": _FORMAT,
        "budget": request.budget,
        "model": _identity(request.model),
        "pretrain": list(request.pretrain),
        "finetune": list(request.finetune),
    }
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"--output {folder}: is a file; expected a folder")
    if path.is_file():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
            changed = [name for name in settings if earlier.get(name) != settings[name]]
        except (ValueError, AttributeError):
            raise ValueError(f"{path}: damaged; choose another --output, or delete the folder") from None
        if changed:
            listed = "; ".join(f"{name} {earlier.get(name)} there, {settings[name]} now" for name in changed)
            raise FileExistsError(
                f"--output {folder}: holds runs of other settings ({listed}); choose another folder"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"--output {folder}: holds files that are not runs of this command; choose a new folder"
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


def _do_runs(request: Request) -> None:
    output, budget = request.output, BUDGETS[request.budget]
    first = [] if request.model else [plan.pretraining(output, budget, request.pretrain)]
    n_layer = open_model(request.model).config.n_layer if request.model else budget.n_layer
    wanted = request.finetunings(request.parts, n_layer)
    missing = [each for each in wanted if not read_test_scores(each.folder(output))]
    later = sum(budget.seconds(each.task) for each in missing)
    seconds = later + sum(run.seconds for run in first if not run.is_done)
    say(
        f"{output}: budget {request.budget}, {len(first) + len(wanted)} runs; "
        f"{len(missing) + sum(not run.is_done for run in first)} to be done; about "
        f"{format_duration(seconds)} on 2 CPU cores for models of the budget's size; Ctrl-C saves, and the "
        "same command resumes"
    )
    run_all(first, lambda run: str(run.folder / "model"), later_seconds=later)
    wanted = request.finetunings(request.parts, open_model(request.backbone).config.n_layer)
    runs = plan.finetunings(wanted, output, request.backbone, budget, request.finetune)
    if FIGURE in request.parts and (checkpoints := plan.checkpoints_of(request.pretrain_folder)):
        runs.insert(0, plan.zero_shot(output, checkpoints, request.tasks))
    run_all(runs, _outcome)


def _outcome(run: plan.Run) -> str:
    scores = read_test_scores(run.folder)
    return f"test score {100 * scores['score']:.1f}" if scores else str(run.folder)


def _write_tables(request: Request, runs: Sequence[UserRun], left_out: Sequence[str]) -> None:
    tables: dict[str, Table] = {}
    written = ["tables.json", "tables.md"]
    n_layer, backbone = _describe_backbone(request)
    scores = _storyworld_scores(request, n_layer)
    for part in (part for part in TABLES if part in request.parts):
        tables[part] = assemble.published_table(part, runs)
        if any(column.dataset in request.tasks for column in TABLES[part].storyworld_columns):
            table = assemble.storyworld_table(part, scores, request.tasks, backbone)
            tables[f"{part}_storyworld"] = table
    if request.tasks:
        tables["comparison"] = assemble.comparison_table(scores, request.tasks)
    if FIGURE in request.parts and request.tasks:
        left = assemble.layers_table(scores, request.tasks, n_layer)
        names = plan.curve_names(request.tasks)
        right, scaled = assemble.zero_shot_tables(_zero_shot_scores(request), scores, names)
        tables |= {"figure2_left": left, "figure2_right": right, "figure2_right_scaled": scaled}
        assemble.draw_figure2(left, scaled, request.output / "figure2.png")
        written.append("figure2.png")
    print_tables(list(tables.values()))
    for reason in left_out:
        say(f"left out: {reason}")
    write_text(request.output / "tables.md", "\n".join(table.markdown() for table in tables.values()))
    content = {
        **_provenance(request),
        "tables": {name: table.to_json() for name, table in tables.items()},
        "storyworld_runs": [
            {"task": task, "variant": variant, "seed": seed, "metrics": metrics}
            for (task, variant), by_seed in scores.items()
            for seed, metrics in by_seed.items()
        ],
        "runs": [run._asdict() | {"folder": str(run.folder)} for run in runs],
        "left_out": left_out,
    }
    write_json(request.output / "tables.json", content)
    say(f"{request.output}: {', '.join(written)}; runs/ has each run's config.yaml, metrics.csv, test.json")


def _describe_backbone(request: Request) -> tuple[int, str]:
    """Return the backbone's number of layers and its description."""
    if not request.model and not Path(request.backbone).is_dir():
        return BUDGETS[request.budget].n_layer, "the backbone does not exist yet"
    config = open_model(request.backbone).config
    origin = request.model or f"pre-trained here, budget {request.budget}"
    size = f"{config.n_layer} x {config.n_embd}, {count(config.n_params)} parameters"
    return config.n_layer, f"backbone of {size} ({origin})"


def _storyworld_scores(request: Request, n_layer: int) -> dict[tuple[str, str], dict[int, dict[str, float]]]:
    scores: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for each in request.finetunings(PARTS, n_layer):
        if found := read_test_scores(each.folder(request.output)):
            scores.setdefault((each.task, each.variant), {})[each.seed] = found
    return scores


def _zero_shot_scores(request: Request) -> dict[int, Any]:
    """Return scores of ``gpt-toolkit zero-shot --output`` by the checkpoint's step."""
    steps = plan.checkpoints_of(request.pretrain_folder)
    files = {step: plan.zero_shot_file(request.output / "zero_shot", step) for step in steps}
    return {
        step: json.loads(file.read_text(encoding="utf-8"))["scores"]
        for step, file in files.items()
        if file.is_file()
    }


def _provenance(request: Request) -> Mapping[str, Any]:
    settings = json.loads((request.output / _SETTINGS).read_text(encoding="utf-8"))
    asked = {"parts": list(request.parts), "tasks": list(request.tasks), "seeds": request.n_seeds}
    versions = {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__}
    return {"settings": settings | asked, "versions": versions}
