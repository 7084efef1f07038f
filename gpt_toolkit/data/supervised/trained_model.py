"""Evaluation data of a trained model: which of its heads a dataset has, and which files it has not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.data.supervised.dataset import Source


def trained_dataset(
    name: str, trained: Mapping[str, TrainedDataset], *, needs_head: bool
) -> TrainedDataset | None:
    """Return the trained dataset that tells what a model's outputs for a dataset mean.

    Args:
        name: Name of the dataset. A model with one head has outputs for a dataset of any name.
        trained: Datasets that the model was trained on; empty for no trained model.
        needs_head: Whether the dataset is scored by a head.

    Returns:
        The trained dataset; None if the model has no head, or the dataset needs none.

    Raises:
        ValueError: If the model has several heads and none has that name.
    """
    if name in trained:
        return trained[name]
    heads = [one for one in trained.values() if one.has_head]
    if len(heads) == 1 and needs_head:
        return heads[0]
    if heads and needs_head:
        names = ", ".join(one.spec.name for one in heads)
        raise ValueError(
            f"dataset {name}: the checkpoint has no head of this name; expected one of {names}; give it the "
            "name of a head, as in {name: NAME, test: FILE}"
        )
    return None


def trained_options(
    options: Mapping[str, Any], trained: TrainedDataset, columns: Sequence[str]
) -> dict[str, Any]:
    """Return the options of a custom dataset, with those that training used where they are open.

    Args:
        options: Options as given.
        trained: The dataset that the model was trained on.
        columns: Columns of the file.
    """
    if options.get("kind", trained.spec.kind) != trained.spec.kind:
        return dict(options)  # refused when the labels are compared
    taken: dict[str, Any] = {"kind": trained.spec.kind, "metric": list(trained.spec.metrics)}
    texts = {option: names for option, names in trained.columns.items() if option != "label"}
    names = [name for value in texts.values() for name in ([value] if isinstance(value, str) else value)]
    if set(names) <= set(columns) and not set(texts) & set(options):
        taken |= texts
    if trained.columns.get("label") in columns:
        taken["label"] = trained.columns["label"]
    return {**taken, **options}


def score_new_files(
    sources: Mapping[str, Source], files: Sequence[str], trained: TrainedDataset
) -> tuple[dict[str, Source], bool]:
    """Return the splits of a dataset for evaluation, and whether its training file is new to the model.

    All examples of a new file are validation and test examples, unless the dataset has others.

    Args:
        sources: Source of each split.
        files: Checksums of the training files.
        trained: The dataset that the model was trained on.
    """
    if "train" not in sources or set(files) & set(trained.files):
        return dict(sources), False
    whole = sources["train"]
    return {"val": whole, "test": whole} | {
        split: s for split, s in sources.items() if split != "train"
    }, True
