"""The datasets of a fine-tuning run, each with a head or as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.data.supervised.batching import BatchBuilder
from gpt_toolkit.data.supervised.dataset import SupervisedDataset
from gpt_toolkit.data.supervised.open_dataset import open_dataset
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate, prompt_template, spec_as_text
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

_SHORTEST_PROMPT = 8  # tokens; tuned here: less holds no example


@dataclass(frozen=True)
class TaskDataset:
    """One of the datasets of a run.

    Args:
        dataset: Its examples.
        template: Turns its examples into text; None if it has a head.
        spec: Its description for the task.
        builders: Builders of batches by split; those of the splits that the stage reads.
    """

    dataset: SupervisedDataset
    template: PromptTemplate | None
    spec: TaskSpec
    builders: dict[str, BatchBuilder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.spec.name

    @property
    def encoded(self) -> dict[str, TokenizedDataset]:
        """Encoded examples by split."""
        return {split: builder.inputs.examples for split, builder in self.builders.items()}

    @property
    def is_text(self) -> bool:
        """True if its examples become text."""
        return self.template is not None

    @property
    def held_out(self) -> str:
        """Split that testing and prediction read: ``test``, or ``val`` if the dataset has none."""
        return "test" if "test" in self.dataset.splits else "val"

    def splits(self, stage: str | None, *, with_train: bool) -> list[str]:
        """Return the splits that a stage of the Trainer reads.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``; None: all.
            with_train: Whether training examples are in the context of examples that are text.
        """
        splits = self.dataset.splits
        wanted = {
            "fit": ["train", "val"],
            "validate": ["val"],
            "test": [self.held_out],
            "predict": [self.held_out],
        }.get(stage or "", ["train", "val", "test"])
        if with_train and self.is_text:
            wanted = ["train", *wanted]
        return [split for split in splits if split in wanted]


def model_tokenizer(spec: str | None) -> Tokenizer:
    """Load the tokenizer of the model that is fine-tuned, by name or folder.

    Raises:
        ValueError: If it is not given, or would have to be trained first.
    """
    if spec is None:
        raise ValueError(
            "tokenizer: none; expected --data.tokenizer with the name or folder of the model's, or "
            "--model.init_from MODEL, whose tokenizer is then used"
        )
    if spec == "auto" or spec.startswith("train:"):
        raise ValueError(
            f"tokenizer: {spec!r}, which is trained on a corpus; expected the tokenizer of the model; give "
            "its name or folder"
        )
    return load_tokenizer(spec)


def open_task_datasets(
    entries: Sequence[str | Mapping[str, Any]],
    root: Path | None,
    tokenizer: Tokenizer,
    n_ctx: int,
    *,
    as_text: bool,
    trained: Mapping[str, TrainedDataset] | None = None,
) -> list[TaskDataset]:
    """Open the datasets of a run.

    Args:
        entries: Arguments of :func:`~gpt_toolkit.data.supervised.open_dataset.open_dataset`.
        root: Folder with the files of known datasets.
        tokenizer: Tokenizer, for the length of answers.
        n_ctx: Longest sequence, in tokens.
        as_text: Whether datasets with labels become text too.
        trained: Datasets that the model which is evaluated was trained on, empty if they are not known yet;
            None to train.

    Raises:
        ValueError: If two datasets have one name, or an answer leaves no space for its prompt.
    """
    found: dict[str, TaskDataset] = {}
    for entry in entries:
        dataset = open_dataset(entry, root, trained, as_text=as_text)
        name = dataset.spec.name
        if name in found:
            raise ValueError(
                f"sets: {name} twice ({found[name].dataset.title} and {dataset.title}); expected different "
                "names; leave one out, or give a custom dataset another name"
            )
        if dataset.spec.kind == "text" or as_text:
            found[name] = _as_text(dataset, tokenizer, n_ctx)
        else:
            found[name] = TaskDataset(dataset, None, dataset.spec)
    return list(found.values())


def _as_text(dataset: SupervisedDataset, tokenizer: Tokenizer, n_ctx: int) -> TaskDataset:
    n_texts = len(next(iter(dataset.examples(dataset.splits[0]))).texts)
    template = prompt_template(dataset.spec, n_texts, dataset.prompt)
    spec = spec_as_text(dataset.spec, template, tokenizer)
    space = n_ctx - 1 - spec.max_new_tokens
    if space < _SHORTEST_PROMPT and spec.has_free_text:  # the published length is for longer contexts
        spec = replace(spec, max_new_tokens=n_ctx // 2)
        note = f"{spec.name}: generated answers have at most {n_ctx // 2} tokens, half of n_ctx"
        dataset.facts = [*dataset.facts, note]
        space = n_ctx - 1 - spec.max_new_tokens
    if space < _SHORTEST_PROMPT:
        raise ValueError(
            f"n_ctx: {n_ctx}, of which {max(0, space)} tokens remain for the prompts of {spec.name}; "
            f"expected more than its answers have, up to {spec.max_new_tokens}; raise n_ctx"
        )
    return TaskDataset(dataset, template, spec)
