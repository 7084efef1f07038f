"""Loaders of ready batches whose position is the optimizer step.

A data set here is a list of the batches of one rank, divided among ranks already. Training batch ``i`` is
micro-batch ``i % accumulate`` of optimizer step ``i // accumulate``, for any ``i``.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from gpt_toolkit.data.window_order import StepShare


class ReadyBatches(Dataset[Any]):
    """The batches of one rank; its length is one epoch, training indices go on for ever.

    Args:
        share: What this rank reads.
    """

    def __init__(self, share: StepShare) -> None:
        self.share = share

    def __len__(self) -> int:
        raise NotImplementedError


class StepSampler(DistributedSampler[Any]):
    """Numbers of the batches of one epoch, beginning with those of the current optimizer step.

    It is a ``DistributedSampler`` so that Lightning leaves it as it is: the batches are divided among ranks
    already. An epoch begun in its middle is not cut short here, as the Trainer counts the batches that it has
    seen.

    Args:
        batches: The batches of this rank.
        step: Gives the optimizer step to begin with.
    """

    def __init__(self, batches: ReadyBatches, step: Callable[[], int]) -> None:
        super().__init__(
            batches, num_replicas=batches.share.world_size, rank=batches.share.rank, shuffle=False
        )
        self._batches, self._step = batches, step

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        first = self._step() * self._batches.share.accumulate
        return iter(range(first, first + len(self)))


class InOrder(DistributedSampler[Any]):
    """Numbers of all batches of a data set that is divided among ranks already, see :class:`StepSampler`."""

    def __init__(self, batches: ReadyBatches) -> None:
        super().__init__(
            batches, num_replicas=batches.share.world_size, rank=batches.share.rank, shuffle=False
        )
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        return iter(range(len(self)))


class BatchLoader(DataLoader[Any]):
    """A loader of ready batches whose position is the optimizer step, so that it has no state of its own.

    ``state_dict`` and ``load_state_dict`` are there because Lightning takes loaders with them as resumable.

    Attributes:
        seconds_waited: How long whoever iterates has waited for batches so far.
    """

    seconds_waited = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator asks for the step at its first batch. Lightning may make the iterator before it restores
        # the step (https://github.com/Lightning-AI/pytorch-lightning/issues/20550), and workers would read
        # ahead.
        batches = super().__iter__()
        while True:
            begin = time.perf_counter()
            batch = next(batches, None)
            self.seconds_waited += time.perf_counter() - begin
            if batch is None:
                return
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


def batch_loader(batches: ReadyBatches, sampler: StepSampler | InOrder, num_workers: int) -> BatchLoader:
    """A loader of a data set of ready batches."""
    return BatchLoader(
        batches,
        batch_size=None,  # an item is a batch
        sampler=sampler,
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
    )


def step_share(trainer: Trainer | None, batch_size: int, *, training: bool = True) -> StepShare:
    """What this process reads; as a strategy with tensor parallelism counts, not simply ranks.

    Args:
        trainer: The run's; None where there is none.
        batch_size: Of one micro-batch on one rank.
        training: Whether micro-batches add up to steps.

    Raises:
        ValueError: If the number of micro-batches a step would change during the run.
    """
    if trainer is None:
        return StepShare(batch_size)
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if training and any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks):
        raise ValueError(
            "GradientAccumulationScheduler changes the number of windows a step while training, which the "
            "data's order does not allow: set accumulate_grad_batches to one number."
        )
    ranks = trainer.distributed_sampler_kwargs or {"num_replicas": 1, "rank": 0}
    accumulate = trainer.accumulate_grad_batches if training else 1
    return StepShare(batch_size, ranks["rank"], ranks["num_replicas"], accumulate)


def steps_of_epoch(trainer: Trainer | None, steps: int, accumulate: int) -> int:
    """Optimizer steps of an epoch of the data, where the Trainer may cut it short.

    Args:
        trainer: The run's; None where there is none.
        steps: Of the whole epoch.
        accumulate: Micro-batches a step.
    """
    limit = 1.0 if trainer is None else trainer.limit_train_batches
    batches = limit if isinstance(limit, int) else int(limit * steps * accumulate)
    return min(steps, -(-batches // accumulate))


def drop_unfinished_step(trainer: Trainer) -> None:
    """Count again from the first micro-batch of a step that a checkpoint caught half way.

    The gradients of its first micro-batches are not in the checkpoint, and Lightning would go on with the
    next one.
    """
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    before_last_count = progress.total.ready == progress.total.processed == progress.total.completed + 1
    undone = (progress.current.completed + before_last_count) % trainer.accumulate_grad_batches
    if undone and not progress.is_last_batch:
        for counts in (progress.current, progress.total):
            counts.completed += before_last_count - undone
            counts.ready = counts.started = counts.processed = counts.completed
