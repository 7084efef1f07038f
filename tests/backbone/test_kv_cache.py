from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gpt_toolkit.backbone import KeyValueCache
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.kv_cache import cache_dtype
from tests.small_decoder import NORMS, small_config, small_decoder


def whole(ids: list[int], norm: Norm) -> torch.Tensor:
    hidden: torch.Tensor = small_decoder(norm).eval()(torch.tensor([ids]))
    return hidden[0, -1]


@pytest.fixture
def memory_of_nans() -> Iterator[None]:
    """Fill new memory with NaN, so that reading it before it is written shows."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("per_sequence", [True, False])
@pytest.mark.parametrize("norm", NORMS)
def test_sequences_of_unequal_length_see_what_they_see_alone(
    norm: Norm, per_sequence: bool, memory_of_nans: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyValueCache, "attends_per_sequence", per_sequence)  # a GPU takes the mask
    decoder = small_decoder(norm).eval()
    texts = [[3, 1], [4, 1, 5, 9], [2]]
    cache = KeyValueCache(decoder.config, 3, dtype=torch.float32)
    with torch.no_grad():
        hidden = decoder(torch.tensor([[3, 1, 7, 7], [4, 1, 5, 9], [2, 7, 7, 7]]), cache)
        for row, text in enumerate(texts):
            torch.testing.assert_close(hidden[row, len(text) - 1], whole(text, norm), rtol=1e-5, atol=1e-5)
        cache.set_lengths([2, 4, 1])
        for new in ([6, 2, 8], [5, 5, 5]):
            hidden = decoder(torch.tensor(new)[:, None], cache)
            for row, text in enumerate(texts):
                text.append(new[row])
                torch.testing.assert_close(hidden[row, 0], whole(text, norm), rtol=1e-5, atol=1e-5)
    assert cache.lengths == [4, 6, 3]


def test_some_sequences_go_on_from_another_cache() -> None:
    decoder = small_decoder().eval()
    cache = KeyValueCache(decoder.config, 2, dtype=torch.float32)
    other = KeyValueCache(decoder.config, 1, dtype=torch.float32, capacity=2)
    with torch.no_grad():
        decoder(torch.tensor([[3, 1, 4], [1, 5, 9]]), cache)
        decoder(torch.tensor([[2, 6]]), other)
        cache.replace([1], other)
        assert cache.lengths == [3, 2]
        hidden = decoder(torch.tensor([[7], [7]]), cache)
        torch.testing.assert_close(hidden[0, 0], whole([3, 1, 4, 7], "pre"), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(hidden[1, 0], whole([2, 6, 7], "pre"), rtol=1e-5, atol=1e-5)
        cache.replace([0, 1], None)
        assert (cache.lengths, cache.positions) == ([0, 0], None)
        hidden = decoder(torch.tensor([[8], [9]]), cache)
        torch.testing.assert_close(hidden[1, 0], whole([9], "pre"), rtol=1e-5, atol=1e-5)


def test_equal_lengths_need_no_mask_for_one_token_nor_at_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(KeyValueCache, "attends_per_sequence", False)
    cache = KeyValueCache(small_config(), 2, dtype=torch.float32)
    assert cache.mask(4) is None
    cache.set_lengths([3, 3])
    assert cache.mask(1) is None
    expected = torch.tensor([[True, True, True, True, False], [True, True, True, True, True]])
    assert torch.equal(cache.mask(2), expected)  # type: ignore[arg-type]
    cache.set_lengths([1, 3])
    seen = torch.tensor([[True, True, False, False], [True, True, True, True]])
    assert torch.equal(cache.mask(1), seen[:, None, None])  # type: ignore[arg-type]


def test_on_a_cpu_each_of_several_sequences_is_attended_by_itself_without_a_mask() -> None:
    cache = KeyValueCache(small_config(), 2, dtype=torch.float32)
    assert cache.attends_per_sequence
    cache.set_lengths([1, 3])
    assert cache.mask(1) is None
    assert not KeyValueCache(small_config(), 1, dtype=torch.float32).attends_per_sequence
    assert not KeyValueCache(small_config(), 2, dtype=torch.float32, device="meta").attends_per_sequence


def test_the_cache_takes_its_room_once() -> None:
    decoder = small_decoder().eval()
    cache = KeyValueCache(decoder.config, 1, dtype=torch.float32)
    before = (cache.keys.data_ptr(), cache.values.data_ptr())
    with torch.no_grad():
        for _ in range(6):
            decoder(torch.tensor([[3]]), cache)
    assert (cache.keys.data_ptr(), cache.values.data_ptr()) == before


def test_a_full_cache_and_wrong_lengths_are_refused() -> None:
    decoder = small_decoder()
    cache = KeyValueCache(decoder.config, 2, dtype=torch.float32, capacity=4)
    cache.set_lengths([4, 1])
    with pytest.raises(ValueError, match="input_ids: 5 tokens; expected at most 4, the cache capacity"):
        decoder(torch.tensor([[1], [1]]), cache)
    cache.set_lengths([1, 2])
    with pytest.raises(
        ValueError, match="new tokens: 2; expected 1, because the sequences have unequal lengths"
    ):
        decoder(torch.tensor([[1, 2], [1, 2]]), cache)
    for lengths in ([1], [1, 5], [-1, 2]):
        with pytest.raises(ValueError, match=r"lengths: .*; expected 2 numbers, each of at most 4"):
            cache.set_lengths(lengths)
    with pytest.raises(ValueError, match="capacity: 7; expected at most the context length 6"):
        KeyValueCache(decoder.config, 1, dtype=torch.float32, capacity=7)


def test_half_precision_is_cached_in_fp32_on_a_cpu_only() -> None:
    cpu, meta = torch.device("cpu"), torch.device("meta")
    assert cache_dtype(torch.bfloat16, cpu) == cache_dtype(torch.float32, cpu) == torch.float32
    assert cache_dtype(torch.float64, cpu) == torch.float64
    assert cache_dtype(torch.bfloat16, meta) == torch.bfloat16


def test_a_cache_in_fp32_serves_a_decoder_in_bfloat16() -> None:
    decoder = small_decoder().eval().bfloat16()
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    cache = KeyValueCache(decoder.config, 1, dtype=torch.float32)
    with torch.no_grad():
        parts = [decoder(part, cache) for part in torch.split(ids, [2, 1, 2], dim=1)]
        expected = small_decoder().eval()(ids)
    hidden = torch.cat(parts, dim=1)
    assert hidden.dtype == torch.bfloat16
    torch.testing.assert_close(hidden.float(), expected, rtol=0.05, atol=0.1)
