"""The exercises, read from the files of ``problems/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gpt_toolkit.suggestions import did_you_mean

_TITLE = re.compile(r'"""Exercise (?P<id>\S+): (?P<title>.+) \((?P<section>GPT-\d §.+)\)\.\n')
_ANSWER = re.compile(r"^ +# %% (solution|mistake: .+)\n((?: +# .+\n)*)", re.MULTILINE)
_HOLE = "    raise NotImplementedError  # replace this line by your code\n"
_SHAPES = """\
Shapes: B sequences in a batch, T positions, D width of the states, H heads, K width of a head, V size of the
vocabulary.

"""


class Mistake(NamedTuple):
    """A typical wrong answer.

    Attributes:
        hint: What is wrong with it, and what to do.
        source: File with this answer.
    """

    hint: str
    source: str


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes:
        name: Name of the function to write, and of the file in ``problems/``.
        id: Paper, section, and a letter if the section has several exercises: ``gpt1-3.1b``.
        title: What the function is.
        section: Section of the paper, as in ``GPT-1 §3.1, eq. 2``.
        template: File with a hole.
        solution: File with the hole filled in.
        mistakes: Typical wrong answers.
    """

    name: str
    id: str
    title: str
    section: str
    template: str
    solution: str
    mistakes: tuple[Mistake, ...]

    @property
    def file_name(self) -> str:
        """Name of the learner's file."""
        return file_name(self.id)


def file_name(exercise_id: str) -> str:
    """Return the name of the file for an exercise, which Python can import: gpt1_3_1.py for gpt1-3.1."""
    return re.sub(r"\W", "_", exercise_id) + ".py"


def read_exercise(path: Path) -> Exercise:
    """Read an exercise from its file."""
    text = path.read_text(encoding="utf-8")
    title, marks = _TITLE.match(text), list(_ANSWER.finditer(text))
    if title is None or not marks or marks[0][1] != "solution":
        raise ValueError(f"{path}: no title or solution; expected those described in gpt_toolkit.exercises")
    head = text[: marks[0].start()]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    solution, *answers = (head + text[mark.end() : end] for mark, end in zip(marks, ends, strict=True))
    hints = (
        " ".join([mark[1].removeprefix("mistake: "), *re.findall("# (.+)", mark[2])]) for mark in marks[1:]
    )
    check = f"Check it: gpt-toolkit exercise {title['id']} --check {file_name(title['id'])}"
    shapes = _SHAPES if "Tensor" in head else ""
    template = (head + _HOLE).replace('\n"""\n', f'\n\n{shapes}{check}\n"""\n', 1)
    mistakes = tuple(map(Mistake, hints, answers))
    return Exercise(path.stem, **title.groupdict(), template=template, solution=solution, mistakes=mistakes)


def _read_all() -> dict[str, Exercise]:
    folder = Path(__file__).with_name("problems")
    exercises = [read_exercise(path) for path in folder.glob("*.py")]
    return {exercise.id: exercise for exercise in sorted(exercises, key=lambda one: one.id)}


EXERCISES = _read_all()
"""Exercises by id, in the order of the papers."""


def find_exercise(name: str) -> Exercise:
    """Return the exercise with an id.

    Raises:
        ValueError: If no exercise has this id.
    """
    if name not in EXERCISES:
        raise ValueError(
            f"exercise: {name!r}{did_you_mean(name, EXERCISES)}; expected an id such as gpt1-3.1; "
            "list all with gpt-toolkit exercise"
        )
    return EXERCISES[name]
