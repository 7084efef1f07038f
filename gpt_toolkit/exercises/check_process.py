"""A learner's file in a process of its own, with a time limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from gpt_toolkit.exercises.read_exercises import Exercise, find_exercise

SECONDS = 10
"""Time limit of a check after its imports, on an idle machine. Solutions take one second at most."""

IMPORTS = 3
"""The same limit in multiples of the time for the imports, which a busy machine prolongs alike."""


def check_file(exercise: Exercise, path: Path, seconds: float | None = None) -> tuple[bool, str]:
    """Check a file in a new process; return whether it passes, and one line for the learner.

    Args:
        exercise: The exercise.
        path: The learner's file.
        seconds: Time limit after the imports; default: that of ``SECONDS`` and ``IMPORTS``.
    """
    start = time.monotonic()
    context = multiprocessing.get_context("spawn")
    results, child_end = context.Pipe(duplex=False)
    process = context.Process(target=_grade, args=(child_end, exercise.id, path), daemon=True)
    process.start()
    child_end.close()
    try:
        results.recv()  # the imports are done
        if seconds is None:
            seconds = max(SECONDS, IMPORTS * (time.monotonic() - start))
        if not results.poll(seconds):
            return (
                False,
                f"{path.name}: did not finish within {seconds:.3g} s; look for a loop that never ends",
            )
        passed, message = results.recv()
    except EOFError:
        return False, f"{path.name}: Python ended before the check was complete; remove exit or quit"
    finally:
        process.kill()
        process.join()
    return passed, message


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _grade(results: Connection, exercise_id: str, path: Path) -> None:
    """Grade a file and send the grade."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()  # also if the parent is killed
    import torch

    from gpt_toolkit.exercises.grading import find_check, grade_file

    torch.set_num_threads(1)  # threads would wait for one another on a busy machine
    exercise = find_exercise(exercise_id)
    find_check(exercise)
    results.send("ready")
    results.send(tuple(grade_file(exercise, path)))
