"""Batches of labeled examples: padded to their longest, divided among ranks and micro-batches.

Micro-batch ``m`` of optimizer step ``k`` on rank ``r`` is batch ``(k * accumulate + m) * world_size + r`` of
the mixture's stream, so a step has the same batches on any number of ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gpt_toolkit.batches import IGNORE_INDEX, SupervisedBatch, TaskSpec
from gpt_toolkit.data.step_loader import ReadyBatches, StepShare
from gpt_toolkit.data.supervised.batch_order import BatchOrder, Limits, Mixture, evaluation_batches, padded
from gpt_toolkit.data.supervised.input_transforms import InputSequence, TransformedInputs
from gpt_toolkit.data.supervised.prompt_inputs import PromptInputs

PADDING = 0
"""Id of padding (released code: train.py); nothing attends to it, so any id would do."""


@dataclass(frozen=True)
class BatchBuilder:
    """Builds batches of the examples of one split.

    Args:
        spec: The dataset, as the task knows it.
        inputs: The examples as sequences.
        selected: Indices of the examples that are read.
        answers: Type of the targets.
        n_ctx: Longest sequence, in tokens.
        has_references: Whether batches have the correct answers.
        texts: Texts of all examples of the split, to predict; else empty.
    """

    spec: TaskSpec
    inputs: TransformedInputs | PromptInputs
    selected: NDArray[np.int64]
    answers: Literal["class", "grade", "text"]
    n_ctx: int
    has_references: bool
    texts: Sequence[tuple[str, ...]] = ()

    def limits(self, batch_size: int, batch_tokens: int | None) -> Limits:
        """Return the limits of the size of a batch.

        Args:
            batch_size: Largest number of examples.
            batch_tokens: Largest number of tokens; None: no such limit.

        Raises:
            ValueError: If one example has more tokens than a batch may have.
        """
        longest = int(self.lengths.max()) * self.inputs.n_sequences
        if batch_tokens is not None and longest > batch_tokens:
            raise ValueError(
                f"batch_tokens: {batch_tokens:,}; expected at least {longest:,}, the longest example of "
                f"{self.spec.name} with padding; raise it, or lower n_ctx"
            )
        return Limits(batch_size, batch_tokens, self.inputs.n_sequences)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each selected example's longest sequence, padded."""
        return padded(self.inputs.lengths[self.selected], self.n_ctx)

    def batch(self, places: NDArray[np.int64], step_examples: int) -> SupervisedBatch:
        """Build a batch.

        Args:
            places: Places of its examples among the selected ones, ``(B,)``.
            step_examples: Examples of the whole optimizer step.
        """
        examples, indices = self.inputs.examples, self.selected[places]
        sequences = [self.inputs.sequences(index) for index in indices.tolist()]
        input_ids, labels, lengths = pad(sequences, self.n_ctx)
        dtype = np.float32 if self.answers == "grade" else np.int64
        return {
            "task": self.spec.name,
            "input_ids": torch.from_numpy(input_ids),
            "labels": torch.from_numpy(labels),
            "lengths": torch.from_numpy(lengths),
            "target": torch.from_numpy(examples.targets[indices].astype(dtype)),
            "has_target": torch.from_numpy(examples.has_target[indices]),
            "examples": torch.from_numpy(examples.numbers[indices]),
            "subsets": torch.from_numpy(examples.subsets[indices]),
            "references": [examples.references[i] for i in indices.tolist()] if self.has_references else [],
            "texts": [self.texts[i] for i in indices.tolist()] if self.texts else [],
            "step_examples": step_examples,
            "repeated": False,
        }


def pad(
    examples: Sequence[Sequence[InputSequence]], n_ctx: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pad the sequences of a batch on their right.

    Args:
        examples: ``C`` sequences of each of ``B`` examples.
        n_ctx: Longest sequence, in tokens.

    Returns:
        Ids, ``(B, C, T)``; labels, ``(B, C, T)``, see :func:`next_labels`; and lengths, ``(B, C)``.
    """
    lengths = np.array([[len(sequence.ids) for sequence in one] for one in examples], np.int64)  # (B, C)
    loss_from = np.array([[sequence.loss_from for sequence in one] for one in examples], np.int64)  # (B, C)
    width = int(padded(lengths.max(), n_ctx))
    ids = np.full((*lengths.shape, width), PADDING, np.int64)
    for one, rows in zip(examples, ids, strict=True):
        for sequence, row in zip(one, rows, strict=True):
            row[: len(sequence.ids)] = sequence.ids
    return ids, next_labels(ids, lengths, loss_from), lengths


def next_labels(
    ids: NDArray[np.int64], lengths: NDArray[np.int64], loss_from: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Compute the labels of the language-model loss L1 on the task's inputs (GPT-1 eq. 5).

    The label of each position but the last of a sequence is the next token: delimiter and extract are
    predicted too, start never is (released code: train.py). Padding has no labels.

    Args:
        ids: ``(..., T)``.
        lengths: Tokens without padding, ``(...)``.
        loss_from: First position with a label, ``(...)``.

    Returns:
        ``(..., T)``.
    """
    positions = np.arange(ids.shape[-1])
    has_label = (positions >= loss_from[..., None]) & (positions < lengths[..., None] - 1)
    labels = np.full_like(ids, IGNORE_INDEX)
    labels[..., :-1] = np.where(has_label[..., :-1], ids[..., 1:], IGNORE_INDEX)
    return labels


class TrainingStream(NamedTuple):
    """The endless stream of training batches.

    Attributes:
        builders: Builds the batches of each dataset.
        orders: The examples of each batch of each dataset.
        mixture: The dataset of each batch.
    """

    builders: Sequence[BatchBuilder]
    orders: Sequence[BatchOrder]
    mixture: Mixture


class TrainingBatches(ReadyBatches):
    """The training batches of one rank; its length is one epoch, its indices never end.

    Args:
        stream: The batches of all ranks.
        share: Batches that this rank reads.
        steps: Optimizer steps of an epoch.
    """

    def __init__(self, stream: TrainingStream, share: StepShare, steps: int) -> None:
        super().__init__(share)
        self.stream, self.steps = stream, steps
        self._step, self._examples = -1, 0

    def __len__(self) -> int:
        return self.steps * self.share.accumulate

    def __getitem__(self, index: int) -> SupervisedBatch:
        builders, orders, mixture = self.stream
        dataset, number = mixture.batch(index * self.share.world_size + self.share.rank)
        step_examples = self._step_examples(index // self.share.accumulate)
        return builders[dataset].batch(orders[dataset].indices(number), step_examples)

    def _step_examples(self, step: int) -> int:
        """Return the number of examples in all batches of a step."""
        if step != self._step:
            _, orders, mixture = self.stream
            n_batches = self.share.world_size * self.share.accumulate
            batches = map(mixture.batch, range(step * n_batches, (step + 1) * n_batches))
            self._step = step
            self._examples = sum(len(orders[dataset].indices(number)) for dataset, number in batches)
        return self._examples


class EvaluationBatches(ReadyBatches):
    """The batches of one rank that read a split once.

    Args:
        builder: Builds the batches.
        limits: Limits of the size of a batch.
        share: Batches that this rank reads.
    """

    def __init__(self, builder: BatchBuilder, limits: Limits, share: StepShare) -> None:
        super().__init__(share)
        self.builder = builder
        batches = evaluation_batches(builder.lengths, limits, share.world_size)
        self._n_batches = len(batches)  # of all ranks
        # Sharded models and collectives need equally many batches on all ranks.
        batches += batches[:1] * (-len(batches) % share.world_size)
        self.batches = batches[share.rank :: share.world_size]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> SupervisedBatch:
        places = self.batches[index]
        batch = self.builder.batch(places, len(places))
        batch["repeated"] = index * self.share.world_size + self.share.rank >= self._n_batches
        return batch
