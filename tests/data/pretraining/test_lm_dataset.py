from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.batches import IGNORE_INDEX
from gpt_toolkit.data.pretraining.lm_dataset import (
    EvaluationWindows,
    TrainingWindows,
    evaluation_batches,
    n_evaluation_windows,
)
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.pretraining.window_order import WindowOrder
from gpt_toolkit.data.step_loader import StepShare
from tests.data.pretraining.numbered_documents import Documents, run

N_CTX = 16


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> TokenCache:
    return run(Documents(), tmp_path_factory.mktemp("tokens"))


def evaluation(cache: TokenCache, share: StepShare) -> EvaluationWindows:
    return EvaluationWindows(cache.tokens("val"), N_CTX, share, cache.bytes_per_label("val"), padding=256)


def test_labels_are_the_inputs_of_the_next_position(cache: TokenCache) -> None:
    tokens, share = cache.tokens("train"), StepShare(4, rank=1, world_size=2, accumulate=3)
    order = WindowOrder(len(tokens), N_CTX, seed=5)
    batches = TrainingWindows(tokens, order, share, 1.0)
    assert len(batches) == order.n_windows // 24 * 3
    batch = batches[7]  # micro-batch 1 of step 2: windows 48 + 12 to 48 + 15
    starts = order.starts(60, 4).tolist()
    assert batch["input_ids"].tolist() == [tokens.read(start, N_CTX).tolist() for start in starts]
    assert batch["labels"].tolist() == [tokens.read(start + 1, N_CTX).tolist() for start in starts]
    assert batch["step_targets"] == 24 * N_CTX


@pytest.mark.parametrize(("world_size", "batch_size"), [(1, 4), (1, 1000), (3, 4), (3, 7), (16, 5)])
def test_validation_counts_every_token_but_the_first_once(
    world_size: int, batch_size: int, cache: TokenCache
) -> None:
    tokens = cache.tokens("val")
    found: dict[int, list[int]] = {}
    lengths, shapes = set(), set()
    for rank in range(world_size):
        batches = evaluation(cache, StepShare(batch_size, rank, world_size))
        lengths.add(len(batches))
        for i in range(len(batches)):
            batch = batches[i]
            shapes.add(batch["input_ids"].shape)
            kept = batch["labels"] != IGNORE_INDEX
            assert batch["step_targets"] == int(kept.sum())
            assert torch.equal(batch["input_ids"][:, 1:][kept[:, 1:]], batch["labels"][:, :-1][kept[:, 1:]])
            found[i * world_size + rank] = batch["labels"][kept].tolist()
    labels = [label for number in sorted(found) for label in found[number]]
    assert labels == tokens.read(1, len(tokens) - 1).tolist()
    assert len(lengths) == len(shapes) == 1


def test_bytes_per_token_times_labels_are_the_bytes_of_the_split(cache: TokenCache) -> None:
    batches = evaluation(cache, StepShare(4))
    found = [batches[i] for i in range(len(batches))]
    total = sum(batch["step_targets"] * batch["bytes_per_token"] for batch in found)
    texts = [chunk.text for chunk in Documents().chunks() if chunk.split == "val"]
    assert total == pytest.approx(sum(len(text.encode()) for text in texts))


def test_a_split_of_one_token_is_refused(tmp_path: Path) -> None:
    tokens = run(Documents(), tmp_path).tokens("val")
    tokens._ends = tokens._ends[:0]
    with pytest.raises(ValueError, match="split: 0 tokens; expected at least 2, of which one is predicted"):
        EvaluationWindows(tokens, N_CTX, StepShare(4), 1.0, padding=256)


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 9))
def test_evaluation_gives_each_window_to_one_rank_and_equal_batches_to_all(
    n: int, size: int, world: int
) -> None:
    batches, rows = evaluation_batches(n, size, world)
    assert 1 <= rows <= size
    assert batches * world * rows >= n
    assert (batches - 1) * world * rows < n


@pytest.mark.parametrize(("n_tokens", "windows"), [(2, 1), (11, 1), (12, 2), (21, 2), (22, 3)])
def test_evaluation_windows_cover_every_token_but_the_first(n_tokens: int, windows: int) -> None:
    assert n_evaluation_windows(n_tokens, 10) == windows
