"""Blocks through torch.compile, which fuses what stands between their matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn


def call_block(block: nn.Module, x: Tensor, wanted: Tensor | None) -> Tensor:
    """A block without a cache."""
    return block(x, None, wanted)  # type: ignore[no-any-return]


@cache
def compiled_block() -> Callable[[nn.Module, Tensor, Tensor | None], Tensor]:
    """:func:`call_block`, compiled once for all blocks of a shape."""
    return torch.compile(call_block, dynamic=False)
