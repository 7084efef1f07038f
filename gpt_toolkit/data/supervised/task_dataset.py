"""The sets of a fine-tuning run, and how each is taken: with marks or as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised import SupervisedSet, open_set
from gpt_toolkit.data.supervised.prompt_templates import Prompt, as_text, prompt_of
from gpt_toolkit.data.supervised.tokenized_rows import EncodedRows, Plain, View
from gpt_toolkit.tokenizers.loading import Tokenizer, load_tokenizer

_LEAST_PROMPT = 8  # tokens that must be left for one


@dataclass(frozen=True)
class Member:
    """One of the sets.

    Args:
        source: Where its rows come from.
        view: What of a row is encoded.
        spec: What the task is told of it.
    """

    source: SupervisedSet
    view: View
    spec: TaskSpec

    @property
    def is_text(self) -> bool:
        """Whether it is taken as text."""
        return isinstance(self.view, Prompt)

    def splits(self, stage: str | None, *, with_train: bool) -> list[str]:
        """The splits that a stage of the Trainer reads; None: all.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
            with_train: Whether rows of any split stand beside training rows.
        """
        held = "test" if "test" in self.source.splits else "val"
        wanted = {
            "fit": ["train", "val"],
            "validate": ["val"],
            "test": ["val", held],  # where the test rows have no labels, testing reads those of val
            "predict": [held],
        }.get(stage or "", ["train", "val", "test"])
        return [split for split in self.source.splits if split in wanted or (with_train and split == "train")]


def model_tokenizer(spec: str | None) -> Tokenizer:
    """The tokenizer of the model that is fine-tuned.

    Args:
        spec: Its name or folder.

    Raises:
        ValueError: If there is none, or one that would have to be trained first.
    """
    if spec is None:
        raise ValueError(
            "tokenizer is not given: say --data.tokenizer with the name or folder of the model's, or "
            "--model.init_from MODEL, whose own is then taken."
        )
    if spec == "auto" or spec.startswith("train:"):
        raise ValueError(
            f"tokenizer: {spec!r} would be made of a corpus; labelled rows are read with the tokenizer of "
            "the model: give its name or folder."
        )
    return load_tokenizer(spec)


def open_members(
    sets: Sequence[str | Mapping[str, Any]],
    root: Path | None,
    tokenizer: Tokenizer,
    n_ctx: int,
    *,
    labels_as_text: bool,
) -> list[Member]:
    """Open the sets.

    Args:
        sets: What :func:`~gpt_toolkit.data.supervised.open_set` takes.
        root: Folder with the files of known sets.
        tokenizer: Tells how long answers are.
        n_ctx: Longest sequence, in tokens.
        labels_as_text: Put rows with labels into words too.

    Raises:
        ValueError: If two sets have one name, or an answer leaves no room for its prompt.
    """
    members: dict[str, Member] = {}
    for entry in sets:
        source = open_set(entry, root)
        name = source.spec.name
        if name in members:
            raise ValueError(
                f"sets has {name} twice ({members[name].source.title} and {source.title}): leave one out, or "
                "give a set of your own another name."
            )
        if source.spec.kind == "text" or labels_as_text:
            members[name] = _text_member(source, tokenizer, n_ctx)
        else:
            members[name] = Member(source, Plain(), source.spec)
    return list(members.values())


def _text_member(source: SupervisedSet, tokenizer: Tokenizer, n_ctx: int) -> Member:
    n_texts = len(next(iter(source.examples(source.splits[0]))).texts)
    prompt = prompt_of(source.spec, n_texts, source.prompt)
    spec = as_text(source.spec, prompt, tokenizer)
    room = n_ctx - 1 - spec.max_new_tokens
    if room < _LEAST_PROMPT:
        raise ValueError(
            f"n_ctx={n_ctx} leaves {max(0, room)} tokens for the prompts of {spec.name}, whose answers have "
            f"up to {spec.max_new_tokens}: raise n_ctx."
        )
    return Member(source, prompt, spec)


def require_training_rows(members: Sequence[Member]) -> None:
    """Refuse a set that training would never see.

    Raises:
        ValueError: Naming it.
    """
    for member in members:
        if "train" not in member.source.splits:
            raise ValueError(
                f"{member.source.title} has no rows for training (only {', '.join(member.source.splits)}), "
                "so validation would score what was never learned: place its train file there, or leave "
                f"{member.spec.name} out."
            )


def require_labels(member: Member, split: str, rows: EncodedRows) -> None:
    """Refuse rows without a label where they would be learned or scored.

    Raises:
        ValueError: Naming the first.
    """
    missing = np.isnan(rows.targets)
    if split != "test" and member.source.spec.kind != "text" and missing.any():
        raise ValueError(
            f"{member.source.title}: {int(missing.sum()):,} of {len(rows):,} rows of {split} have no label, "
            f"the first is row {rows.numbers[missing.argmax()]}; only test rows may have none."
        )
