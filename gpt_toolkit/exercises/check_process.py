"""A learner's file in a process of its own, with a time limit."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from gpt_toolkit.exercises.read_exercises import Exercise, find_exercise

SECONDS = 10
"""Time limit of a check, without imports. The toolkit's own solutions take one second at most."""


def check_file(exercise: Exercise, path: Path, seconds: float = SECONDS) -> tuple[bool, str]:
    """Check a file in a new process; return whether it passes, and one line for the learner."""
    context = multiprocessing.get_context("spawn")
    results, child_end = context.Pipe(duplex=False)
    process = context.Process(target=_grade, args=(child_end, exercise.id, path), daemon=True)
    process.start()
    child_end.close()
    try:
        results.recv()  # the imports are done
        if not results.poll(seconds):
            return False, f"{path.name}: did not finish within {seconds:g} s; does a loop never end?"
        passed, message = results.recv()
    except EOFError:
        return False, f"{path.name}: Python ended before the check was complete; remove exit or quit"
    finally:
        process.kill()
        process.join()
    return passed, message


def _grade(results: Connection, exercise_id: str, path: Path) -> None:
    """Grade a file and send the grade."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    from gpt_toolkit.exercises.grading import find_check, grade_file

    exercise = find_exercise(exercise_id)
    find_check(exercise)
    results.send("ready")
    results.send(tuple(grade_file(exercise, path)))
