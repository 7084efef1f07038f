import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.supervised.length_bucketing import BatchOrder, Limits, evaluation_batches, padded

LENGTHS = padded(np.random.default_rng(0).integers(3, 200, 1_003), 512)


def order(limits: Limits, bucket: int = 4, seed: int = 0, name: str = "set") -> BatchOrder:
    return BatchOrder(name, LENGTHS, limits, bucket, seed)


def test_lengths_are_padded_to_a_multiple_of_8_within_the_context() -> None:
    assert padded(np.array([1, 8, 9, 60, 61]), 60).tolist() == [8, 8, 16, 60, 60]


@pytest.mark.parametrize("batch_tokens", [None, 1_600])
@pytest.mark.parametrize("bucket", [1, 4, 1_000])
def test_each_epoch_reads_every_row_once(bucket: int, batch_tokens: int | None) -> None:
    batches = order(Limits(16, batch_tokens), bucket)
    number = 0
    for _ in range(3):
        rows: list[int] = []
        while len(rows) < len(LENGTHS):
            found = batches.indices(number)
            assert batches.size(number) == len(found) <= 16
            rows += found.tolist()
            number += 1
        assert sorted(rows) == list(range(len(LENGTHS)))


def test_the_last_rows_of_an_epoch_are_a_smaller_batch() -> None:
    batches = order(Limits(16))
    assert len(batches) == 63
    assert sorted(batches.size(number) for number in range(63)) == [1_003 % 16] + [16] * 62


def test_a_batch_is_read_alike_whatever_was_read_before() -> None:
    limits = Limits(16, 1_600)
    straight = order(limits)
    expected = [straight.indices(number).tolist() for number in range(400)]
    for number in (399, 0, 150, 7, 398):
        assert order(limits).indices(number).tolist() == expected[number]


def test_batches_stay_below_the_budget_and_are_as_large_as_it_allows() -> None:
    limits = Limits(10_000, 4_096, n_sequences=2)
    batches = order(limits, bucket=1)
    sizes = []
    for number in range(len(batches)):
        rows = batches.indices(number)
        assert len(rows) * 2 * LENGTHS[rows].max() <= 4_096
        sizes.append(len(rows) * 2 * LENGTHS[rows].max())
    assert np.mean(sizes) > 0.9 * 4_096


def test_seeds_sets_and_epochs_have_orders_of_their_own() -> None:
    limits = Limits(16)
    base = order(limits)
    variants = [base, order(limits, seed=1), order(limits, name="other"), order(limits, bucket=8)]
    firsts = [tuple(batches.indices(0).tolist()) for batches in variants]
    assert len({*firsts, tuple(base.indices(63).tolist())}) == 5


def test_sorting_in_pools_saves_padding_and_mixes_rows_anew() -> None:
    def padding(bucket: int) -> float:
        batches = order(Limits(16), bucket)
        rows = [batches.indices(number) for number in range(len(batches))]
        return 1 - float(LENGTHS.sum()) / sum(len(batch) * int(LENGTHS[batch].max()) for batch in rows)

    assert padding(1) > 0.4
    assert padding(16) < 0.1
    batches = order(Limits(16), 16)
    first, second = (
        {frozenset(batches.indices(63 * epoch + i).tolist()) for i in range(63)} for epoch in (0, 1)
    )
    assert not first & second
    longest = [int(LENGTHS[batches.indices(number)].max()) for number in range(63)]
    assert longest != sorted(longest, reverse=True)


def test_the_order_is_the_recorded_one() -> None:
    batches = BatchOrder("set", np.full(10, 8), Limits(4), 2, seed=0)
    recorded = [[1, 5, 9, 0], [6, 3, 8, 2], [7, 4]]  # raise BUCKET_VERSION where it has to change
    assert [batches.indices(number).tolist() for number in range(3)] == recorded


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 120), st.integers(1, 9), st.integers(1, 20), st.none() | st.integers(8, 400))
def test_evaluation_reads_each_row_once_on_equally_many_batches_a_rank(
    n_rows: int, world_size: int, batch_size: int, batch_tokens: int | None
) -> None:
    limits = Limits(batch_size, batch_tokens)
    batches = evaluation_batches(LENGTHS[:n_rows], limits, world_size)
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(n_rows))
    assert len(batches) % world_size == 0 or len(batches) == n_rows
    for batch in batches:
        longest = int(LENGTHS[batch].max())
        assert 0 < len(batch) <= limits.size(longest)
    longest_of = [int(LENGTHS[batch].max()) for batch in batches]
    assert longest_of == sorted(longest_of, reverse=True)
