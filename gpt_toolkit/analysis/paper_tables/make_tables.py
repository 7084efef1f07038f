"""The work of ``gpt-toolkit tables``: do the runs, read what is there, show and keep the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from gpt_toolkit.analysis.paper_tables import assemble
from gpt_toolkit.analysis.paper_tables import runs as plan
from gpt_toolkit.analysis.paper_tables.assemble import Table
from gpt_toolkit.analysis.paper_tables.published import FIGURE, PARTS, TABLES
from gpt_toolkit.analysis.paper_tables.render import as_json, markdown, show, write_json, write_text
from gpt_toolkit.analysis.paper_tables.run_results import RealRun, real_runs, twin_scores, zero_shot_scores
from gpt_toolkit.analysis.paper_tables.runs import Run
from gpt_toolkit.analysis.paper_tables.subprocesses import run_all
from gpt_toolkit.analysis.paper_tables.table_budget import BUDGETS, Budget
from gpt_toolkit.analysis.paper_tables.transfer_figure import draw
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.progress_line import count
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.progress import format_duration

_SETTINGS = "settings.json"
_FORMAT = 1


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Args:
        parts: Of the paper.
        tasks: Of the built-in world.
        n_seeds: Runs of each fine-tuning.
        output: The folder of everything.
        budget: Name of one.
        model: A backbone that is there; None: one is pre-trained.
        pretrain: Further arguments of its ``fit``.
        finetune: Further arguments of each fine-tuning's.
        runs: Folders with the user's runs of published sets.
        start: Whether runs are started at all.
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
    start: bool

    @property
    def needs_twins(self) -> bool:
        """Whether any run of the built-in world is part of it."""
        return bool(self.tasks)


def make(request: Request) -> None:
    """Do the runs that are missing, then show and write the tables.

    Raises:
        FileExistsError: If the output folder holds something else, or runs of other settings.
        ValueError: If another process works in the folder.
    """
    own, remarks = real_runs(request.runs)
    _claim(request)
    try:
        with FileLock(request.output / ".lock", timeout=0):
            if request.start:
                _do_runs(request)
            _tell(request, own, remarks)
    except Timeout:
        raise ValueError(f"another gpt-toolkit tables is at work in {request.output}") from None


def _claim(request: Request) -> None:
    """Begin in an empty folder, or go on in one of the same settings."""
    folder, path = request.output, request.output / _SETTINGS
    ours: dict[str, Any] = {
        "format": _FORMAT,
        "budget": request.budget,
        "model": _identity(request.model),
        "pretrain": list(request.pretrain),
        "finetune": list(request.finetune),
    }
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"--output {folder}: is a file, expected a folder")
    if path.is_file():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
            unlike = [name for name in ours if theirs.get(name) != ours[name]]
        except (ValueError, AttributeError):
            raise ValueError(f"{path} is damaged: choose another --output, or remove the folder") from None
        if unlike:
            said = "; ".join(f"{name} {theirs.get(name)} there, {ours[name]} now" for name in unlike)
            raise FileExistsError(
                f"--output {folder} holds runs of other settings ({said}): choose another folder"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"--output {folder}: holds something else than this command's runs; choose a new folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(ours, path)


def _identity(model: str | None) -> list[Any] | None:
    """Which model it is: its name, and when its files were written."""
    if model is None:
        return None
    path = Path(model)
    if not path.exists():
        return [model]
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    return [str(path.resolve()), max((file.stat().st_mtime_ns for file in files), default=0)]


# ---------------------------------------------------------------------- the runs


def _backbone(request: Request) -> Path | str:
    return request.model or request.output / "pretrain" / "model"


def _pretrain_folder(request: Request) -> Path:
    """The run whose checkpoints Figure 2 right reads."""
    return plan.run_of(request.model) if request.model else request.output / "pretrain"


def _do_runs(request: Request) -> None:
    if not request.needs_twins:
        return
    budget = BUDGETS[request.budget]
    first = [] if request.model else [plan.pretraining(request.output, budget, request.pretrain)]
    n_layer = open_model(request.model).config.n_layer if request.model else budget.n_layer
    wanted = plan.finetunings(request.parts, request.tasks, request.n_seeds, n_layer)
    missing = [which for which in wanted if not twin_scores(which, request.output)]
    later = sum(budget.seconds(which.task) for which in missing)
    seconds = later + sum(run.seconds for run in first if not run.done)
    say(
        f"{request.output}: budget {request.budget}, {len(first) + len(wanted)} runs, of which "
        f"{len(missing) + sum(not run.done for run in first)} are to be done; on 2 CPU cores "
        f"about {format_duration(seconds)}, if each is as large as the budget says. Ctrl-C saves; the same "
        "command goes on"
    )
    run_all(first, lambda run: f"{run.folder / 'model'}", later_seconds=later)
    run_all(_after_pretraining(request, budget), lambda run: _outcome(request, run))


def _after_pretraining(request: Request, budget: Budget) -> list[Run]:
    model = _backbone(request)
    n_layer = open_model(str(model)).config.n_layer
    wanted = plan.finetunings(request.parts, request.tasks, request.n_seeds, n_layer)
    runs = [plan.finetuning(which, request.output, model, budget, request.finetune) for which in wanted]
    if FIGURE in request.parts:
        checkpoints = plan.checkpoints_of(_pretrain_folder(request))
        if checkpoints:
            runs.insert(0, plan.zero_shot(request.output, checkpoints, request.tasks))
    return runs


def _outcome(request: Request, run: Run) -> str:
    path = run.folder / "test.json"
    if not path.is_file():
        return f"{run.folder}"
    metrics: Mapping[str, float] = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    return f"test score {100 * metrics['test_score']:.1f}"


# ---------------------------------------------------------------------- the tables


def _tell(request: Request, own: Sequence[RealRun], remarks: Sequence[str]) -> None:
    tables: dict[str, Table] = {}
    scores, n_layer, backbone = _twins(request)
    for part in (part for part in TABLES if part in request.parts):
        tables[part] = assemble.real_table(part, own)
        if any(column.set_name in request.tasks for column in TABLES[part].twins):
            tables[f"{part}_twins"] = assemble.twin_table(part, scores, request.tasks, backbone)
    if request.needs_twins:
        tables["comparison"] = assemble.comparison(scores, request.tasks)
    written = ["tables.json", "tables.md"]
    if FIGURE in request.parts and request.needs_twins:
        tables["figure2_left"] = assemble.layers(scores, request.tasks, n_layer)
        checkpoints = plan.checkpoints_of(_pretrain_folder(request))
        found = {step: plan.zero_shot_file(request.output / "zero_shot", step) for step in checkpoints}
        raw, scaled = assemble.zero_shot(
            {step: zero_shot_scores(path) for step, path in found.items() if path.is_file()},
            scores,
            plan.zero_shot_tasks(request.tasks),
        )
        tables |= {"figure2_right": raw, "figure2_right_scaled": scaled}
        draw(tables["figure2_left"], scaled, request.output / "figure2.png")
        written.append("figure2.png")
    show(list(tables.values()))
    for remark in remarks:
        say(f"left out: {remark}")
    write_text(markdown(list(tables.values())), request.output / "tables.md")
    write_json(_content(request, tables, scores, own, remarks), request.output / "tables.json")
    say(f"{request.output}: {', '.join(written)}; runs/ has each run's config.yaml, metrics.csv, test.json")


def _twins(request: Request) -> tuple[assemble.TwinScores, int, str]:
    """Scores of the runs that are done, the backbone's layers, and what it is."""
    model = _backbone(request)
    n_layer, backbone = BUDGETS[request.budget].n_layer, "the backbone is not there yet"
    if request.model or Path(model).is_dir():
        config = open_model(str(model)).config
        n_layer = config.n_layer
        origin = request.model or f"pre-trained here, budget {request.budget}"
        backbone = (
            f"backbone of {config.n_layer} x {config.n_embd}, {count(config.n_params)} parameters ({origin})"
        )
    scores: dict[tuple[str, str], dict[int, Mapping[str, float]]] = {}
    for which in plan.finetunings(PARTS, request.tasks, request.n_seeds, n_layer):
        if found := twin_scores(which, request.output):
            scores.setdefault((which.task, which.variant), {})[which.seed] = found
    return scores, n_layer, backbone


def _content(
    request: Request,
    tables: Mapping[str, Table],
    scores: assemble.TwinScores,
    own: Sequence[RealRun],
    remarks: Sequence[str],
) -> dict[str, Any]:
    settings = json.loads((request.output / _SETTINGS).read_text(encoding="utf-8"))
    return {
        "settings": {
            **settings,
            "parts": list(request.parts),
            "tasks": list(request.tasks),
            "seeds": request.n_seeds,
        },
        "versions": {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__},
        "tables": {name: as_json(table) for name, table in tables.items()},
        "storyworld_runs": [
            {"task": task, "variant": variant, "seed": seed, "metrics": dict(metrics)}
            for (task, variant), by_seed in scores.items()
            for seed, metrics in by_seed.items()
        ],
        "runs": [
            {
                "set": run.set_name,
                "variant": run.variant,
                "model": run.model,
                "seed": run.seed,
                "folder": str(run.folder),
                "split": "test" if run.tested else "validation",
                "metrics": dict(run.scores),
            }
            for run in own
        ],
        "left_out": list(remarks),
    }
