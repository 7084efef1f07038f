"""Starting runs one after another, so that each can be stopped and taken up again."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.text import Text

from gpt_toolkit.analysis.paper_tables.runs import Run
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.progress import CONSOLE, format_duration

# One process for all command lines of a run: starting up takes longer than testing a small model.
_SCRIPT = """\
import json, sys
from gpt_toolkit.cli import main
for arguments in json.loads(sys.argv[1]):
    print("$ gpt-toolkit", *arguments, flush=True)
    if code := main(arguments):
        sys.exit(code)
"""
_INTERRUPTED = 130
LOG = "log.txt"
_LOOK_SECONDS = 0.2
_LONG_SECONDS = 45.0
"""From which on it is said where a run's own progress can be read; ours."""
_STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run_all(runs: Sequence[Run], describe: Callable[[Run], str], later_seconds: float = 0.0) -> None:
    """Do what is not done yet; say which run it is, of how many, and how long all will still take.

    Args:
        runs: In their order.
        describe: What a run that is done came to, for its line.
        later_seconds: What comes after all of them takes, at a guess.

    Raises:
        ChildProcessError: If one fails; those before it stay done.
        KeyboardInterrupt: If it is stopped; what was under way is saved.
    """
    todo = [run for run in runs if not run.done]
    if len(todo) < len(runs):
        say(f"{len(runs) - len(todo)} of {len(runs)} runs are done already")
    began, guessed_done = time.monotonic(), 0.0
    for number, run in enumerate(todo, start=1):
        guessed = sum(rest.seconds for rest in todo[number - 1 :]) + later_seconds
        pace = (time.monotonic() - began) / guessed_done if guessed_done else 1.0
        head = f"run {number} of {len(todo)}: {run.title}"
        if run.seconds >= _LONG_SECONDS:
            say(f"{head}: how far it is stands in {run.folder / LOG}")
        _do(run, f"{head}; left about {format_duration(guessed * pace)}")
        guessed_done += run.seconds
        say(f"{head}: {describe(run)}; left about {format_duration((guessed - run.seconds) * pace)}")


def command_lines(run: Run) -> list[tuple[str, ...]]:
    """What is left of a run; what lies in its folder and cannot be continued is removed.

    A run that has ended its training is only tested; one that has a whole state goes on from it.
    """
    if not run.fit:
        run.folder.mkdir(parents=True, exist_ok=True)
        return [
            line for line, name in zip(run.then, run.leaves, strict=True) if not (run.folder / name).exists()
        ]
    checkpoints = run.folder / "checkpoints"
    if (run.folder / "model").is_dir() and (checkpoints / "last.ckpt").exists():
        return list(run.then)
    if (checkpoints / "last.ckpt").exists():
        return [("fit", *run.fit, "--ckpt_path", "last"), *run.then]
    if run.folder.exists():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True)
    return [("fit", *run.fit), *run.then]


def _do(run: Run, line: str) -> None:
    lines = command_lines(run)
    log = run.folder / LOG
    with log.open("a", encoding="utf-8") as file, _stopped_like_ctrl_c():
        # A session of its own: Ctrl-C comes to it through us, once, and not from the terminal as well.
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, json.dumps(lines)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = _waited(process, log, line)
    if code in (_INTERRUPTED, -signal.SIGINT):
        say(f"stopped in {run.title}; the same command goes on from there")
        raise KeyboardInterrupt
    if code:
        raise ChildProcessError(
            f"{run.title}: the run ended with exit code {code}: {_last_line(log)}. All that it said: {log}. "
            "When that is mended, the same command goes on from there"
        )
    if missing := [name for name in run.leaves if not (run.folder / name).exists()]:
        raise ChildProcessError(f"{run.title}: the run left no {', '.join(missing)}; what it said: {log}")
    for name in run.drops:
        shutil.rmtree(run.folder / name, ignore_errors=True)


def _waited(process: subprocess.Popen[bytes], log: Path, line: str) -> int:
    """The exit code; an interruption is handed on, and then waited for."""
    while True:
        try:
            with CONSOLE.status(Text(line)) if CONSOLE.is_terminal else contextlib.nullcontext() as status:
                while (code := process.poll()) is None:
                    if status is not None:
                        status.update(Text(f"{line}\n  {_last_line(log)}"))
                    time.sleep(_LOOK_SECONDS)
            return code
        except KeyboardInterrupt:
            say("stopping; once more to stop at once")
            if sys.platform != "win32":  # there the console interrupts the process, too
                process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def _stopped_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and the end of the terminal stop the run under way too, as they would in a single run."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    try:
        old = {number: signal.signal(number, interrupt) for number in _STOPS}
    except ValueError:  # not the main thread: whoever started it handles signals
        old = {}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _last_line(log: Path) -> str:
    """What a run said last."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
