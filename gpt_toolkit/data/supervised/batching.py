"""Rows of labelled sets as ready batches: padded to their longest, divided among ranks and micro-batches.

Micro-batch ``m`` of optimizer step ``k`` on rank ``r`` is batch ``(k * accumulate + m) * world_size + r`` of
the mixture's stream, so a step is the same batches on any number of ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gpt_toolkit.batches import IGNORE_INDEX, SupervisedBatch, TaskSpec
from gpt_toolkit.data.step_loader import ReadyBatches
from gpt_toolkit.data.supervised.input_transforms import Input, Inputs
from gpt_toolkit.data.supervised.length_bucketing import BatchOrder, Limits, evaluation_batches, padded
from gpt_toolkit.data.supervised.mixture import Mixture
from gpt_toolkit.data.window_order import StepShare

PADDING = 0
"""Id of padding (released code: train.py); nothing attends to it, so any would do."""


@dataclass(frozen=True)
class TaskRows:
    """The rows of one split of a set, ready to be put together.

    Args:
        spec: What the task knows of the set.
        inputs: Its rows as sequences.
        selected: Indices of the rows that are read.
        answers: What its targets are.
        n_ctx: Longest sequence, in tokens.
        references: Whether batches carry the answers that count as right.
    """

    spec: TaskSpec
    inputs: Inputs
    selected: NDArray[np.int64]
    answers: Literal["class", "grade", "text"]
    n_ctx: int
    references: bool

    def limits(self, batch_size: int, batch_tokens: int | None) -> Limits:
        """Rows a batch.

        Args:
            batch_size: At most this many.
            batch_tokens: At most as many as have this many tokens; None: no such limit.

        Raises:
            ValueError: If a single row has more tokens than a batch may have.
        """
        longest = int(self.lengths.max()) * self.inputs.n_sequences
        if batch_tokens is not None and longest > batch_tokens:
            raise ValueError(
                f"batch_tokens={batch_tokens:,} is less than one row of {self.spec.name} has ({longest:,} "
                "tokens with padding): raise it, or lower n_ctx."
            )
        return Limits(batch_size, batch_tokens, self.inputs.n_sequences)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each selected row's longest sequence, padded."""
        return padded(self.inputs.lengths[self.selected], self.n_ctx)

    def batch(self, places: NDArray[np.int64], step_examples: int) -> SupervisedBatch:
        """Put rows together.

        Args:
            places: Among the selected rows, ``(B,)``.
            step_examples: Rows of the whole optimizer step.
        """
        rows, indices = self.inputs.rows, self.selected[places]
        sequences = [self.inputs.sequences(index) for index in indices.tolist()]
        input_ids, labels, lengths = pad(sequences, self.n_ctx)
        target: NDArray[np.generic]
        if self.answers == "grade":
            target = rows.targets[indices].astype(np.float32)
        elif self.answers == "class":
            target = np.nan_to_num(rows.targets[indices], nan=-1).astype(np.int64)
        else:
            target = np.zeros(len(indices), np.int64)
        return {
            "task": self.spec.name,
            "input_ids": torch.from_numpy(input_ids),
            "labels": torch.from_numpy(labels),
            "lengths": torch.from_numpy(lengths),
            "target": torch.from_numpy(target),
            "rows": torch.from_numpy(rows.numbers[indices]),
            "parts": torch.from_numpy(rows.parts[indices]),
            "references": [rows.references[i] for i in indices.tolist()] if self.references else [],
            "step_examples": step_examples,
        }


def pad(
    sequences: Sequence[Sequence[Input]], n_ctx: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sequences of one batch with padding on their right.

    Args:
        sequences: ``C`` of each of ``B`` rows.
        n_ctx: Longest sequence, in tokens.

    Returns:
        Ids, ``(B, C, T)``; labels, ``(B, C, T)``: the next token from where the loss is due to the last but
        one of a sequence, else ``IGNORE_INDEX``; and lengths, ``(B, C)``.
    """
    lengths = np.array([[len(one.ids) for one in row] for row in sequences], np.int64)  # (B, C)
    loss_from = np.array([[one.loss_from for one in row] for row in sequences], np.int64)  # (B, C)
    width = int(padded(lengths.max(), n_ctx))
    ids = np.full((*lengths.shape, width), PADDING, np.int64)
    for row, filled in zip(sequences, ids, strict=True):
        for one, place in zip(row, filled, strict=True):
            place[: len(one.ids)] = one.ids
    return ids, next_labels(ids, lengths, loss_from), lengths


def next_labels(
    ids: NDArray[np.int64], lengths: NDArray[np.int64], loss_from: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Labels of the language-model loss L1 on the task's own inputs (GPT-1 eq. 5).

    Each position but a sequence's last has the next token: delimiter and extract are predicted too, start
    never is (released code: train.py). Padding has none.

    Args:
        ids: ``(..., T)``.
        lengths: Tokens without padding, ``(...)``.
        loss_from: First position with a label, ``(...)``.

    Returns:
        ``(..., T)``.
    """
    positions = np.arange(ids.shape[-1])
    due = (positions >= loss_from[..., None]) & (positions < lengths[..., None] - 1)
    labels = np.full_like(ids, IGNORE_INDEX)
    labels[..., :-1] = np.where(due[..., :-1], ids[..., 1:], IGNORE_INDEX)
    return labels


class Training(NamedTuple):
    """What training reads.

    Attributes:
        tasks: The sets.
        orders: Which rows make the batches of each.
        mixture: Which set each batch is of.
    """

    tasks: Sequence[TaskRows]
    orders: Sequence[BatchOrder]
    mixture: Mixture


class TrainingRows(ReadyBatches):
    """The training batches of one rank; its length is one epoch, its indices go on for ever.

    Args:
        training: All batches.
        share: Which of the batches this rank reads.
        steps: Optimizer steps of an epoch.
    """

    def __init__(self, training: Training, share: StepShare, steps: int) -> None:
        super().__init__(share)
        self.training, self.steps = training, steps
        self._step, self._examples = -1, 0

    def __len__(self) -> int:
        return self.steps * self.share.accumulate

    def __getitem__(self, index: int) -> SupervisedBatch:
        tasks, orders, mixture = self.training
        task, number = mixture.batch(index * self.share.world_size + self.share.rank)
        step_examples = self._step_examples(index // self.share.accumulate)
        return tasks[task].batch(orders[task].rows(number), step_examples)

    def _step_examples(self, step: int) -> int:
        """Rows of all batches of a step."""
        if step != self._step:
            _, orders, mixture = self.training
            n_batches = self.share.world_size * self.share.accumulate
            batches = map(mixture.batch, range(step * n_batches, (step + 1) * n_batches))
            self._step = step
            self._examples = sum(orders[task].size(number) for task, number in batches)
        return self._examples


class EvaluationRows(ReadyBatches):
    """The batches of one rank that read a split of a set once.

    Args:
        task: The set.
        limits: Rows a batch.
        share: Which of the batches this rank reads.
    """

    def __init__(self, task: TaskRows, limits: Limits, share: StepShare) -> None:
        super().__init__(share)
        self.task = task
        batches = evaluation_batches(task.lengths, limits, share.world_size)
        self.batches = batches[share.rank :: share.world_size]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> SupervisedBatch:
        places = self.batches[index]
        return self.task.batch(places, len(places))
