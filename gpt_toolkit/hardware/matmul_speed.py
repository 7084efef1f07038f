"""Speed of matrix products: of data sheets for GPUs, measured for CPUs."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_GPU_FLOPS = {
    "H200": 989.4e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989.4e12,
    "H800": 989.4e12,
    "GH200": 989.4e12,
    "B200": 2250e12,
    "A100": 312e12,
    "A800": 312e12,
    "A40": 149.7e12,
    "A10G": 70e12,
    "A10": 125e12,
    "A30": 165e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 3090": 71e12,
    "RTX 4090": 165.2e12,
    "V100": 125e12,
    "T4": 65e12,
    "P100": 18.7e12,
}
"""Dense bf16 (V100, T4, P100: fp16) operations per second, by a part of the name; the first match counts.

Source: NVIDIA's data sheets, whose figures with sparsity are twice as high.
"""

_GPU_FLOPS_WITHOUT_TF32 = {"V100": 15.7e12, "T4": 8.1e12, "P100": 9.3e12}
"""fp32 operations per second of GPUs before TF32 (data sheets); of the others half the bf16 speed."""

_ROUNDS = 20
"""Most measurements of each layout."""


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the operations per second of matrix products at best; NaN if unknown.

    Looked up for a GPU, with TF32 for fp32, as ``fit`` allows it; measured once for a CPU.
    """
    import torch

    if device.type == "cpu":
        return max(layout_flops(device, dtype, torch.get_num_threads()))
    if device.type == "cuda":
        return gpu_flops(torch.cuda.get_device_name(device), dtype)
    return math.nan


def gpu_flops(name: str, dtype: torch.dtype) -> float:
    """Return the data sheet's operations per second for a GPU's name; NaN for unlisted names and types."""
    import torch

    known = next((part for part in _GPU_FLOPS if part in name), None)
    if known is None or dtype == torch.float64:
        return math.nan
    if dtype == torch.bfloat16 and known in _GPU_FLOPS_WITHOUT_TF32:
        return math.nan  # emulated
    if dtype == torch.float32:
        return _GPU_FLOPS_WITHOUT_TF32.get(known, _GPU_FLOPS[known] / 2)
    return _GPU_FLOPS[known]


@cache
def layout_flops(device: torch.device, dtype: torch.dtype, n_threads: int) -> tuple[float, ...]:
    """Measure ``a @ b``, ``a @ b.T`` and ``a.T @ b`` with so many threads of torch, in about 0.2 s."""
    import torch

    threads_before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        return _timed_layouts(device, dtype)
    finally:
        torch.set_num_threads(threads_before)


def _timed_layouts(device: torch.device, dtype: torch.dtype) -> tuple[float, ...]:
    import torch

    best = [0.0] * 3
    size, deadline = 256, time.perf_counter() + 0.2
    for _ in range(_ROUNDS):
        matrix = torch.ones(size, size, dtype=dtype, device=device)
        for i, (left, right) in enumerate(((matrix, matrix), (matrix, matrix.t()), (matrix.t(), matrix))):
            begin = time.perf_counter()
            torch.mm(left, right)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            best[i] = max(best[i], 2 * size**3 / max(time.perf_counter() - begin, 1e-9))
        if time.perf_counter() > deadline:
            break
        # Larger matrices are faster, but an emulated product of 1,024 rows takes seconds.
        size = 1024 if 2 * 1024**3 / min(best) < 0.1 else 256
    return tuple(best)
