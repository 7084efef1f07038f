"""Checks of trained heads: what their outputs mean, compared with the data of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpt_toolkit.batches import TaskSpec, TrainedDataset


def head_shapes(datasets: Mapping[str, TrainedDataset]) -> dict[str, tuple[str, int]]:
    """Return kind and number of outputs of each head, by the name of its dataset."""
    specs = {name: one.spec for name, one in datasets.items() if one.has_head}
    return {name: (spec.kind, spec.n_outputs) for name, spec in specs.items()}


def check_heads(stored: Mapping[str, TrainedDataset], tasks: Iterable[TaskSpec]) -> None:
    """Raise if a dataset that is evaluated has no head, or one whose outputs mean something else.

    Args:
        stored: Datasets that the model was trained on, by name.
        tasks: Datasets that are evaluated.
    """
    heads = {name: one.spec for name, one in stored.items() if one.has_head}
    for spec in tasks:
        if not spec.has_head:
            continue
        if spec.head_name not in heads:
            raise ValueError(
                f"dataset {spec.name}: the checkpoint has no head of this name; expected one of "
                f"{', '.join(heads) or 'none'}; give the dataset that name"
            )
        _check_meaning(heads[spec.head_name], spec)


def check_same_datasets(stored: Mapping[str, TrainedDataset], ours: Mapping[str, TrainedDataset]) -> None:
    """Raise if a run that continues a checkpoint has other datasets, or labels that mean something else.

    Args:
        stored: Datasets of the checkpoint, by name.
        ours: Datasets of the run.
    """
    if set(stored) != set(ours):
        raise ValueError(
            f"datasets: {', '.join(ours)}; expected {', '.join(stored)}, as in the checkpoint; give those, "
            "or begin a new run by --model.init_from"
        )
    for name, record in ours.items():
        _check_meaning(stored[name].spec, record.spec)


def _check_meaning(stored: TaskSpec, ours: TaskSpec) -> None:
    names = ["kind"] if stored.kind == "multiple_choice" else ["kind", "labels"]
    for name in names:
        before, now = getattr(stored, name), getattr(ours, name)
        if before != now:
            before, now = (v if isinstance(v, str) else ", ".join(v) for v in (before, now))
            raise ValueError(
                f"{name} of {ours.name}: {now}; expected {before}, as in the checkpoint; give the data that "
                "it was trained on, or begin a new run by --model.init_from"
            )
