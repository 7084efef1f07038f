"""The datasets of a fine-tuning run, each with a head or as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.dataset import SupervisedDataset
from gpt_toolkit.data.supervised.open_dataset import open_dataset
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate, prompt_template, spec_as_text
from gpt_toolkit.data.supervised.tokenized_dataset import PlainView, TextView, TokenizedDataset
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

_SHORTEST_PROMPT = 8  # tokens; tuned here: less holds no example


@dataclass(frozen=True)
class TaskDataset:
    """One of the datasets of a run.

    Args:
        dataset: Its examples.
        view: Texts of an example that are encoded.
        spec: Its description for the task.
    """

    dataset: SupervisedDataset
    view: TextView
    spec: TaskSpec

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.spec.name

    @property
    def is_text(self) -> bool:
        """True if its examples become text."""
        return isinstance(self.view, PromptTemplate)

    def splits(self, stage: str | None, *, with_train: bool) -> list[str]:
        """Return the splits that a stage of the Trainer reads.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``; None: all.
            with_train: Whether training examples are in the context of all examples.
        """
        splits = self.dataset.splits
        held_out = "test" if "test" in splits else "val"
        wanted = {
            "fit": ["train", "val"],
            "validate": ["val"],
            "test": ["val", held_out],  # if test examples have no labels, testing reads those of val
            "predict": [held_out],
        }.get(stage or "", ["train", "val", "test"])
        return [split for split in splits if split in wanted or (with_train and split == "train")]


def model_tokenizer(spec: str | None) -> Tokenizer:
    """Load the tokenizer of the model that is fine-tuned, by name or folder.

    Raises:
        ValueError: If it is not given, or would have to be trained first.
    """
    if spec is None:
        raise ValueError(
            "tokenizer is not given: set --data.tokenizer to the name or folder of the model's, or set "
            "--model.init_from MODEL, whose tokenizer is then used"
        )
    if spec == "auto" or spec.startswith("train:"):
        raise ValueError(
            f"tokenizer: {spec!r} would be trained on a corpus; labeled examples are read with the tokenizer "
            "of the model: give its name or folder"
        )
    return load_tokenizer(spec)


def open_task_datasets(
    entries: Sequence[str | Mapping[str, Any]],
    root: Path | None,
    tokenizer: Tokenizer,
    n_ctx: int,
    *,
    as_text: bool,
) -> list[TaskDataset]:
    """Open the datasets of a run.

    Args:
        entries: Arguments of :func:`~gpt_toolkit.data.supervised.open_dataset.open_dataset`.
        root: Folder with the files of known datasets.
        tokenizer: Tokenizer, for the length of answers.
        n_ctx: Longest sequence, in tokens.
        as_text: Whether datasets with labels become text too.

    Raises:
        ValueError: If two datasets have one name, or an answer leaves no space for its prompt.
    """
    found: dict[str, TaskDataset] = {}
    for entry in entries:
        dataset = open_dataset(entry, root)
        name = dataset.spec.name
        if name in found:
            raise ValueError(
                f"sets has {name} twice ({found[name].dataset.title} and {dataset.title}): leave one out, or "
                "give a custom dataset another name"
            )
        if dataset.spec.kind == "text" or as_text:
            found[name] = _as_text(dataset, tokenizer, n_ctx)
        else:
            found[name] = TaskDataset(dataset, PlainView(), dataset.spec)
    return list(found.values())


def _as_text(dataset: SupervisedDataset, tokenizer: Tokenizer, n_ctx: int) -> TaskDataset:
    n_texts = len(next(iter(dataset.examples(dataset.splits[0]))).texts)
    template = prompt_template(dataset.spec, n_texts, dataset.prompt)
    spec = spec_as_text(dataset.spec, template, tokenizer)
    space = n_ctx - 1 - spec.max_new_tokens
    if space < _SHORTEST_PROMPT:
        raise ValueError(
            f"n_ctx={n_ctx} leaves {max(0, space)} tokens for the prompts of {spec.name}, whose answers have "
            f"up to {spec.max_new_tokens}: raise n_ctx"
        )
    return TaskDataset(dataset, template, spec)


def require_train_splits(datasets: Sequence[TaskDataset]) -> None:
    """Raise if a dataset has no training examples.

    Raises:
        ValueError: Names the dataset.
    """
    for one in datasets:
        if "train" not in one.dataset.splits:
            raise ValueError(
                f"{one.dataset.title} has no examples for training (only {', '.join(one.dataset.splits)}), "
                "so validation would score what was never learned: place its train file there, or leave "
                f"{one.name} out"
            )


def require_labels(one: TaskDataset, split: str, examples: TokenizedDataset) -> None:
    """Raise if an example without a label would be learned or scored.

    Raises:
        ValueError: Names the first one.
    """
    missing = np.isnan(examples.targets)
    if split != "test" and one.dataset.spec.kind != "text" and missing.any():
        raise ValueError(
            f"{one.dataset.title}: {int(missing.sum()):,} of {len(examples):,} examples of {split} have no "
            f"label, the first is row {examples.rows[missing.argmax()]}; only test examples may have none"
        )
