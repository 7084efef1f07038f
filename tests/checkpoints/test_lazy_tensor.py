from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gpt_toolkit.checkpoints.lazy_tensor import StoredTensor, equal, in_memory

VALUES = torch.arange(35.0).view(7, 5)


def in_blocks(tensor: Tensor, n_rows: int) -> StoredTensor:
    def rows() -> Iterator[Tensor]:
        yield from torch.split(tensor, n_rows)

    return StoredTensor(rows, tuple(tensor.shape), tensor.dtype)


@pytest.mark.parametrize("n_rows", [1, 3, 7])
def test_a_tensor_is_put_together_from_its_rows_turned_and_cast(n_rows: int) -> None:
    stored = in_blocks(VALUES, n_rows)
    assert torch.equal(stored.read(), VALUES)
    turned = stored.t().to(torch.bfloat16)
    assert (turned.shape, turned.dtype, turned.n_bytes) == ((5, 7), torch.bfloat16, 70)
    assert torch.equal(turned.read(), VALUES.t().bfloat16())
    assert torch.equal(turned.t().read(), VALUES.bfloat16())
    for one in (stored, turned):
        blocks = list(one.blocks())
        assert all(block.is_contiguous() for block in blocks)
        assert torch.equal(torch.cat(blocks), one.read())


def test_a_tensor_in_memory_is_not_copied() -> None:
    assert in_memory(VALUES).read().data_ptr() == VALUES.data_ptr()
    assert in_memory(VALUES).t().read().data_ptr() == VALUES.data_ptr()


def test_tensors_are_compared_whatever_their_blocks() -> None:
    other = VALUES.clone()
    other[6, 4] += 1
    for n_rows in (1, 2, 7):
        assert equal(in_blocks(VALUES, 3), in_blocks(VALUES, n_rows))
        assert equal(in_blocks(VALUES, 3).t(), in_memory(VALUES.t().contiguous()))
        assert not equal(in_blocks(VALUES, 3), in_blocks(other, n_rows))
    assert not equal(in_memory(VALUES), in_memory(VALUES[:6]))
