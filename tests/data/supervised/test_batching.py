from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from gpt_toolkit.batches import SupervisedBatch
from gpt_toolkit.data.step_loader import StepShare
from gpt_toolkit.data.supervised.batch_order import BatchOrder, Mixture, batch_rates, example_rates
from gpt_toolkit.data.supervised.batching import (
    BatchBuilder,
    EvaluationBatches,
    TrainingBatches,
    TrainingStream,
)
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.input_transforms import SpecialTokens, TransformedInputs
from tests.data.fakes import FakeDataset, encoded, single, spec, words

N_CTX = 48


def task(fake: FakeDataset, root: Path, split: str = "train") -> BatchBuilder:
    rows = encoded(fake, root, split)
    inputs = TransformedInputs(rows, fake.spec.kind, SpecialTokens.after(257), N_CTX)
    answers = "grade" if fake.spec.kind == "graded" else "class"
    return BatchBuilder(fake.spec, inputs, np.arange(len(rows)), answers, N_CTX, has_references=False)  # type: ignore[arg-type]


def training(tasks: list[BatchBuilder], share: StepShare, batch_tokens: int | None = None) -> TrainingBatches:
    orders = [
        BatchOrder(one.spec.name, one.lengths, one.limits(share.batch_size, batch_tokens), 4, seed=0)
        for one in tasks
    ]
    sizes = [len(one.selected) for one in tasks]
    per_batch = [size / len(order) for size, order in zip(sizes, orders, strict=True)]
    rates = batch_rates(example_rates(sizes, "proportional", None, 1.0), per_batch)
    n_batches = sum(map(len, orders))
    return TrainingBatches(
        TrainingStream(tasks, orders, Mixture(rates)),
        share,
        -(-n_batches // (share.world_size * share.accumulate)),
    )


def key(batch: SupervisedBatch) -> tuple[str, tuple[int, ...]]:
    return batch["task"], tuple(batch["examples"].tolist())


@pytest.fixture
def sets(tmp_path: Path) -> list[BatchBuilder]:
    return [task(single(name, n), tmp_path) for name, n in (("a", 37), ("b", 150), ("c", 64))]


def equal(a: SupervisedBatch, b: SupervisedBatch) -> bool:
    return all(
        torch.equal(value, b[name]) if isinstance(value, torch.Tensor) else value == b[name]  # type: ignore[literal-required]
        for name, value in a.items()
    )


@pytest.mark.parametrize("batch_tokens", [None, 400])
def test_a_step_reads_the_same_batches_on_any_ranks_and_micro_batches(
    sets: list[BatchBuilder], batch_tokens: int | None
) -> None:
    def steps(world_size: int, accumulate: int) -> list[tuple[list[tuple[str, tuple[int, ...]]], set[int]]]:
        ranks = [
            training(sets, StepShare(8, rank, world_size, accumulate), batch_tokens)
            for rank in range(world_size)
        ]
        found = []
        for step in range(20):
            micro_batches = range(step * accumulate, (step + 1) * accumulate)
            batches = [rank[index] for index in micro_batches for rank in ranks]
            found.append(([key(batch) for batch in batches], {batch["step_examples"] for batch in batches}))
        return found

    expected = steps(1, 4)
    assert steps(2, 2) == expected
    assert steps(4, 1) == expected
    for batches, step_examples in expected:
        assert step_examples == {sum(len(rows) for _, rows in batches)}


def test_a_mixture_of_one_set_is_that_set_and_a_set_keeps_its_order_in_any_mixture(
    sets: list[BatchBuilder],
) -> None:
    alone = training(sets[1:2], StepShare(8))
    order = alone.stream.orders[0]
    for number in range(60):
        assert equal(alone[number], sets[1].batch(order.indices(number), len(order.indices(number))))
    mixed = (training(sets, StepShare(8))[index] for index in range(120))
    of_b = [batch for batch in mixed if batch["task"] == "b"]
    assert len(of_b) > 60
    for number in range(60):
        assert equal(of_b[number], alone[number])


def test_going_on_at_a_step_reads_what_an_unbroken_run_reads(sets: list[BatchBuilder]) -> None:
    unbroken = training(sets, StepShare(8, accumulate=2), 400)
    expected = [unbroken[index] for index in range(100)]
    resumed = training(sets, StepShare(8, accumulate=2), 400)
    for index in range(74, 100):
        assert equal(resumed[index], expected[index])


def test_an_epoch_reads_each_row_of_each_set_once(sets: list[BatchBuilder]) -> None:
    batches = training(sets, StepShare(8))
    assert len(batches) == 5 + 19 + 8
    for epoch in range(2):
        read = [batches[epoch * len(batches) + index] for index in range(len(batches))]
        for name, n_rows in (("a", 37), ("b", 150), ("c", 64)):
            rows = [row for batch in read if batch["task"] == name for row in batch["examples"].tolist()]
            assert sorted(rows) == list(range(n_rows))


def test_a_batch_holds_its_rows_padded_to_the_longest(sets: list[BatchBuilder]) -> None:
    batch = training(sets, StepShare(8))[0]
    length = int(batch["lengths"].max())
    assert batch["input_ids"].shape == (8, 1, min(N_CTX, -(-length // 8) * 8))
    assert batch["input_ids"].dtype == batch["labels"].dtype == batch["lengths"].dtype == torch.int64
    assert batch["target"].dtype == batch["examples"].dtype == batch["subsets"].dtype == torch.int64
    name = batch["task"]
    for row, ids, n in zip(batch["examples"], batch["input_ids"][:, 0], batch["lengths"][:, 0], strict=True):
        assert bytes(ids[1 : n - 1].tolist()).startswith(f"{name}.train.{row}."[: n - 2].encode())
        assert (int(ids[0]), int(ids[n - 1]), ids[n:].tolist()) == (257, 259, [0] * (len(ids) - int(n)))
    torch.testing.assert_close(batch["target"], batch["examples"] % 2)
    assert batch["subsets"].tolist() == [-1] * 8
    assert batch["references"] == []


def test_grades_are_fractions_and_what_is_missing_is_marked(tmp_path: Path) -> None:
    random = Random(0)
    grades = [3.25, None, 0.0]
    rows = [Example((words(random, 5), words(random, 5)), grade, i) for i, grade in enumerate(grades)]
    graded = task(FakeDataset(spec("g", "graded", labels=tuple("01234")), {"test": rows}), tmp_path, "test")
    batch = graded.batch(np.arange(3), 3)
    assert batch["input_ids"].shape[:2] == (3, 2)
    assert batch["target"][batch["has_target"]].tolist() == [3.25, 0.0]
    assert batch["has_target"].tolist() == [True, False, True]
    classes = [Example(("x",), target, i, "right" if i else "") for i, target in enumerate((1, None))]
    fake = FakeDataset(spec("c", subsets=("left", "right")), {"test": classes})
    batch = task(fake, tmp_path, "test").batch(np.arange(2), 2)
    assert batch["target"][0].item() == 1
    assert batch["has_target"].tolist() == [True, False]
    assert batch["subsets"].tolist() == [-1, 1]


def test_evaluation_reads_each_row_once_over_all_ranks(sets: list[BatchBuilder]) -> None:
    for world_size in (1, 3, 4):
        rows = []
        for rank in range(world_size):
            batches = EvaluationBatches(sets[1], sets[1].limits(8, 400), StepShare(8, rank, world_size))
            for index in range(len(batches)):
                batch = batches[index]
                assert batch["step_examples"] == len(batch["examples"])
                assert batch["input_ids"].numel() <= 400
                rows += batch["examples"].tolist()
        assert sorted(rows) == list(range(150))


def test_a_budget_below_one_row_is_refused(sets: list[BatchBuilder]) -> None:
    with pytest.raises(ValueError, match="batch_tokens: 40; expected at least 48, the longest example of b"):
        sets[1].limits(8, 40)
