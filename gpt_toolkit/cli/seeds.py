"""``fit --seeds N``: the same run with several seeds, and what they have in common."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from gpt_toolkit import intervals
from gpt_toolkit.cli.errors import UsageError

_ONE_RUNS = ("--ckpt_path", "--seed_everything")


def take_seeds(arguments: list[str]) -> tuple[list[str], int]:
    """The arguments without ``--seeds N``, and N; 1 where it is not given.

    Raises:
        UsageError: If N is no number above 0, or goes with options that are one run's own.
    """
    rest: list[str] = []
    value: str | None = None
    waiting = False
    for argument in arguments:
        if waiting:
            value, waiting = argument, False
        elif argument == "--seeds":
            waiting = True
        elif argument.startswith("--seeds="):
            value = argument.partition("=")[2]
        else:
            rest.append(argument)
    if value is None and not waiting:
        return arguments, 1
    if waiting or not str(value).isdecimal() or int(str(value)) < 1:
        raise UsageError(f"--seeds {value or ''}: expected how many seeds, such as 5")
    given = {argument.partition("=")[0] for argument in rest}
    if clash := [name for name in _ONE_RUNS if name in given]:
        raise UsageError(f"--seeds begins runs of its own: leave out {', '.join(clash)}")
    return rest, int(str(value))


def repeat(n: int, run: Callable[[int], Mapping[str, float]]) -> None:
    """Run with seeds 0 to n - 1; print each metric's mean, 95% interval and median.

    Args:
        n: How many runs.
        run: Takes the seed; gives the metrics of the run's best state.
    """
    results: list[Mapping[str, float]] = []
    for seed in range(n):
        print(f"seed {seed} ({seed + 1} of {n})")
        results.append(run(seed))
    names = [name for name in results[0] if all(name in result for result in results)]
    print(f"{n} seeds, each at its best validation: mean, 95% interval, median")
    for name in names:
        print(f"{name:28} {summary([result[name] for result in results])}")


def summary(values: Sequence[float]) -> str:
    """``0.8312 +- 0.0120  (median 0.8300)``; the interval by Student's t."""
    mean, median = statistics.fmean(values), statistics.median(values)
    return f"{mean:.4f} +- {intervals.student_t(values):.4f}  (median {median:.4f})"
