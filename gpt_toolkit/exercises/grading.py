"""Grading of a learner's file: run its function inside the toolkit, compare, and recognize mistakes.

A mistake is recognized by its results: they are those of one of the exercise's typical mistakes.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from gpt_toolkit.exercises.differences import TOLERANCE, Difference, difference
from gpt_toolkit.exercises.read_exercises import Exercise

Function: TypeAlias = Callable[..., Any]
Comparison: TypeAlias = tuple[str, Any, Any]
"""What is compared, the learner's result, and the toolkit's."""
Check: TypeAlias = Callable[[Function], Iterator[Comparison]]
"""Function that yields the comparisons of an answer."""

CHECKS = ("model_checks", "training_checks", "text_checks", "evaluation_checks")
"""Modules of the checks, those that import least first."""


class Grade(NamedTuple):
    """The result of a check.

    Attributes:
        passed: True if every comparison agrees.
        message: One line for the learner.
    """

    passed: bool
    message: str


class Trial(NamedTuple):
    """The comparisons of one answer, up to the first error or result of a wrong form.

    Attributes:
        comparisons: Comparisons.
        differences: Difference of each, or None.
        error: Exception of the function that ended the trial.
    """

    comparisons: list[Comparison]
    differences: list[Difference | None]
    error: BaseException | None

    def resembles(self, other: Trial) -> bool:
        """Return whether two answers give the same results."""
        if len(self.comparisons) != len(other.comparisons) or repr(self.error) != repr(other.error):
            return False
        pairs = zip(self.comparisons, other.comparisons, strict=True)
        return all(difference(mine[1], theirs[1]) is None for mine, theirs in pairs)


def find_check(exercise: Exercise) -> Check:
    """Return the function that compares an answer with the toolkit, and import what it needs."""
    for name in CHECKS:
        module = importlib.import_module(f"gpt_toolkit.exercises.{name}")
        if hasattr(module, exercise.name):
            return getattr(module, exercise.name)  # type: ignore[no-any-return]
    raise ValueError(f"exercise {exercise.id}: no check {exercise.name}; expected one in {', '.join(CHECKS)}")


def grade_file(exercise: Exercise, path: Path) -> Grade:
    """Check the function in a learner's file, in this process."""
    check = find_check(exercise)
    try:
        function = load_function(path.read_bytes(), str(path), exercise.name)
        if function is None or (problem := _signature_problem(function, exercise)):
            problem = f"no function {exercise.name}" if function is None else problem
            return Grade(False, f"{path.name}: {problem}; see gpt-toolkit exercise {exercise.id}")
        return grade_function(exercise, check, function)
    except (Exception, SystemExit) as error:
        return Grade(False, describe_error(error, path))


def load_function(source: bytes | str, path: str, name: str) -> Function | None:
    """Run a file and return one of its functions; None if it has none of this name."""
    names: dict[str, Any] = {"__name__": Path(path).stem, "__file__": path}
    exec(compile(source, path, "exec", dont_inherit=True), names)
    function = names.get(name)
    return function if callable(function) else None


def _signature_problem(function: Function, exercise: Exercise) -> str:
    """Return a message if a function cannot be called like that of the template; empty if it can."""
    template = load_function(exercise.template, "template", exercise.name)
    assert template is not None
    expected = inspect.signature(template).parameters
    signature = inspect.signature(function)
    try:
        signature.bind(*expected)
    except TypeError:
        given, wanted = (f"{exercise.name}({', '.join(names)})" for names in (signature.parameters, expected))
        return f"{given}; expected {wanted}"
    return ""


def grade_function(exercise: Exercise, check: Check, function: Function) -> Grade:
    """Compare a function with the toolkit, and its results with those of typical mistakes."""
    trial = try_answer(check, function)
    found = [
        (what, given, problem)
        for (what, given, _), problem in zip(trial.comparisons, trial.differences, strict=True)
        if problem
    ]
    if isinstance(trial.error, NotImplementedError):
        return Grade(False, f"not yet filled in: write the body of {exercise.name}")
    if found and found[0][1] is None:
        return Grade(False, f"not yet filled in: {exercise.name} returns nothing (None)")
    if not found and trial.error is None:
        n = len(trial.comparisons)
        return Grade(True, f"{n} comparisons with the toolkit agree within {TOLERANCE:g}")
    for mistake, wrong in zip(exercise.mistakes, try_mistakes(exercise), strict=True):
        if trial.resembles(wrong):
            return Grade(False, mistake.hint)
    if trial.error is not None and not found:
        raise trial.error
    what, _, problem = found[0]
    return Grade(False, f"{what}: {problem.text}")


@cache
def try_mistakes(exercise: Exercise) -> tuple[Trial, ...]:
    """Return the trial of each typical mistake."""
    check = find_check(exercise)
    wrong = [load_function(mistake.source, "mistake", exercise.name) for mistake in exercise.mistakes]
    return tuple(try_answer(check, function) for function in wrong if function is not None)


def try_answer(check: Check, function: Function) -> Trial:
    """Run the comparisons of an answer; it gets copies of its arguments, so it may change them."""
    errors: list[BaseException] = []

    def answer(*arguments: Any) -> Any:
        try:
            return function(*[one if callable(one) else _copied(one) for one in arguments])
        except (Exception, SystemExit) as error:
            errors.append(error)
            raise

    comparisons: list[Comparison] = []
    differences: list[Difference | None] = []
    torch.manual_seed(0)
    try:
        with torch.no_grad():
            for comparison in check(answer):
                found = difference(comparison[1], comparison[2])
                comparisons.append(comparison)
                differences.append(found)
                if found is not None and found.is_of_form:
                    break
    except (Exception, SystemExit):
        if not errors:
            raise
    return Trial(comparisons, differences, errors[0] if errors else None)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else copy.deepcopy(value)


def describe_error(error: BaseException, path: Path) -> str:
    """Return an exception as one line, with the line of the learner's file that raised it."""
    text = f"{type(error).__name__}: {error}".partition("\n")[0].removesuffix(": ")
    if isinstance(error, SyntaxError):
        return f"{path.name}:{error.lineno}: SyntaxError: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    if lines := [frame.lineno for frame in frames if frame.filename == str(path)]:
        return f"{path.name}:{lines[-1]}: {text}"
    return f"{path.name}: the toolkit cannot use what the function returns: {text}"
