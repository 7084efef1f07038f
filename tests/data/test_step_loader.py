from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from torch.utils.data.distributed import DistributedSampler

from gpt_toolkit.data.step_loader import ReadyBatches, StepShare, batch_loader, step_share, steps_of_epoch


class Numbers(ReadyBatches):
    """Batches that are their own number."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        return index


def trainer(**options: Any) -> Trainer:
    return Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, **options)


def test_a_loader_without_a_step_reads_each_batch_once() -> None:
    assert list(batch_loader(Numbers(StepShare(4)), 0)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_iterator_made_before_the_step_is_restored_begins_with_that_step(num_workers: int) -> None:
    step = [0]
    batches = iter(batch_loader(Numbers(StepShare(4, accumulate=3)), num_workers, lambda: step[0]))
    step[0] = 5
    assert list(batches) == [15, 16, 17, 18, 19, 20]


def test_the_sampler_is_one_that_lightning_leaves_as_it_is() -> None:
    assert isinstance(batch_loader(Numbers(StepShare(4, 1, 2)), 0).sampler, DistributedSampler)


def test_windows_of_a_step_count_ranks_and_micro_batches() -> None:
    assert StepShare(4, rank=1, world_size=3, accumulate=5).windows_per_step == 60
    assert step_share(None, 4) == StepShare(4, 0, 1, 1)
    run = trainer(accumulate_grad_batches=5)
    assert step_share(run, 4) == StepShare(4, 0, 1, 5)
    assert step_share(run, 4, training=False) == StepShare(4, 0, 1, 1)


@pytest.mark.parametrize(("limit", "steps"), [(1.0, 10), (7, 4), (0.5, 5), (1000, 10)])
def test_limit_train_batches_shortens_an_epoch(limit: float, steps: int) -> None:
    assert steps_of_epoch(trainer(limit_train_batches=limit), 10, 2) == steps
    assert steps_of_epoch(None, 10, 2) == 10


def test_changing_accumulation_while_training_is_refused() -> None:
    run = trainer(callbacks=[GradientAccumulationScheduler({0: 1, 1: 2})])
    with pytest.raises(ValueError, match="GradientAccumulationScheduler: changes the number of windows per"):
        step_share(run, 4)
    assert step_share(run, 4, training=False).accumulate == 1
