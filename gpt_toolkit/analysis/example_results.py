"""Results of single examples, of ``zero-shot --rows`` or ``predict``, compared example by example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gpt_toolkit import intervals
from gpt_toolkit.analysis.comparison import Comparison, adjust
from gpt_toolkit.analysis.paired_tests import Difference, mcnemar, paired_ratio, paired_t
from gpt_toolkit.records import Record, read_records

_IDENTITY = ("row", "record", "item", "statement", "right", "example", "target", "references", "ids")
"""Fields that say which example a record is of; they do not depend on the model."""
_CORRECT = {"correct": "accuracy", "full_correct": "full_accuracy"}
_UNITS = ("words", "tokens", "bytes")


class Quantity(NamedTuple):
    """A number of each example.

    Attributes:
        name: Name of the mean.
        is_loss: Whether lower is better.
        values: Number of each example.
        units: Number of units of each, if the mean is per unit.
    """

    name: str
    is_loss: bool
    values: list[float]
    units: list[int] | None = None


def compare_examples(paths: Sequence[Path]) -> list[Comparison]:
    """Compare the results of models on the same examples with those of the first.

    Args:
        paths: Files that ``zero-shot --rows`` or ``predict`` wrote, one for each model.

    Raises:
        ValueError: If the files are of other examples or protocols, or hold nothing that can be compared.
    """
    first, *others = (_read(path) for path in paths)
    for path, other in zip(paths[1:], others, strict=True):
        _check_pairs(paths[0], first, path, other)
    found: list[Comparison] = []
    for key, records in first.items():
        quantities = [_quantities(each[key]) for each in (first, *others)]
        found += [_compare(key, of_models, len(records)) for of_models in zip(*quantities, strict=True)]
    if not found:
        raise ValueError(f"{paths[0]}: no number of each example; expected correct, f1 or log_probability")
    return adjust(found)


def _read(path: Path) -> dict[str, list[Record]]:
    """Return the records of a file by benchmark and protocol, or by dataset."""
    found: dict[str, list[Record]] = {}
    for record in read_records(path):
        fields = record.fields
        parts = [
            str(fields[name]) for name in ("benchmark", "protocol", "dataset", "subset") if name in fields
        ]
        found.setdefault("/".join(parts), []).append(record)
    for records in found.values():  # predict sorts examples by their length in tokens
        records.sort(key=lambda record: record.fields.get("row", record.fields.get("example", 0)))
    if not found:
        raise ValueError(f"{path}: no results; expected a file of zero-shot --rows or predict")
    return found


def _check_pairs(
    one: Path, first: Mapping[str, list[Record]], other: Path, second: Mapping[str, list[Record]]
) -> None:
    """Raise unless both files hold results of the same examples under the same protocols, in this order."""
    if first.keys() != second.keys():
        names = ", ".join(sorted(first.keys() ^ second.keys()))
        raise ValueError(
            f"{names}: only in one of {one} and {other}; expected the same benchmarks and protocols"
        )
    for key in first:
        before, after = first[key], second[key]
        if len(before) != len(after):
            raise ValueError(
                f"{key}: {len(before):,} examples in {one}, {len(after):,} in {other}; expected the same; "
                "repeat one of them with the same --limit and data"
            )
        for a, b in zip(before, after, strict=True):
            for name in _IDENTITY:
                if a.fields.get(name) != b.fields.get(name):
                    raise ValueError(
                        f"{name} of {key}: {_short(a, name)} in {a.where}, {_short(b, name)} in {b.where}; "
                        "expected the same examples in the same order; repeat one with the other's data"
                    )


def _short(record: Record, name: str) -> str:
    text = repr(record.fields.get(name))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _quantities(records: Sequence[Record]) -> list[Quantity]:
    """Return the numbers that all records have."""
    rows = [record.fields for record in records]

    def numbers(name: str, of: Callable[[Any], float] = float) -> list[float]:
        return [of(row[name]) for row in rows]

    has = {name for name in rows[0] if all(name in row for row in rows)}
    found = [Quantity(title, False, numbers(name)) for name, title in _CORRECT.items() if name in has]
    if "f1" in has:
        found.append(Quantity("f1", False, numbers("f1", lambda value: float(np.mean(value)))))
    if "nll" in has:
        counts = [len(row["nll"]) for row in rows]
        found.append(Quantity("nats per token", True, numbers("nll", sum), counts))
    unit = next((name for name in _UNITS if name in has), None)
    if "log_probability" in has and unit:
        nats = numbers("log_probability", lambda value: -float(value))
        found.append(Quantity(f"nats per {unit[:-1]}", True, nats, [int(row[unit]) for row in rows]))
    elif "log_probability" in has and "answer" not in has:  # a generated answer's is not a score
        found.append(Quantity("log_probability", False, numbers("log_probability")))
    if {"prediction", "target"} <= has:
        targets = [row["target"] for row in rows]
        if all(isinstance(target, float) for target in targets):
            errors = [
                abs(float(row["prediction"]) - target) for row, target in zip(rows, targets, strict=True)
            ]
            found.append(Quantity("absolute error", True, errors))
        else:
            right = [float(row["prediction"] == row["target"]) for row in rows]
            found.append(Quantity("accuracy", False, right))
    return found


def _compare(key: str, of_models: Sequence[Quantity], n: int) -> Comparison:
    first = of_models[0]
    values = [_mean(each) for each in of_models]
    is_binary = first.name.endswith("accuracy")

    def difference(other: Quantity) -> Difference:
        if is_binary:
            return mcnemar([bool(v) for v in first.values], [bool(v) for v in other.values])
        changes = [b - a for a, b in zip(first.values, other.values, strict=True)]
        return paired_t(changes) if first.units is None else paired_ratio(changes, first.units)

    def half_width(each: Quantity) -> float:
        if is_binary:
            return intervals.wilson(_mean(each), n)
        return (
            intervals.normal_mean(each.values)
            if each.units is None
            else intervals.ratio(each.values, each.units)
        )

    differences = [None, *(difference(other) for other in of_models[1:])]
    note = "one text: the noise is unknown" if n == 1 else ""
    name = f"{key}: {first.name}" if key else first.name
    half_widths = [half_width(each) for each in of_models]
    return Comparison(name, first.is_loss, "examples", values, half_widths, differences, note=note)


def _mean(quantity: Quantity) -> float:
    return sum(quantity.values) / (len(quantity.values) if quantity.units is None else sum(quantity.units))
