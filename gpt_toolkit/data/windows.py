"""Batches out of token streams: for training in the order of a seed, for evaluation once, end to end.

A data set here is a list of batches, so that workers do everything but counting. Training batch ``i`` is
micro-batch ``i % accumulate`` of optimizer step ``i // accumulate``, for any ``i``.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from gpt_toolkit.batch import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.data.order import (
    StepShare,
    WindowOrder,
    evaluation_share,
    n_evaluation_windows,
    rank_windows,
    steps_per_pass,
)
from gpt_toolkit.data.tokens import Tokens


class TrainingBatches(Dataset[LanguageModelBatch]):
    """The training batches of one rank; its length is one epoch, its indices go on for ever.

    Args:
        tokens: The training text.
        order: Which windows are read when.
        share: Which of them this rank reads.
        bytes_per_token: UTF-8 bytes a token stands for, on average.
    """

    def __init__(self, tokens: Tokens, order: WindowOrder, share: StepShare, bytes_per_token: float) -> None:
        self.tokens, self.order, self.share, self.bytes_per_token = tokens, order, share, bytes_per_token

    def __len__(self) -> int:
        return steps_per_pass(self.order, self.share.windows_per_step) * self.share.accumulate

    def __getitem__(self, index: int) -> LanguageModelBatch:
        step, micro_batch = divmod(index, self.share.accumulate)
        starts = rank_windows(self.order, step, micro_batch, self.share)
        ids = torch.from_numpy(self.tokens.windows(starts, self.order.n_ctx + 1))  # (B, T + 1)
        return {
            "input_ids": ids[:, :-1].contiguous(),
            "labels": ids[:, 1:].contiguous(),
            "step_targets": self.share.windows_per_step * self.order.n_ctx,
            "bytes_per_token": self.bytes_per_token,
        }


class EvaluationBatches(Dataset[LanguageModelBatch]):
    """The batches of one rank that read a split end to end: each token but the first is a label once.

    All batches have one shape, and all ranks have equally many; what is too much is padding, without labels.

    Args:
        tokens: The split.
        n_ctx: Inputs a window, in tokens.
        share: Which windows this rank reads; ``accumulate`` is 1.
        bytes_per_token: UTF-8 bytes a token stands for, on average.
        padding: Token id of padding.

    Raises:
        ValueError: If the split has fewer than two tokens.
    """

    def __init__(
        self, tokens: Tokens, n_ctx: int, share: StepShare, bytes_per_token: float, padding: int
    ) -> None:
        if len(tokens) < 2:
            raise ValueError(f"A split of {len(tokens)} tokens has nothing to predict: give it more text.")
        self.tokens, self.n_ctx, self.share = tokens, n_ctx, share
        self.bytes_per_token, self.padding = bytes_per_token, padding
        self.n_windows = n_evaluation_windows(len(tokens), n_ctx)
        self.n_batches, self.rows = evaluation_share(self.n_windows, share.batch_size, share.world_size)

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> LanguageModelBatch:
        n_ctx, first = self.n_ctx, (index * self.share.world_size + self.share.rank) * self.rows
        start = min(first * n_ctx, len(self.tokens))
        stop = min(start + self.rows * n_ctx + 1, len(self.tokens))
        ids = torch.from_numpy(self.tokens.read(start, stop - start))  # one more than there are labels
        n_targets = max(0, len(ids) - 1)
        inputs = torch.full((self.rows * n_ctx,), self.padding)
        labels = torch.full((self.rows * n_ctx,), IGNORE_INDEX)
        inputs[:n_targets], labels[:n_targets] = ids[:n_targets], ids[1:]
        return {
            "input_ids": inputs.view(self.rows, n_ctx),
            "labels": labels.view(self.rows, n_ctx),
            "step_targets": n_targets,
            "bytes_per_token": self.bytes_per_token,
        }


class StepSampler(DistributedSampler[LanguageModelBatch]):
    """Numbers of the batches of one epoch, beginning with those of the current optimizer step.

    It is a ``DistributedSampler`` so that Lightning leaves it as it is: the batches are divided among ranks
    already. An epoch begun in its middle is not cut short here, as the Trainer counts the batches that it has
    seen.

    Args:
        batches: The batches of this rank.
        step: Gives the optimizer step to begin with.
    """

    def __init__(self, batches: TrainingBatches, step: Callable[[], int]) -> None:
        super().__init__(
            batches, num_replicas=batches.share.world_size, rank=batches.share.rank, shuffle=False
        )
        self._batches, self._step = batches, step

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        first = self._step() * self._batches.share.accumulate
        return iter(range(first, first + len(self)))


class InOrder(DistributedSampler[LanguageModelBatch]):
    """Numbers of all batches of a data set that is divided among ranks already, see :class:`StepSampler`."""

    def __init__(self, batches: EvaluationBatches) -> None:
        super().__init__(
            batches, num_replicas=batches.share.world_size, rank=batches.share.rank, shuffle=False
        )
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        return iter(range(len(self)))


class BatchLoader(DataLoader[LanguageModelBatch]):
    """A loader of ready batches whose position is the optimizer step, so that it has no state of its own.

    ``state_dict`` and ``load_state_dict`` are there because Lightning takes loaders with them as resumable.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator asks for the step at its first batch. Lightning may make the iterator before it restores
        # the step (https://github.com/Lightning-AI/pytorch-lightning/issues/20550), and workers would read
        # ahead.
        yield from super().__iter__()

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


def batch_loader(
    batches: TrainingBatches | EvaluationBatches, sampler: StepSampler | InOrder, num_workers: int
) -> BatchLoader:
    """A loader of a data set of ready batches."""
    return BatchLoader(
        batches,
        batch_size=None,  # an item is a batch
        sampler=sampler,
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
    )


def bytes_per_label(n_bytes: int, n_tokens: int) -> float:
    """UTF-8 bytes that a label stands for, on average; a split's first token is never one."""
    return float(n_bytes / np.maximum(1, n_tokens - 1))
