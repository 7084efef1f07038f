"""Blocks through torch.compile, which fuses what stands between their matrix products."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor, nn

OLDEST = (7, 0)
"""Compute capability of the GPUs that torch.compile makes code for."""


def why_not_to_compile(device: torch.device) -> str | None:
    """What stands against compiling for a device; None if nothing does.

    On a CPU a step is matrix products, which are not compiled.
    """
    if device.type != "cuda":
        return f"it does not pay on this device ({device.type})"
    if torch.cuda.get_device_capability(device) < OLDEST:
        return f"the GPU is older than compute capability {OLDEST[0]}.{OLDEST[1]}"
    if find_spec("triton") is None:
        return "Triton is not installed"
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        return "there is no C compiler (cc, gcc or clang)"
    return None


def call_block(block: nn.Module, x: Tensor, wanted: Tensor | None) -> Tensor:
    """A block without a cache."""
    return block(x, None, wanted)  # type: ignore[no-any-return]


@cache
def compiled_block() -> Callable[[nn.Module, Tensor, Tensor | None], Tensor]:
    """:func:`call_block`, compiled once for all blocks of a shape."""
    return torch.compile(call_block, dynamic=False)
