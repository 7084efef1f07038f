"""The Storyworld runs behind GPT-1's tables: planned as command lines, done one after another, resumable."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from gpt_toolkit.analysis.paper_tables.catalog import (
    FIGURE,
    FULL,
    LAYER_TASKS,
    TABLES,
    TASKS,
    VARIANTS,
    ZERO_SHOT,
    Budget,
)
from gpt_toolkit.analysis.paper_tables.run_results import read_test_scores
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.progress import CONSOLE, format_duration
from gpt_toolkit.tokenizers.loading import tokenizer_name

_N_CHECKPOINTS = 6  # of pre-training, for Figure 2 right; tuned here: enough to see a curve
LOG = "log.txt"
# One process for all command lines of a run: starting takes longer than testing a small model.
_STOP_WITH_PARENT = """\
import os, signal, threading
def stop_with_parent():
    os.read(0, 1)  # standard input ends when the parent does, by whatever signal
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=stop_with_parent, daemon=True).start()
"""
_SCRIPT = """\
import json, sys
from gpt_toolkit.cli import main
for arguments in json.loads(sys.argv[1]):
    print("$ gpt-toolkit", *arguments, flush=True)
    if code := main(arguments):
        sys.exit(code)
"""
_STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


# ------------------------------------------------------------------ plan


class Run(NamedTuple):
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
    """Return the run of the backbone; it keeps checkpoints for Figure 2 right, also of the user's steps."""
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
    return Run("pre-training", folder, fit, results=("model",), seconds=budget.pretrain_seconds)


def finetunings(
    wanted: Sequence[Finetuning], output: Path, model: str, budget: Budget, extra: Sequence[str]
) -> list[Run]:
    """Return the runs of fine-tunings of a model: ``fit`` of the task's config, then ``test`` of its best."""
    stored = open_model(model)
    fields = {
        "model": model,
        "decoder": json.dumps(stored.config.to_fields()),
        "tokenizer": tokenizer_name(stored.tokenizer, model),
    }
    runs = []
    for each in wanted:
        name, _, k = each.variant.partition("layers_")
        folder, variant = each.folder(output), VARIANTS[name or "layers"]
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
        seconds = budget.seconds[each.task]
        runs.append(Run(title, folder, fit, (test,), ("test.json",), ("checkpoints", "model"), seconds))
    return runs


def zero_shot(output: Path, checkpoints: Mapping[int, Path], tasks: Sequence[str]) -> Run:
    """Return GPT-1's zero-shot heuristics on every checkpoint, in one process."""
    benchmarks = ",".join(ZERO_SHOT[name][0] for name in curve_names(tasks))
    files = {step: zero_shot_file(output, step) for step in checkpoints}
    then = tuple(
        (
            *("zero-shot", str(path), "--benchmarks", benchmarks, "--protocols", "paper,gpt1"),
            *("--output", str(files[step])),
        )
        for step, path in checkpoints.items()
    )
    title, names = "zero-shot scores of the checkpoints", tuple(file.name for file in files.values())
    return Run(title, output / "zero_shot", then=then, results=names, seconds=5.0 + 4.0 * len(names))


def curve_names(tasks: Sequence[str]) -> list[str]:
    """Return the curves of Figure 2 right: those of the tasks, and pronouns, which is not a task."""
    return [name for name in ZERO_SHOT if name in tasks or name not in TASKS]


def zero_shot_file(output: Path, step: int) -> Path:
    """Return the file of a checkpoint's zero-shot scores."""
    return output / "zero_shot" / f"step-{step:07d}.json"


def checkpoints_of(model: str) -> dict[int, Path]:
    """Return the checkpoints, by step, that were kept by the run that a model or checkpoint came from."""
    run = Path(model).parent
    run = run.parent if run.name == "checkpoints" else run
    found = sorted((run / "checkpoints").glob("step-*.ckpt"))
    return {int(path.stem.removeprefix("step-")): path for path in found}


# ------------------------------------------------------------------ execution


def run_all(runs: Sequence[Run], later_seconds: float = 0.0) -> None:
    """Do the runs that are not done; print each run's number and result, and the time left for all.

    Raises:
        ChildProcessError: If a run fails; those before it stay done.
        KeyboardInterrupt: If it is stopped; the current run is saved.
    """
    todo = [run for run in runs if not run.is_done]
    if len(todo) < len(runs):
        say(f"{len(runs) - len(todo)} of {len(runs)} runs are done already")
    start, done, left = time.monotonic(), 0.0, sum(run.seconds for run in todo) + later_seconds
    for number, run in enumerate(todo, start=1):
        pace = (time.monotonic() - start) / done if done else 1.0
        title = f"run {number} of {len(todo)}: {run.title}"
        say(f"{title}; left about {format_duration(left * pace)}; progress in {run.folder / LOG}")
        _do(run, title)
        done, left = done + run.seconds, left - run.seconds
        scores = read_test_scores(run.folder)
        say(f"{title}: " + (f"test score {100 * scores['score']:.1f}" if scores else str(run.folder)))


def command_lines(run: Run) -> list[tuple[str, ...]]:
    """Return what is left of a run, and delete files of its folder that it cannot continue from.

    A trained run is only tested; one with a complete checkpoint resumes from it.
    """
    if not run.fit:
        run.folder.mkdir(parents=True, exist_ok=True)
        lines = zip(run.then, run.results, strict=True)
        return [line for line, name in lines if not (run.folder / name).exists()]
    if (run.folder / "checkpoints" / "last.ckpt").exists():
        if (run.folder / "model").is_dir():
            return list(run.then)
        return [("fit", *run.fit, "--ckpt_path", "last"), *run.then]
    if run.folder.exists():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True)
    return [("fit", *run.fit), *run.then]


def _do(run: Run, title: str) -> None:
    command = [sys.executable, "-c", _STOP_WITH_PARENT + _SCRIPT, json.dumps(command_lines(run))]
    log = run.folder / LOG
    with (
        log.open("a", encoding="utf-8") as file,
        _stops_as_interrupts(),
        # A session of its own: Ctrl-C reaches it through this process, once, and not from the terminal, too.
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        code = _wait(process, log, title)
    if code in (130, -signal.SIGINT, -signal.SIGTERM):
        say(f"stopped in {run.title}; the same command resumes there")
        raise KeyboardInterrupt
    if code:
        raise ChildProcessError(
            f"{run.title}: exit code {code} ({_last_line(log)}); expected 0; see {log}, fix the problem, and "
            "repeat the command, which resumes there"
        )
    if missing := [name for name in run.results if not (run.folder / name).exists()]:
        raise ChildProcessError(
            f"{run.title}: no {', '.join(missing)}; expected these files after the run; see {log}"
        )
    for name in run.temporary:
        shutil.rmtree(run.folder / name, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], log: Path, title: str) -> int:
    """Show the log's last line on a terminal until a process ends; pass an interruption on."""
    while True:
        try:
            with CONSOLE.status(Text(title)) if CONSOLE.is_terminal else contextlib.nullcontext() as status:
                while (code := process.poll()) is None:
                    if status is not None:
                        status.update(Text(f"{title}\n  {_last_line(log)}"))
                    time.sleep(0.2)
            return code
        except KeyboardInterrupt:
            say("stopping; once more to stop at once")
            if sys.platform != "win32":  # there the console interrupts the process, too
                process.send_signal(signal.SIGTERM)  # a command in the background of a shell ignores SIGINT


@contextlib.contextmanager
def _stops_as_interrupts() -> Iterator[None]:
    """Turn SIGTERM and the end of the terminal into KeyboardInterrupt, so that the current run is saved."""
    old = {}
    with contextlib.suppress(ValueError):  # not the main thread: its owner handles signals
        old = {number: signal.signal(number, signal.default_int_handler) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode("utf-8", errors="replace").strip().split("\n")
    return lines[-1].strip() or "nothing"
