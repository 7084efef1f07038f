"""Training runs to compare: their settings, their curves, and the groups that differ in the seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from gpt_toolkit.analysis.report_page import Curve
from gpt_toolkit.analysis.run_report import read_curves
from gpt_toolkit.yaml_files import read_yaml

SEEDS = ("seed_everything", "data.seed")
_OF_A_RUN = (*SEEDS, "trainer.default_root_dir", "ckpt_path", "weights_only", "data.num_workers")
"""Settings in which runs of one configuration may differ."""
_OF_THE_OUTPUT = ("budget.", "checkpoints.", "progress.", "samples.")
"""Beginnings of settings that do not change what is trained; a budget in minutes is saved as steps."""
_NOT_OF_THE_TEXT = (
    *("data.batch_size", "data.batch_tokens", "data.bucket", "data.num_workers", "data.seed"),
    *("data.encode_on", "data.mixture", "data.cap", "data.temperature", "data.train_rows"),
)
"""Settings of the data that do not change what is validated."""
_OF_VALIDATION = ("trainer.limit_val_batches",)
_COSTS = {"cpu_seconds": "CPU seconds", "gpu_seconds": "GPU seconds"}


@dataclass(frozen=True)
class TrainingRun:
    """A run of ``fit``.

    Args:
        folder: Its folder.
        settings: Settings of its config by dotted name, without ``init_args``.
        curves: Columns of its ``metrics.csv``.
    """

    folder: Path
    settings: Mapping[str, Any]
    curves: Mapping[str, Curve]

    @property
    def seed(self) -> tuple[Any, ...]:
        """Seeds of the weights and of the order of the data."""
        return tuple(self.settings.get(name) for name in SEEDS)

    @property
    def configuration(self) -> dict[str, Any]:
        """Settings without those that belong to a single run."""
        return {
            name: value
            for name, value in self.settings.items()
            if name not in _OF_A_RUN and not name.startswith(_OF_THE_OUTPUT)
        }

    @property
    def validation(self) -> dict[str, Any]:
        """Settings that decide which text is validated, and how."""
        return {
            name: value
            for name, value in self.settings.items()
            if name in _OF_VALIDATION or (name.startswith("data.") and name not in _NOT_OF_THE_TEXT)
        }

    def best(self, metric: str, *, is_loss: bool) -> float:
        """Return the best value of a metric over the run's validations."""
        values = [value for _, value in self.curves[metric]]
        return min(values) if is_loss else max(values)

    def steps_to(self, metric: str, target: float, *, is_loss: bool) -> float | None:
        """Return the step at which a metric reaches a target, interpolated between validations.

        None if it never does. A target that the first validation has already reached is reached there.
        """
        sign = -1.0 if is_loss else 1.0
        curve = [(step, sign * (value - target)) for step, value in self.curves[metric]]
        if curve[0][1] >= 0:
            return float(curve[0][0])
        for (step, value), (later, reached) in pairwise(curve):
            if reached >= 0:
                return step + (later - step) * -value / (reached - value)
        return None

    def cost_of(self, step: float) -> tuple[str, float] | None:
        """Return the device and its seconds up to a step; None if the run did not log them."""
        for name, title in _COSTS.items():
            if curve := self.curves.get(name):
                totals = accumulate((seconds for _, seconds in curve), initial=0.0)
                points = list(zip([0, *(at for at, _ in curve)], totals, strict=True))
                return title, _interpolate(points, step)
        return None


def _interpolate(points: Sequence[tuple[float, float]], at: float) -> float:
    for (x, y), (later, total) in pairwise(points):
        if at <= later:
            return y + (total - y) * (at - x) / (later - x)
    return points[-1][1]


@dataclass(frozen=True)
class RunGroup:
    """Runs that differ in the seed alone.

    Args:
        label: Letter of the group.
        name: Folder of the run, or the one above its runs.
        runs: Runs by seed.
    """

    label: str
    name: str
    runs: Mapping[tuple[Any, ...], TrainingRun]

    @property
    def first(self) -> TrainingRun:
        """The first run, for what all have in common."""
        return next(iter(self.runs.values()))


def read_runs(folders: Sequence[Path]) -> list[TrainingRun]:
    """Read runs; the folder of ``fit --seeds`` stands for all of its runs.

    Raises:
        FileNotFoundError: If a folder is not that of a run that has validated.
    """
    runs = []
    for given in folders:
        inner = sorted(path.parent for path in given.glob("seed-*/config.yaml"))
        for folder in inner or [given]:
            for name in ("config.yaml", "metrics.csv"):
                if not (folder / name).is_file():
                    raise FileNotFoundError(
                        f"{folder}: no {name}; expected the folder of a run of fit; or give files that "
                        "zero-shot --rows or predict wrote"
                    )
            config = read_yaml(folder / "config.yaml")
            curves = read_curves(folder / "metrics.csv")
            runs.append(TrainingRun(folder, dict(_flat(config)), curves))
    return runs


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by dotted name, as the command line has them."""
    if not isinstance(value, dict) or not value:
        yield name, value
        return
    for key, part in value.items():
        yield from _flat(part, name if key == "init_args" else f"{name}.{key}" if name else str(key))


def group_runs(runs: Sequence[TrainingRun]) -> list[RunGroup]:
    """Put runs of the same configuration together, in the order in which they are given.

    Raises:
        ValueError: If only one configuration is left, a run is given twice, or the validations differ.
    """
    found: list[list[TrainingRun]] = []
    for run in runs:
        same = [group for group in found if group[0].configuration == run.configuration]
        if not same:
            found.append([run])
        elif any(run.seed == other.seed for other in same[0]):
            raise ValueError(
                f"{run.folder}: same settings and seed as {same[0][0].folder}; expected another seed or "
                "another setting; leave one out"
            )
        else:
            same[0].append(run)
    if len(found) < 2:
        raise ValueError(
            f"{', '.join(str(run.folder) for run in runs)}: one configuration; expected at least two; add a "
            "run with another setting"
        )
    first = found[0][0]
    for other in (group[0] for group in found[1:]):
        if different := differing(first.validation, other.validation):
            name, (before, after) = next(iter(different.items()))
            raise ValueError(
                f"{name}: {before!r} in {first.folder}, {after!r} in {other.folder}; expected the same, as "
                "it decides what is validated; compare both models on one text by zero-shot --rows"
            )
    return [RunGroup(chr(65 + i), _name(group), {r.seed: r for r in group}) for i, group in enumerate(found)]


def _name(runs: Sequence[TrainingRun]) -> str:
    folder = runs[0].folder
    return str(folder if len(runs) == 1 else folder.parent)


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings in which two configurations differ, with both values."""
    names = [*one, *(name for name in other if name not in one)]
    pairs = ((name, (one.get(name), other.get(name))) for name in names)
    return {name: values for name, values in pairs if values[0] != values[1]}
