"""Contestants in separate processes: each works in its turn, and its memory is measured separately."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec

import torch

from benchmarks.side_by_side import in_turns

P = ParamSpec("P")

_start_method = "spawn"


def choose_start_method(*modules: str, quick: bool) -> None:
    """Choose how workers start.

    A measured worker starts in a new interpreter, so that its memory includes all imports. Workers of a quick
    run are forked from one server, which has imported the modules and started no thread of torch.

    Args:
        modules: Modules of the benchmark that take long to import, for the server.
        quick: Whether this is a quick run, whose figures mean nothing.
    """
    global _start_method
    _start_method = "spawn"
    if quick and "forkserver" in multiprocessing.get_all_start_methods():
        _start_method = "forkserver"
        multiprocessing.set_forkserver_preload([*modules])


class Turns:
    """Connection of a contestant to the benchmark: it waits between rounds.

    Args:
        connection: Connection to the benchmark.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def wait(self) -> bool:
        """Wait for the next round; return False after the last. Call it once after the warm-up."""
        self._connection.send(None)
        return bool(self._connection.recv())


class Worker:
    """A process that does a contestant's work; a context manager, inside which it is ready for :meth:`round`.

    Args:
        work: Function of a module that runs in the process. It warms up, works in the rounds of ``turns`` and
            returns its result.
        arguments: Arguments of ``work`` after ``turns``.
    """

    def __init__(self, work: Callable[Concatenate[Turns, P], Any], *args: P.args, **kwargs: P.kwargs) -> None:
        context: Any = multiprocessing.get_context(_start_method)
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, torch.get_num_threads(), work, args, kwargs), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        self._connection.recv()
        return self

    def round(self) -> None:
        """Let the contestant work for one round."""
        self._connection.send(True)
        self._connection.recv()

    def finish(self) -> Any:
        """End the work; return its result with ``peak_mb`` of memory and the memory before."""
        self._connection.send(False)
        result = self._connection.recv()
        self._process.join()
        return result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()


def _serve(connection: Connection, threads: int, work: Any, args: Any, kwargs: Any) -> None:
    torch.set_num_threads(threads)
    peak, held = _peak_mb(), _held_mb()
    result = work(Turns(connection), *args, **kwargs)
    connection.send(
        {**(result or {}), "peak_mb": _peak_mb(), "peak_mb_before": peak, "work_mb": _peak_mb() - held}
    )


def _peak_mb() -> float:
    """Return the peak memory. Linux' ``ru_maxrss`` starts with that of the parent process."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _held_mb() -> float:
    """Return the current memory where the system reports it, else the peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return _peak_mb()
    return pages * resource.getpagesize() / 1e6


def compare(
    contestants: Mapping[str, Callable[[], Worker]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, dict[str, Any]]]:
    """Measure the seconds of each contestant in each round; return them with each contestant's result."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(start()) for name, start in contestants.items()}
        seconds = in_turns({name: worker.round for name, worker in workers.items()}, rounds)
        return seconds, {name: worker.finish() for name, worker in workers.items()}
