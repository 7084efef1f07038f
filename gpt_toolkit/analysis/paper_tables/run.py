"""Execution of planned runs, one after another; each can be stopped and resumed."""

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

from gpt_toolkit.analysis.paper_tables.plan import Run
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.progress import CONSOLE, format_duration

# One process for all command lines of a run: starting takes longer than testing a small model.
_SCRIPT = """\
import json, sys
from gpt_toolkit.cli import main
for arguments in json.loads(sys.argv[1]):
    print("$ gpt-toolkit", *arguments, flush=True)
    if code := main(arguments):
        sys.exit(code)
"""
LOG = "log.txt"
_INTERRUPTED = (130, -signal.SIGINT)
_POLL_SECONDS = 0.2
_LONG_SECONDS = 45.0  # runs longer than this print the path of their log; tuned here
_STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run_all(runs: Sequence[Run], describe: Callable[[Run], str], later_seconds: float = 0.0) -> None:
    """Do the runs that are not done; print each run's number, result and the time left.

    Args:
        runs: In their order.
        describe: Returns the result of a finished run for its line.
        later_seconds: Estimated time of what follows all of them.

    Raises:
        ChildProcessError: If a run fails; those before it stay done.
        KeyboardInterrupt: If it is stopped; the current run is saved.
    """
    todo = [run for run in runs if not run.is_done]
    if len(todo) < len(runs):
        say(f"{len(runs) - len(todo)} of {len(runs)} runs are done already")
    start, estimated_done = time.monotonic(), 0.0
    for number, run in enumerate(todo, start=1):
        estimated_left = sum(rest.seconds for rest in todo[number - 1 :]) + later_seconds
        pace = (time.monotonic() - start) / estimated_done if estimated_done else 1.0
        title = f"run {number} of {len(todo)}: {run.title}"
        if run.seconds >= _LONG_SECONDS:
            say(f"{title}: progress in {run.folder / LOG}")
        _do(run, f"{title}; left about {format_duration(estimated_left * pace)}")
        estimated_done += run.seconds
        say(f"{title}: {describe(run)}; left about {format_duration((estimated_left - run.seconds) * pace)}")


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


def _do(run: Run, line: str) -> None:
    lines = command_lines(run)
    log = run.folder / LOG
    with log.open("a", encoding="utf-8") as file, _stops_as_interrupts():
        # A session of its own: Ctrl-C reaches it through this process, once, and not from the terminal, too.
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, json.dumps(lines)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = _wait(process, log, line)
    if code in _INTERRUPTED:
        say(f"stopped in {run.title}; the same command resumes there")
        raise KeyboardInterrupt
    if code:
        raise ChildProcessError(
            f"{run.title}: the run ended with exit code {code}: {_last_line(log)}; its output is {log}; "
            "fix the problem, and the same command resumes there"
        )
    if missing := [name for name in run.results if not (run.folder / name).exists()]:
        raise ChildProcessError(f"{run.title}: the run left no {', '.join(missing)}; its output is {log}")
    for name in run.temporary:
        shutil.rmtree(run.folder / name, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], log: Path, line: str) -> int:
    """Wait for a process and return its exit code; pass an interruption on."""
    while True:
        try:
            with CONSOLE.status(Text(line)) if CONSOLE.is_terminal else contextlib.nullcontext() as status:
                while (code := process.poll()) is None:
                    if status is not None:
                        status.update(Text(f"{line}\n  {_last_line(log)}"))
                    time.sleep(_POLL_SECONDS)
            return code
        except KeyboardInterrupt:
            say("stopping; once more to stop at once")
            if sys.platform != "win32":  # there the console interrupts the process, too
                process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def _stops_as_interrupts() -> Iterator[None]:
    """Turn SIGTERM and the end of the terminal into KeyboardInterrupt, so that the current run is saved."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    try:
        old = {number: signal.signal(number, interrupt) for number in _STOPS}
    except ValueError:  # not the main thread: its owner handles signals
        old = {}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
