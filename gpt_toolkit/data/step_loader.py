"""Loaders of ready batches whose position is the optimizer step.

A dataset here is a list of the batches of one rank: they are divided among ranks already. Training batch
``i`` is micro-batch ``i % accumulate`` of optimizer step ``i // accumulate``, for any ``i``.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler


@dataclass(frozen=True)
class StepShare:
    """Division of the windows of an optimizer step among ranks and micro-batches.

    Micro-batch ``m`` on rank ``r`` takes windows ``[(m * world_size + r) * batch_size : + batch_size]`` of
    the step's list. So another number of ranks or micro-batches reads the same list.

    Args:
        batch_size: Windows a micro-batch on one rank.
        rank: Rank of this process.
        world_size: Number of ranks.
        accumulate: Micro-batches a step.
    """

    batch_size: int
    rank: int = 0
    world_size: int = 1
    accumulate: int = 1

    @property
    def windows_per_step(self) -> int:
        """Number of windows of one optimizer step, of all ranks and micro-batches."""
        return self.batch_size * self.world_size * self.accumulate


class ReadyBatches(Dataset[Any]):
    """Batches of one rank; the length is one epoch, but any training index is valid.

    Args:
        share: What this rank reads.
    """

    def __init__(self, share: StepShare) -> None:
        self.share = share

    def __len__(self) -> int:
        raise NotImplementedError


class StepSampler(DistributedSampler[Any]):
    """Indices of the batches of one epoch, beginning with those of the current optimizer step.

    It is a ``DistributedSampler`` because Lightning leaves such a sampler as it is: the batches are divided
    among ranks already. It does not shorten an epoch that begins in its middle, as the Trainer counts the
    batches that it has seen.

    Args:
        batches: Batches of this rank.
        step: Function that returns the optimizer step to begin with; None: begin with the first batch.
    """

    def __init__(self, batches: ReadyBatches, step: Callable[[], int] | None = None) -> None:
        share = batches.share
        super().__init__(batches, num_replicas=share.world_size, rank=share.rank, shuffle=False)
        self._batches, self._step = batches, step

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        first = 0 if self._step is None else self._step() * self._batches.share.accumulate
        return iter(range(first, first + len(self)))


class BatchLoader(DataLoader[Any]):
    """Loader of ready batches. Its position is the optimizer step, so it has no state of its own.

    Lightning takes a loader as resumable if it has ``state_dict`` and ``load_state_dict``.

    Attributes:
        seconds_waited: Time for which the caller has waited for batches so far.
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
        """Return an empty state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing: the loader has no state."""


def batch_loader(
    batches: ReadyBatches, num_workers: int, step: Callable[[], int] | None = None
) -> BatchLoader:
    """Return a loader of ready batches.

    Args:
        batches: Batches of this rank.
        num_workers: Number of processes that load batches.
        step: Function that returns the optimizer step to begin with; None: begin with the first batch.
    """
    return BatchLoader(
        batches,
        batch_size=None,  # an item is a batch
        sampler=StepSampler(batches, step),
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
    )


def step_share(trainer: Trainer | None, batch_size: int, *, training: bool = True) -> StepShare:
    """Return what this process reads.

    Ranks are those that the strategy counts for data; with tensor parallelism they are fewer than processes.

    Args:
        trainer: Trainer of the run, if any.
        batch_size: Size of one micro-batch on one rank.
        training: Whether micro-batches accumulate to steps.

    Raises:
        ValueError: If the number of micro-batches a step would change during the run.
    """
    if trainer is None:
        return StepShare(batch_size)
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if training and any(isinstance(callback, GradientAccumulationScheduler) for callback in callbacks):
        raise ValueError(
            "GradientAccumulationScheduler: changes the number of windows per step; expected a constant one, "
            "on which the order of the data depends; set accumulate_grad_batches to one number"
        )
    ranks = trainer.distributed_sampler_kwargs or {"num_replicas": 1, "rank": 0}
    accumulate = trainer.accumulate_grad_batches if training else 1
    return StepShare(batch_size, ranks["rank"], ranks["num_replicas"], accumulate)


def steps_of_epoch(trainer: Trainer | None, steps: int, accumulate: int) -> int:
    """Return the optimizer steps of an epoch, which ``limit_train_batches`` may shorten.

    Args:
        trainer: Trainer of the run, if any.
        steps: Steps of the whole epoch.
        accumulate: Micro-batches a step.
    """
    limit = 1.0 if trainer is None else trainer.limit_train_batches
    batches = limit if isinstance(limit, int) else int(limit * steps * accumulate)
    return min(steps, -(-batches // accumulate))


def drop_unfinished_step(trainer: Trainer) -> None:
    """Repeat a step that a checkpoint interrupted from its first micro-batch.

    The checkpoint lacks the gradients of its first micro-batches, and Lightning would continue with the next
    one.
    """
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress
    before_last_count = progress.total.ready == progress.total.processed == progress.total.completed + 1
    undone = (progress.current.completed + before_last_count) % trainer.accumulate_grad_batches
    if undone and not progress.is_last_batch:
        for counts in (progress.current, progress.total):
            counts.completed += before_last_count - undone
            counts.ready = counts.started = counts.processed = counts.completed
