"""Fast kernels that this machine has: packed and fused products, fused AdamW, Triton, torch.compile."""

from __future__ import annotations

import platform
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from gpt_toolkit.hardware.precision import is_native
from gpt_toolkit.hardware.resources import override

if TYPE_CHECKING:
    import torch

_OLDEST_FOR_COMPILE = (7, 0)
"""Lowest compute capability that Triton supports."""


def can_pack(weight: torch.Tensor) -> bool:
    """Return whether this CPU multiplies by a matrix in oneDNN's own layout."""
    import torch

    ops: Any = torch.ops.mkldnn
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.bfloat16):
        return False
    if not torch.backends.mkldnn.is_available() or not hasattr(ops, "_linear_pointwise"):  # type: ignore[no-untyped-call]
        return False
    if not hasattr(ops, "_reorder_linear_weight") or not is_native(weight.dtype, weight.device):
        return False
    if weight.dtype == torch.bfloat16 and not ops._is_mkldnn_bf16_supported():
        return False
    return override("PACKED") is not False


def fast_packed_rows() -> int:
    """Return how many rows a packed product should have at least: fewer are filled up.

    With AVX-512 oneDNN's kernel for one or two rows takes 1.1 to 1.5 times as long as that for four (all of
    GPT-2 124M: bf16 9.0, 10.7 and 7.8 ms; fp32 16.8, 20.4 and 13.3 ms). With AVX2 one row is the fastest:
    0.48 ms against 0.61 ms for a matrix of 2304 x 768 (measured here, torch 2.13).
    """
    import torch

    return 4 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 1


def has_int8_products(device: torch.device) -> bool:
    """Return whether torch multiplies int8 matrices on this device by oneDNN."""
    import torch

    ops: Any = torch.ops.onednn
    value = override("INT8")
    if value is not None:
        return value
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")  # others fall back to a slow reference kernel
    return (
        device.type == "cpu"
        and is_x86
        and hasattr(ops, "qlinear_pointwise")
        and hasattr(ops, "qlinear_prepack")
    )


def prefers_attention_products(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether attention by matrix products trains faster than torch's fused kernel.

    It does in native bf16 on a CPU. In fp32 the two are equal within 10% (AVX2, torch 2.13, measured here).
    """
    import torch

    if device.type != "cpu":
        return False
    value = override("ATTENTION_PRODUCTS")
    return dtype == torch.bfloat16 and is_native(dtype, device) if value is None else value


def supports_fused_adamw(device: torch.device) -> bool:
    """Return whether torch has AdamW as one kernel on this device."""
    from torch.utils._foreach_utils import _get_fused_kernels_supported_devices

    value = override("FUSED_ADAMW")
    return device.type in _get_fused_kernels_supported_devices() if value is None else value


def has_triton(device: torch.device) -> bool:
    """Return whether Triton kernels run on this device: a GPU, Triton and a C compiler."""
    value = override("TRITON")
    if value is not None:
        return value
    return device.type == "cuda" and find_spec("triton") is not None and _has_c_compiler()


def compile_obstacle(device: torch.device) -> str | None:
    """Return why ``torch.compile`` is of no use on this device; None if it is."""
    import torch

    value = override("COMPILE")
    if value is not None:
        return None if value else "GPT_TOOLKIT_COMPILE is 0"
    if device.type != "cuda":
        return f"it gains nothing on this device ({device.type})"
    if torch.cuda.get_device_capability(device) < _OLDEST_FOR_COMPILE:
        return f"the GPU's compute capability is below {'.'.join(map(str, _OLDEST_FOR_COMPILE))}"
    if find_spec("triton") is None:
        return "Triton is not installed"
    if not _has_c_compiler():
        return "no C compiler found (cc, gcc or clang)"
    return None


def _has_c_compiler() -> bool:
    return any(map(shutil.which, ("cc", "gcc", "clang")))
