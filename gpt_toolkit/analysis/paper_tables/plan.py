"""The Storyworld runs that GPT-1's tables and figure need, as command lines in folders of their own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gpt_toolkit.analysis.paper_tables.catalog import (
    FIGURE,
    FULL,
    LAYER_TASKS,
    TABLES,
    TASKS,
    VARIANTS,
    ZERO_SHOT,
    Budget,
    Variant,
    slowness,
)
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.tokenizers.loading import tokenizer_name

_N_CHECKPOINTS = 6  # of pre-training, for Figure 2 right; tuned here: enough to see a curve


@dataclass(frozen=True)
class Run:
    """Work that is done once.

    Attributes:
        title: Its title.
        folder: Folder of everything that it writes, and of nothing else.
        fit: Arguments of ``fit``; empty if nothing is trained.
        then: Command lines that follow.
        results: Files or folders in the folder that exist when it is done.
        temporary: What is deleted when it is done: a hundred small models take many gigabytes.
        seconds: Estimated time.
    """

    title: str
    folder: Path
    fit: tuple[str, ...] = ()
    then: tuple[tuple[str, ...], ...] = ()
    results: tuple[str, ...] = ()
    temporary: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """True if all results exist."""
        return all((self.folder / name).exists() for name in self.results)


class Finetuning(NamedTuple):
    """A fine-tuning of a Storyworld task; ``layers_<k>`` is a variant, too."""

    task: str
    variant: str
    seed: int

    def folder(self, output: Path) -> Path:
        """Return its folder, named as ``fit --seeds`` does."""
        return output / "runs" / f"{self.task}-{self.variant}" / f"seed-{self.seed}"


def plan_finetunings(
    parts: Sequence[str], tasks: Sequence[str], n_seeds: int, n_layer: int
) -> list[Finetuning]:
    """Return what the parts need, each once: all tasks with one seed first, so that a table is soon there."""
    pairs = [
        (task, variant)
        for variant in VARIANTS
        for task in tasks
        for part, table in TABLES.items()
        if part in parts and variant in table.storyworld_variants
        if task in {column.dataset for column in table.storyworld_columns}
    ]
    if FIGURE in parts:
        pairs += [(task, FULL) for task in tasks if task in (*LAYER_TASKS, *ZERO_SHOT)]
        # to transfer all n_layer layers is the full variant
        pairs += [(task, f"layers_{k}") for task in tasks if task in LAYER_TASKS for k in range(n_layer)]
    return list(dict.fromkeys(Finetuning(*pair, seed) for seed in range(n_seeds) for pair in pairs))


def pretraining(output: Path, budget: Budget, extra: Sequence[str]) -> Run:
    """Return the run of the backbone, which keeps checkpoints for Figure 2 right.

    Args:
        output: Folder of the command.
        budget: Its cost.
        extra: The user's arguments; its number of steps decides at which the checkpoints are kept.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.max_steps", type=int, dest="steps", default=budget.pretrain_steps)
    steps = parser.parse_known_args(list(extra))[0].steps
    every = str(max(1, steps // _N_CHECKPOINTS))
    folder = output / "pretrain"
    fit = (
        *budget.pretrain,
        *("--trainer.max_steps", str(steps), "--trainer.val_check_interval", every),
        *("--checkpoints.keep_every_n_steps", every),
        *extra,
        *("--trainer.default_root_dir", str(folder)),
    )
    return Run("pre-training", folder, fit, results=("model",), seconds=slowness() * budget.pretrain_seconds)


def finetunings(
    wanted: Sequence[Finetuning], output: Path, model: str, budget: Budget, extra: Sequence[str]
) -> list[Run]:
    """Return the runs of fine-tunings: ``fit`` of the task's config, then ``test`` of its best state.

    Args:
        wanted: Fine-tunings.
        output: Folder of the command.
        model: The backbone.
        budget: Their cost.
        extra: The user's arguments.
    """
    stored = open_model(model)
    fields = {
        "model": model,
        "decoder": json.dumps(stored.config.to_fields()),
        "tokenizer": tokenizer_name(stored.tokenizer, model),
    }
    runs = []
    for each in wanted:
        folder, variant, k = each.folder(output), _variant(each.variant), each.variant.removeprefix("layers_")
        fit = (
            *("--config", f"storyworld/finetune_{each.task}"),
            *(argument.format(**fields, k=k) for argument in variant.arguments),
            *("--data.n_ctx", str(stored.config.n_ctx)),
            *budget.finetune_arguments(each.task),
            *extra,
            *("--seed_everything", str(each.seed), "--data.seed", str(each.seed)),
            *("--trainer.default_root_dir", str(folder)),
        )
        test = ("test", "--config", str(folder / "config.yaml"), "--ckpt_path", "best")
        title = f"{each.task}, {variant.title.format(k=k)}, seed {each.seed}"
        seconds = budget.seconds(each.task)
        runs.append(Run(title, folder, fit, (test,), ("test.json",), ("checkpoints", "model"), seconds))
    return runs


def _variant(name: str) -> Variant:
    return VARIANTS[name.partition("_")[0] if name.startswith("layers_") else name]


def zero_shot(output: Path, checkpoints: Mapping[int, Path], tasks: Sequence[str]) -> Run:
    """Return GPT-1's zero-shot heuristics on every checkpoint, in one process."""
    folder = output / "zero_shot"
    benchmarks = ",".join(ZERO_SHOT[name][0] for name in curve_names(tasks))
    files = {step: zero_shot_file(folder, step) for step in checkpoints}
    commands = tuple(
        (
            *("zero-shot", str(path), "--benchmarks", benchmarks, "--protocols", "paper,gpt1"),
            *("--output", str(files[step])),
        )
        for step, path in checkpoints.items()
    )
    return Run(
        "zero-shot scores of the checkpoints",
        folder,
        then=commands,
        results=tuple(file.name for file in files.values()),
        seconds=5.0 + 4.0 * len(checkpoints),
    )


def curve_names(tasks: Sequence[str]) -> list[str]:
    """Return the curves of Figure 2 right: those of the tasks, and pronouns, which is not a task."""
    return [name for name in ZERO_SHOT if name in tasks or name not in TASKS]


def zero_shot_file(folder: Path, step: int) -> Path:
    """Return the file of a checkpoint's zero-shot scores."""
    return folder / f"step-{step:07d}.json"


def run_of(model: str) -> Path:
    """Return the folder of the run that a model came from: its parent, or that of ``checkpoints``."""
    parent = Path(model).parent
    return parent.parent if parent.name == "checkpoints" else parent


def checkpoints_of(run: Path) -> dict[int, Path]:
    """Return the checkpoints that a pre-training keeps, by step."""
    found = sorted((run / "checkpoints").glob("step-*.ckpt"))
    return {int(path.stem.removeprefix("step-")): path for path in found}
