"""``fit --seeds N``: the same run with several seeds, and statistics of their metrics."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from gpt_toolkit import intervals
from gpt_toolkit.cli.errors import UsageError

_SINGLE_RUN_OPTIONS = ("--ckpt_path", "--seed_everything")


def take_seeds(arguments: list[str]) -> tuple[list[str], int]:
    """Return the arguments without ``--seeds N``, and N, which is 1 by default.

    Raises:
        UsageError: If N is not a number above 0, or other options belong to a single run.
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
        raise UsageError(f"--seeds {value or ''}: expected a number of seeds, such as 5")
    given = {argument.partition("=")[0] for argument in rest}
    if clash := [name for name in _SINGLE_RUN_OPTIONS if name in given]:
        raise UsageError(f"--seeds begins new runs: leave out {', '.join(clash)}")
    return rest, int(str(value))


def repeat(n: int, run: Callable[[int], Mapping[str, float]]) -> None:
    """Run with seeds 0 to n - 1; print each metric's mean, 95% interval and median.

    Args:
        n: Number of runs.
        run: Takes the seed; returns the metrics of the run's best state.
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
    """Return ``0.8312 +- 0.0120  (median 0.8300)``; the interval is Student's t."""
    mean, median = statistics.fmean(values), statistics.median(values)
    return f"{mean:.4f} +- {intervals.student_t(values):.4f}  (median {median:.4f})"
