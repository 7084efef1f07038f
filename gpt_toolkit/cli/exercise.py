"""``gpt-toolkit exercise``: write a part of both papers' models yourself, and have it checked.

Without arguments it lists the exercises. With an ID it writes a file that explains the exercise and has a
hole. With --check it runs your code inside the toolkit, compares the results, and names typical mistakes.
Solutions are on the page "Exercises" of the documentation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gpt_toolkit.exercises import EXERCISES, Exercise, find_exercise
from gpt_toolkit.io import write_text

EPILOG = """\
examples:
  gpt-toolkit exercise
  gpt-toolkit exercise gpt1-3.1
  gpt-toolkit exercise gpt1-3.1 --check gpt1_3_1.py
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="exercise, by paper and section (default: list all)"
    )
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--check", type=Path, metavar="FILE", help="check your file")
    actions.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write (default: the id, as in gpt1_3_1.py)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code: 1 if a check does not pass."""
    if args.id is None:
        if args.check or args.output:
            raise ValueError(
                "exercise: no ID; expected one before the option, as in gpt-toolkit exercise gpt1-3.1"
            )
        _print_list()
        return 0
    exercise = find_exercise(args.id)
    if args.check:
        return _check(exercise, args.check)
    _write(exercise, args.output or Path(exercise.file_name))
    return 0


def _print_list() -> None:
    width = max(len(one.title) for one in EXERCISES.values())
    for exercise in EXERCISES.values():
        print(f"{exercise.id:<10} {exercise.title:<{width}}  {exercise.section}")
    print("begin: gpt-toolkit exercise gpt1-3.1")


def _write(exercise: Exercise, path: Path) -> None:
    if path.exists():
        raise ValueError(f"exercise: {path} exists; expected a new file; move yours or give --output FILE")
    write_text(path, exercise.template)
    print(f"written to {path}: {exercise.title} ({exercise.section})")
    print(f"next: fill in {exercise.name}, then gpt-toolkit exercise {exercise.id} --check {path}")


def _check(exercise: Exercise, path: Path) -> int:
    from gpt_toolkit.exercises.check_process import check_file

    if not path.is_file():
        raise ValueError(
            f"exercise: {path}; expected an existing file; write one with gpt-toolkit exercise {exercise.id}"
        )
    passed, message = check_file(exercise, path)
    verdict = "pass: " if passed else "" if message.startswith("not yet") else "not yet: "
    print(f"{verdict}{message}")
    if passed:
        later = [one for one in EXERCISES if one > exercise.id]
        print(f"next: gpt-toolkit exercise {later[0]}" if later else "that was the last exercise")
    return 0 if passed else 1
