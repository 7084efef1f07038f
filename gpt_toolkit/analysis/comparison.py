"""Comparison of several models in one quantity, from pairs of seeds, examples or documents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

from gpt_toolkit import intervals
from gpt_toolkit.analysis.paired_tests import LEVEL, Difference, holm, paired_t
from gpt_toolkit.analysis.training_runs import RunGroup, TrainingRun, differing, group_runs
from gpt_toolkit.evaluation.score_report import finite, number, plain_table


@dataclass(frozen=True)
class Comparison:
    """One quantity of several models; each is compared with the first.

    Args:
        quantity: Name of the quantity.
        is_loss: Whether lower is better.
        pairs: Name of the pairs, such as ``seeds``.
        values: Mean of each model; None if it has none.
        half_widths: Half-width of the 95% interval of each mean; NaN if unknown.
        differences: Difference of each model from the first; None for the first, and where nothing is paired.
        adjusted: p-values after Holm's adjustment, as the differences.
        note: Note under the table.
    """

    quantity: str
    is_loss: bool
    pairs: str
    values: Sequence[float | None]
    half_widths: Sequence[float]
    differences: Sequence[Difference | None]
    adjusted: Sequence[float | None] = ()
    note: str = ""

    def verdict(self, model: int) -> str:
        """Return ``better``, ``worse`` or ``not distinguishable`` from the first model; "" without pairs."""
        difference, p = self.differences[model], self.adjusted[model]
        if difference is None or p is None:
            return ""
        if p > LEVEL:
            return "not distinguishable"
        return "better" if (difference.value < 0) == self.is_loss else "worse"


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Adjust the p-values of all differences together by Holm's method."""
    places = [(i, k) for i, c in enumerate(comparisons) for k, each in enumerate(c.differences) if each]
    found: list[list[float | None]] = [[None] * len(c.differences) for c in comparisons]
    raw = [difference.p for c in comparisons for difference in c.differences if difference]
    for (i, k), p in zip(places, holm(raw), strict=True):
        found[i][k] = p
    return [replace(c, adjusted=p_values) for c, p_values in zip(comparisons, found, strict=True)]


# Training runs


def compare_runs(
    runs: Sequence[TrainingRun],
    metric: str | None = None,
    target: float | None = None,
    least_seeds: int = 1,
) -> tuple[list[RunGroup], list[Comparison]]:
    """Compare configurations: the best value of a metric, and steps and seconds to a target.

    Args:
        runs: Runs; those that differ in the seed alone are one configuration.
        metric: Metric of the validation; None: the one by which the first run chose its best checkpoint.
        target: Value to reach; None: the worst of the runs' best values, which all of them reach.
        least_seeds: Smallest number of seeds that two configurations must have in common.

    Raises:
        ValueError: If the runs cannot be compared.
    """
    groups = group_runs(runs)
    first = groups[0].first
    monitored = str(first.settings.get("checkpoints.monitor") or "val_loss")
    metric = metric or monitored
    for run in runs:
        if metric not in run.curves:
            known = ", ".join(name for name in first.curves if name.startswith("val_"))
            raise ValueError(
                f"{run.folder}: no {metric} in metrics.csv; expected one of {known or 'val_...'}"
            )
    is_loss = first.settings.get("checkpoints.mode") != "max" if metric == monitored else _is_loss(metric)
    seeds = [_paired_seeds(groups[0], group, least_seeds) for group in groups]
    best = {run.folder: run.best(metric, is_loss=is_loss) for run in runs}
    if target is None:
        target = max(best.values()) if is_loss else min(best.values())
    steps = {run.folder: run.steps_to(metric, target, is_loss=is_loss) for run in runs}
    costs = {run.folder: run.cost_of(step) for run in runs if (step := steps[run.folder]) is not None}
    found = [_compare_groups(groups, seeds, f"best {metric}", is_loss, best)]
    goal = f"to {metric} {number(target)}"
    found.append(_compare_groups(groups, seeds, f"steps {goal}", True, steps))
    if costs and None not in costs.values():
        [*devices] = {title for title, _ in filter(None, costs.values())}
        if len(devices) == 1:
            seconds = {folder: cost[1] for folder, cost in costs.items() if cost}
            found.append(_compare_groups(groups, seeds, f"{devices[0]} {goal}", True, seconds))
    return groups, adjust(found)


def _is_loss(metric: str) -> bool:
    return metric.endswith(("loss", "perplexity", "bits_per_byte"))


def _paired_seeds(first: RunGroup, other: RunGroup, least: int) -> list[tuple[Any, Any]]:
    """Return the seeds of the pairs; two single runs are a pair whatever their seeds."""
    common = [(seed, seed) for seed in first.runs if seed in other.runs]
    if not common and len(first.runs) == len(other.runs) == 1:
        common = [(next(iter(first.runs)), next(iter(other.runs)))]
    if len(common) < max(1, least):
        raise ValueError(
            f"{other.name}: {len(common)} seeds in common with {first.name}; expected at least "
            f"{max(1, least)}; train both with fit --seeds {max(3, least)}"
        )
    return common


def _compare_groups(
    groups: Sequence[RunGroup],
    seeds: Sequence[Sequence[tuple[Any, Any]]],
    quantity: str,
    is_loss: bool,
    of_run: Mapping[Any, float | None],
) -> Comparison:
    values: list[float | None] = []
    half_widths: list[float] = []
    differences: list[Difference | None] = []
    missing = []
    for group, pairs in zip(groups, seeds, strict=True):
        given = [of_run.get(run.folder) for run in group.runs.values()]
        reached = [value for value in given if value is not None]
        values.append(sum(reached) / len(reached) if reached else None)
        half_widths.append(intervals.student_t(reached) if len(reached) > 1 else math.nan)
        if len(reached) < len(given):
            missing.append(f"{group.label}: {len(given) - len(reached)} of {len(given)} runs never reach it")
        first = groups[0]
        both = [(of_run.get(first.runs[a].folder), of_run.get(group.runs[b].folder)) for a, b in pairs]
        pairs_of_values = [b - a for a, b in both if a is not None and b is not None]
        # a run that never reaches the target has no number that could be paired
        is_complete = group is not first and len(pairs_of_values) == len(both)
        differences.append(paired_t(pairs_of_values) if is_complete else None)
    single = all(len(pairs) == 1 for pairs in seeds)
    note = "one seed each: the noise of a run is unknown; train with fit --seeds 5" if single else ""
    return Comparison(
        quantity,
        is_loss,
        "seeds",
        values,
        half_widths,
        differences,
        note="; ".join(filter(None, [*missing, note])),
    )


# Output


def tables_of(names: Sequence[str], comparisons: Sequence[Comparison]) -> Iterator[Table]:
    """Yield a table for each quantity.

    Args:
        names: Names of the models; a letter stands before each.
        comparisons: Comparisons, with adjusted p-values.
    """
    for each in comparisons:
        table = plain_table(
            *("", "model"),
            right=("mean", "95%", "difference", "95% interval", "p", each.pairs),
            title=f"{each.quantity} ({'lower' if each.is_loss else 'higher'} is better)",
        )
        table.add_column("", no_wrap=True)
        for i, (name, value) in enumerate(zip(names, each.values, strict=True)):
            difference, p, half = each.differences[i], each.adjusted[i], each.half_widths[i]
            shown = ["", "", "", ""]
            if difference is not None and p is not None:
                interval = f"{number(difference.low)} to {number(difference.high)}"
                shown = [
                    f"{'+' if difference.value >= 0 else ''}{number(difference.value)}",
                    interval if math.isfinite(difference.low) else "unknown",
                    f"{p:.3f}" if p >= 0.001 else "<0.001",
                    f"{difference.n:,}",
                ]
            table.add_row(
                chr(65 + i),
                name,
                "not reached" if value is None else number(value),
                "" if math.isnan(half) else f"+-{number(half)}",
                *shown,
                each.verdict(i),
            )
        yield table


def notes_of(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield how to read the tables."""
    tests = sorted({each.test for c in comparisons for each in c.differences if each})
    n = sum(each is not None for c in comparisons for each in c.differences)
    if tests:
        yield (
            f"differences from A: {', '.join(tests)}; intervals of each alone; p adjusted by Holm for {n} "
            f"differences; not distinguishable: p above {LEVEL}"
        )
    yield from dict.fromkeys(c.note for c in comparisons if c.note)


def settings_of(groups: Sequence[RunGroup]) -> Iterator[str]:
    """Yield the settings in which each configuration differs from the first."""
    first = groups[0]
    for group in groups[1:]:
        changes = differing(first.first.configuration, group.first.configuration)
        parts = [
            f"{name.removesuffix('.class_path')} {_short(name, before)} -> {_short(name, after)}"
            for name, (before, after) in changes.items()
        ]
        yield f"{first.label} -> {group.label}: {', '.join(parts)}"


def _short(name: str, value: Any) -> str:
    return str(value).rpartition(".")[2] if name.endswith(".class_path") else str(value)


def comparisons_as_json(names: Sequence[str], comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return the tables as JSON values; a number that is not finite is null."""
    found: list[dict[str, Any]] = []
    for each in comparisons:
        models: list[dict[str, Any]] = []
        for i, name in enumerate(names):
            model: dict[str, Any] = {
                "model": name,
                "value": each.values[i],
                "half_width": each.half_widths[i],
            }
            if difference := each.differences[i]:
                model |= {"difference": finite(difference._asdict()), "adjusted_p": each.adjusted[i]}
                model |= {"verdict": each.verdict(i)}
            models.append(finite(model))
        found.append({"quantity": each.quantity, "lower_is_better": each.is_loss, "models": models})
    return found
