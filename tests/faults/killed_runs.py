"""Commands that are killed when they access a file, and repeated.

    python -m tests.faults.killed_runs FOLDER --kills N --seed S

A program of its own, because it forks: each command runs in a child process that is killed at one of the
events that Python reports about files (open, rename, remove, truncate, ...). SIGKILL comes before the event,
SIGXFSZ inside the first write after it that makes a file larger than some size. Prints a JSON report.
"""

import argparse
import csv
import filecmp
import json
import os
import random
import resource
import shutil
import signal
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.data.pretraining import write_token_shards
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer
from tests.commands import CONFIG
from tests.small_runs import TEXT

FILE_EVENTS = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.rmdir", "shutil.rmtree")
KILLED = (-signal.SIGKILL, -signal.SIGXFSZ)
EXACT_COLUMNS = ("step", "train_loss", "lr", "val_loss", "val_perplexity", "val_bits_per_byte")
"""Columns of metrics.csv that do not depend on the clock."""


class Kill(NamedTuple):
    """A moment at which a command is killed.

    Attributes:
        event: Number of a file event.
        size: Bytes; the kill is in the first write after the event that goes past this size of a file. None:
            the kill is before the event.
    """

    event: int
    size: int | None = None

    @staticmethod
    def draw(draw: random.Random, events: list[str], largest: int) -> "Kill":
        """Draw a moment; half of them lie inside a write."""
        size = int(largest ** draw.random()) if draw.random() < 0.5 else None
        return Kill(draw.randrange(len(events)), size)


def run(arguments: list[str], watched: Path, kill: Kill | None = None) -> tuple[int, list[str]]:
    """Run a command in a child process; return its status and the events in a folder.

    Args:
        arguments: The command line.
        watched: Folder whose file events count.
        kill: Moment at which the child is killed; None: it is not.
    """
    record = Path("events.txt").absolute()
    record.unlink(missing_ok=True)
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    events: list[str] = []

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event not in FILE_EVENTS or not details or not isinstance(details[0], (str, Path)):
            return
        path = Path(details[0])
        if not path.absolute().is_relative_to(watched):
            return
        if kill is not None and len(events) == kill.event:
            if kill.size is None:
                os.kill(os.getpid(), signal.SIGKILL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (kill.size or 0, -1))
        events.append(f"{event} {path.name}")

    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(watch)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    code = main(arguments)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    record.write_text("\n".join(events), encoding="utf-8")
    os._exit(code)


def differences(expected: Path, found: Path) -> list[str]:
    """Return the files of a run that differ from those of an unbroken one."""
    names = ("samples.txt", "model/model.safetensors", "model/config.json")
    wrong = [name for name in names if not filecmp.cmp(expected / name, found / name, shallow=False)]
    tables = []
    for folder in (expected, found):
        with (folder / "metrics.csv").open(newline="") as file:
            tables.append([[row[name] for name in EXACT_COLUMNS] for row in csv.DictReader(file)])
    if tables[0] != tables[1]:
        wrong.append("metrics.csv")
    for name in ("last.ckpt", "best.ckpt"):
        a, b = (torch.load(folder / "checkpoints" / name, weights_only=True) for folder in (expected, found))
        keys = ("state_dict", "optimizer_states", "global_step")
        wrong += [f"{name}: {key}" for key in keys if not are_equal(a[key], b[key])]
        if a["gpt_toolkit"]["ledger"] != b["gpt_toolkit"]["ledger"]:
            wrong.append(f"{name}: ledger")
    return wrong


def are_equal(a: Any, b: Any) -> bool:
    """Return whether two contents of checkpoints are equal, tensors bit by bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(are_equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(are_equal, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


def kill_fits(kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill training runs, resume each until it ends, and compare the folders with that of an unbroken run."""
    arguments = ["fit", "--config", "tiny.yaml", "--checkpoints.every_n_steps", "2"]
    whole, broken = Path("whole").absolute(), Path("broken").absolute()
    where = "--trainer.default_root_dir"
    status, events = run([*arguments, where, "whole"], whole)
    report: dict[str, Any] = {"events": len(events), "kills": 0, "wrong": [], "status": status}
    largest = _largest(whole)
    while report["kills"] < kills:
        shutil.rmtree(broken, ignore_errors=True)
        points: list[str] = []
        for _ in range(draw.choice((1, 1, 2, 3))):  # some runs are killed again while they resume
            has_state = (broken / "checkpoints" / "last.ckpt").exists()
            resume = ["--ckpt_path", "last"] if has_state else []
            kill = Kill.draw(draw, events, largest)
            status, _ = run([*arguments, where, "broken", *resume], broken, kill)
            points.append(f"{kill} {events[kill.event]}")
            report["kills"] += status in KILLED
            if status >= 0:
                break
        if status < 0:
            has_state = (broken / "checkpoints" / "last.ckpt").exists()
            resume = ["--ckpt_path", "last"] if has_state else []
            status, _ = run([*arguments, where, "broken", *resume], broken)
        wrong = differences(whole, broken) if status == 0 else [f"exit code {status}"]
        if wrong:
            report["wrong"].append({"killed before": points, "wrong": wrong})
    return report


def kill_prepares(kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill the preparation of token shards, repeat it, and compare all files with those without a kill."""
    defaults: Any = write_token_shards.prepare_tokens.__kwdefaults__
    defaults |= {"shard_tokens": 700, "journal_tokens": 300}
    whole, broken = Path("whole_cache").absolute(), Path("broken_cache").absolute()
    arguments = ["prepare", "--config", "tiny.yaml"]
    os.environ["GPT_TOOLKIT_CACHE"] = str(whole)
    status, events = run(arguments, whole)
    report: dict[str, Any] = {"events": len(events), "kills": 0, "wrong": [], "status": status}
    expected = _files(whole)
    os.environ["GPT_TOOLKIT_CACHE"] = str(broken)
    while report["kills"] < kills:
        shutil.rmtree(broken, ignore_errors=True)
        kill = Kill.draw(draw, events, _largest(whole))
        status, _ = run(arguments, broken, kill)
        report["kills"] += status in KILLED
        status, _ = run(arguments, broken)
        found = {name: content for name, content in _files(broken).items() if not _is_left_over(name)}
        if status != 0 or found != expected:
            report["wrong"].append({"killed": f"{kill} {events[kill.event]}", "status": status})
    return report


def kill_evaluations(kills: int, draw: random.Random) -> dict[str, Any]:
    """Kill evaluations, repeat each, and compare results and stored answers with those without a kill."""
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=64, n_layer=1, n_head=1, n_embd=16))
    LanguageModel(decoder, load_tokenizer("bytes")).save("model")
    names = ("last_word", "pronouns", "text", "questions")
    benchmarks = ",".join(f"storyworld:{name}" for name in names)
    whole, broken = Path("whole").absolute(), Path("broken").absolute()

    def command(folder: Path) -> list[str]:
        folder.mkdir(exist_ok=True)
        os.environ["GPT_TOOLKIT_CACHE"] = str(folder / "cache")
        files = ["--output", str(folder / "table.json"), "--rows", str(folder / "rows.jsonl")]
        return ["zero-shot", "model", "--benchmarks", benchmarks, "--limit", "150", *files]

    status, events = run(command(whole), whole)
    report: dict[str, Any] = {"events": len(events), "kills": 0, "wrong": [], "status": status}
    expected = _evaluated(whole)
    while report["kills"] < kills:
        shutil.rmtree(broken, ignore_errors=True)
        kill = Kill.draw(draw, events, _largest(whole))
        status, _ = run(command(broken), broken, kill)
        report["kills"] += status in KILLED
        status, _ = run(command(broken), broken)
        if status != 0 or _evaluated(broken) != expected:
            report["wrong"].append({"killed": f"{kill} {events[kill.event]}", "status": status})
    return report


def _evaluated(folder: Path) -> dict[str, Any]:
    """Return results, and the intact lines of stored answers: a batch that was stored twice shows."""
    found: dict[str, Any] = {}
    for name, content in _files(folder).items():
        lines = [line.partition(b" ") for line in content.splitlines()]
        intact = [text for checksum, _, text in lines if checksum == b"%08x" % zlib.crc32(text)]
        if not _is_left_over(name):
            found[name] = intact if "answers" in name else content
    return found


def _is_left_over(name: str) -> bool:
    """Return whether a file may remain after a kill: a temporary one, or the journal of complete shards."""
    return name.endswith((".partial", "progress.json"))


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


KINDS: dict[str, Callable[[int, random.Random], dict[str, Any]]] = {
    "fit": kill_fits,
    "prepare": kill_prepares,
    "zero-shot": kill_evaluations,
}


def start() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.chdir(args.folder)
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
    os.environ["GPT_TOOLKIT_CACHE"] = str(Path("cache").absolute())
    print(json.dumps(KINDS[args.kind](args.kills, random.Random(args.seed))))


if __name__ == "__main__":
    start()
