"""Which runs the parts need, and how each is started: ordinary command lines in folders of their own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpt_toolkit.analysis.paper_tables.published import FIGURE, LAYER_TASKS, TABLES, TWINS, ZERO_SHOT
from gpt_toolkit.analysis.paper_tables.table_budget import Budget, slowness
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.tokenizers.loading import tokenizer_name

FULL, SCRATCH, NO_AUX = "full", "no_pretraining", "no_aux"
"""Variants of a fine-tuning: Table 5's rows. ``layers_<k>``: Figure 2 left."""
VARIANTS = {
    FULL: "pre-trained, with aux LM",
    SCRATCH: "no pre-training",
    NO_AUX: "no aux LM",
}

_CHECKPOINTS = 6
"""Of pre-training that Figure 2 right shows; ours: a curve has to be seen."""


@dataclass(frozen=True)
class Run:
    """A piece of work that is done once.

    Args:
        title: For people.
        folder: What it writes lies there, and nothing else does.
        fit: Arguments of ``fit``; empty where nothing is trained.
        then: Command lines that follow it.
        leaves: Files (or folders) without which it is not done, in the folder.
        drops: What of the folder is removed when it is done: a hundred small models are many gigabytes.
        seconds: What it takes, at a guess.
    """

    title: str
    folder: Path
    fit: tuple[str, ...] = ()
    then: tuple[tuple[str, ...], ...] = ()
    leaves: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether all is there that it leaves."""
        return all((self.folder / name).exists() for name in self.leaves)


@dataclass(frozen=True)
class Finetuning:
    """A fine-tuning of a task of the built-in world.

    Args:
        task: The task.
        variant: ``full``, ``no_pretraining``, ``no_aux`` or ``layers_<k>``.
        seed: Of everything that is left to chance.
    """

    task: str
    variant: str
    seed: int

    def folder(self, output: Path) -> Path:
        """Where it lies, as ``fit --seeds`` would have it."""
        return output / "runs" / f"{self.task}-{self.variant}" / f"seed-{self.seed}"


def finetunings(parts: Sequence[str], tasks: Sequence[str], n_seeds: int, n_layer: int) -> list[Finetuning]:
    """What the parts need, each once: all tasks with one seed first, so that there is soon a table."""
    found: dict[Finetuning, None] = {}
    for seed in range(n_seeds):
        for task, variant in _variants(parts, tasks, n_layer):
            found[Finetuning(task, variant, seed)] = None
    return list(found)


def _variants(parts: Sequence[str], tasks: Sequence[str], n_layer: int) -> list[tuple[str, str]]:
    wanted = [
        (task, variant)
        for variant in (FULL, SCRATCH, NO_AUX)
        for task in tasks
        for part, table in TABLES.items()
        if part in parts
        and (part == "table5" or variant != NO_AUX)
        and task in {column.set_name for column in table.twins}
    ]
    if FIGURE in parts:
        wanted += [(task, FULL) for task in tasks if task in (*LAYER_TASKS, *ZERO_SHOT)]
        wanted += [
            (task, f"layers_{k}") for task in tasks if task in LAYER_TASKS for k in range(n_layer)
        ]  # all n_layer of them are FULL
    return wanted


def pretraining(output: Path, budget: Budget, extra: Sequence[str]) -> Run:
    """The backbone, with a trail of checkpoints."""
    folder = output / "pretrain"
    steps = _steps(extra) or budget.pretrain_steps
    every = max(1, steps // _CHECKPOINTS)
    fit = (
        *budget.pretrain,
        *("--trainer.max_steps", str(steps), "--trainer.val_check_interval", str(every)),
        *("--checkpoints.keep_every_n_steps", str(every)),
        *extra,
        *("--trainer.default_root_dir", str(folder)),
    )
    return Run("pre-training", folder, fit, leaves=("model",), seconds=slowness() * budget.pretrain_seconds)


def _steps(arguments: Sequence[str]) -> int | None:
    """The updates that the user asks for, which decide where the checkpoints lie."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--trainer.max_steps", type=int, dest="steps")
    known, _ = parser.parse_known_args(list(arguments))
    steps: int | None = known.steps
    return steps


def finetuning(
    which: Finetuning, output: Path, model: Path | str, budget: Budget, extra: Sequence[str]
) -> Run:
    """``fit`` of the task's config, then ``test`` of its best state.

    Args:
        which: Task, variant and seed.
        output: The command's folder.
        model: The backbone.
        budget: What the run may cost.
        extra: Arguments of the user's.
    """
    folder = which.folder(output)
    fit = (
        *("--config", f"storyworld/finetune_{which.task}"),
        *_beginning(which.variant, model),
        *budget.finetune_arguments(which.task),
        *extra,
        *("--seed_everything", str(which.seed), "--data.seed", str(which.seed)),
        *("--trainer.default_root_dir", str(folder)),
    )
    test = ("test", "--config", str(folder / "config.yaml"), "--ckpt_path", "best")
    title = f"{which.task}, {VARIANTS.get(which.variant, which.variant.replace('_', ' '))}, seed {which.seed}"
    seconds = budget.seconds(which.task)
    return Run(title, folder, fit, (test,), ("test.json",), ("checkpoints", "model"), seconds)


def _beginning(variant: str, model: Path | str) -> list[str]:
    """How a variant begins: its weights, its loss, and the backbone's own context and vocabulary."""
    stored = open_model(str(model))
    n_ctx = ["--data.n_ctx", str(stored.config.n_ctx)]
    if variant == SCRATCH:  # the same network and vocabulary, other weights
        fields = stored.config.to_fields()
        return [
            *("--model.init_from", "null", "--model.decoder", json.dumps(fields)),
            *("--data.tokenizer", tokenizer_name(stored.tokenizer, str(model))),
            *n_ctx,
        ]
    begin = ["--model.init_from", str(model), *n_ctx]
    if variant == NO_AUX:
        begin += ["--model.lm_coef", "0"]
    elif variant.startswith("layers_"):
        begin += ["--model.transfer_layers", variant.removeprefix("layers_")]
    return begin


def run_of(model: str) -> Path:
    """The folder of the run that a model came from: it lies in it, or as a checkpoint one folder deeper."""
    parent = Path(model).parent
    return parent.parent if parent.name == "checkpoints" else parent


def checkpoints_of(pretrain: Path) -> dict[int, Path]:
    """The trail of a pre-training's checkpoints by step."""
    found = sorted((pretrain / "checkpoints").glob("step-*.ckpt"))
    return {int(path.stem.removeprefix("step-")): path for path in found}


def zero_shot_file(folder: Path, step: int) -> Path:
    """Where the zero-shot scores of a checkpoint are kept."""
    return folder / f"step-{step:07d}.json"


def zero_shot(output: Path, checkpoints: dict[int, Path], tasks: Sequence[str]) -> Run:
    """GPT-1's heuristics on every checkpoint, in one process."""
    folder = output / "zero_shot"
    names = zero_shot_tasks(tasks)
    benchmarks = ",".join(ZERO_SHOT[name][0] for name in names)
    commands = tuple(
        (
            *("zero-shot", str(path), "--benchmarks", benchmarks, "--protocols", "paper,gpt1"),
            *("--output", str(zero_shot_file(folder, step))),
        )
        for step, path in checkpoints.items()
    )
    leaves = tuple(zero_shot_file(folder, step).name for step in checkpoints)
    seconds = 5.0 + 4.0 * len(checkpoints)
    return Run("zero-shot scores of the checkpoints", folder, then=commands, leaves=leaves, seconds=seconds)


def zero_shot_tasks(tasks: Sequence[str]) -> list[str]:
    """The curves of Figure 2 right: those of the tasks, and pronouns, which nothing is fine-tuned on."""
    return [name for name in ZERO_SHOT if name in tasks or name not in TWINS]
