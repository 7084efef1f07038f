"""Matrix products counted by type, and refused in types that the device emulates."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gpt_toolkit.hardware import is_native

_PRODUCTS = {
    *("mm", "bmm", "addmm", "addbmm", "baddbmm", "mv", "addmv", "matmul", "linear", "linear_backward"),
    *("_addmm_activation", "einsum", "convolution", "convolution_backward", "scaled_dot_product_attention"),
}
_PREFIXES = ("_scaled_dot_product_", "_linear_pointwise", "_convolution", "conv1d", "conv2d", "mkldnn_")


class EmulatedProductError(AssertionError):
    """A matrix product in a type that the device emulates."""


class MatrixProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Mode that counts the CPU's matrix products by type.

    Args:
        refuses: Raise at a product in a type that :func:`gpt_toolkit.hardware.is_native` denies.

    Attributes:
        counts: Products of each type. Of operands of several types the narrowest counts.
        emulated: Names of the operators that computed in a type that is not native.
    """

    def __init__(self, *, refuses: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refuses = refuses
        self.counts: Counter[torch.dtype] = Counter()
        self.emulated: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if is_product(func):
            operands = list(_operands((args, kwargs)))
            if operands:
                dtype = min((tensor.dtype for tensor in operands), key=lambda dtype: dtype.itemsize)
                self.counts[dtype] += 1
                if not is_native(dtype, operands[0].device):
                    self.emulated[str(func)] += 1
                    if self.refuses:
                        raise EmulatedProductError(f"{func} in {dtype}, which this device emulates")
        return func(*args, **kwargs)


def is_product(func: Any) -> bool:
    """Return whether an operator multiplies matrices."""
    name = func._schema.name.partition("::")[2].rstrip("_")
    return name in _PRODUCTS or name.startswith(_PREFIXES)


def _operands(values: Any) -> Iterator[torch.Tensor]:
    for leaf in tree_leaves(values):
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() and leaf.device.type == "cpu":
            yield leaf
