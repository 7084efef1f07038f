import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.data.pretraining.window_order import (
    ORDER_VERSION,
    WindowOrder,
    rank_windows,
    step_windows,
    steps_per_pass,
)
from gpt_toolkit.data.step_loader import StepShare


@given(st.integers(2, 3000), st.integers(1, 40), st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_a_pass_reads_every_window_once_and_stays_inside_the_corpus(
    n_tokens: int, n_ctx: int, seed: int
) -> None:
    if n_tokens < n_ctx + 1:
        return
    order = WindowOrder(n_tokens, n_ctx, seed)
    for number in range(3):
        starts = np.sort(order.starts(number * order.n_windows, order.n_windows))
        assert starts[0] >= 0
        assert starts[-1] + n_ctx + 1 <= n_tokens
        assert (np.diff(starts) == n_ctx).all()
        assert len(starts) == order.n_windows
        if n_tokens >= 2 * n_ctx:
            assert n_tokens - order.n_windows * n_ctx < 2 * n_ctx


def test_passes_differ_in_offset_and_order() -> None:
    order = WindowOrder(10_000, 16, seed=3)
    passes = [order.starts(number * order.n_windows, order.n_windows) for number in range(6)]
    assert len({int(starts.min()) for starts in passes}) > 2
    assert not any(np.array_equal(passes[0], other) for other in passes[1:])


def test_the_offset_reaches_each_place_it_can() -> None:
    order = WindowOrder(100, 8, seed=0)
    offsets = {int(order.starts(n * order.n_windows, order.n_windows).min()) for n in range(300)}
    assert offsets == set(range(8))
    short = WindowOrder(12, 8, seed=0)
    assert {int(short.starts(n, 1)[0]) for n in range(100)} == {0, 1, 2, 3}


@given(st.integers(0, 500), st.integers(1, 90))
@settings(max_examples=60, deadline=None)
def test_samples_do_not_depend_on_how_many_are_asked_for_at_once(first: int, count: int) -> None:
    order = WindowOrder(5000, 7, seed=1)
    singly = [int(order.starts(i, 1)[0]) for i in range(first, first + count)]
    assert order.starts(first, count).tolist() == singly


@pytest.mark.parametrize(("world_size", "accumulate"), [(1, 1), (1, 4), (2, 1), (2, 2), (4, 4), (16, 1)])
@pytest.mark.parametrize("step", [0, 7, 10_000])
def test_ranks_and_micro_batches_divide_the_same_list(world_size: int, accumulate: int, step: int) -> None:
    order = WindowOrder(9_000, 11, seed=5)
    whole = step_windows(order, step, 16)
    batch_size = 16 // world_size // accumulate
    parts = [
        rank_windows(order, step, micro_batch, StepShare(batch_size, rank, world_size, accumulate))
        for micro_batch in range(accumulate)
        for rank in range(world_size)
    ]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_the_order_is_the_one_that_version_1_has_always_had() -> None:
    assert ORDER_VERSION == 1
    assert WindowOrder(1_003_855, 256, seed=0).starts(0, 8).tolist() == GOLDEN_FIRST
    assert WindowOrder(5 * 10**9, 1024, seed=42).starts(123_456_789, 4).tolist() == GOLDEN_FAR
    assert WindowOrder(100, 8, seed=1).starts(0, 24).tolist() == GOLDEN_SMALL


GOLDEN_FIRST = [203974, 457414, 846022, 807622, 98758, 313286, 195782, 904646]
GOLDEN_FAR = [1148596874, 4629204618, 4705316490, 2941261450]
GOLDEN_SMALL = [7, 87, 63, 23, 55, 47, 71, 39, 31, 15, 79, 72, 40, 56, 64, 16, 80, 48, 8, 32, 24, 0, 74, 34]


def test_a_corpus_shorter_than_one_window_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="training text: 200 tokens; expected at least 257 for n_ctx=256"):
        WindowOrder(200, 256, seed=0)
    assert WindowOrder(257, 256, seed=0).starts(0, 3).tolist() == [0, 0, 0]


def test_an_epoch_is_the_whole_steps_of_a_pass_and_at_least_one() -> None:
    order = WindowOrder(1000, 10, seed=0)
    assert order.n_windows == 99
    assert steps_per_pass(order, 16) == 6
    assert steps_per_pass(order, 500) == 1
