"""Speed of matrix products, from data sheets and measured."""

import math

import pytest
import torch

from gpt_toolkit import hardware
from gpt_toolkit.hardware import matmul_speed
from tests.hardware.conftest import BF16, CPU, FP16, FP32, MPS


@pytest.mark.parametrize(
    ("name", "dtype", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", BF16, 989.4e12),
        ("NVIDIA H100 PCIe", BF16, 756e12),
        ("NVIDIA H200", FP32, 494.7e12),
        ("NVIDIA A100-SXM4-40GB", BF16, 312e12),
        ("NVIDIA A10", BF16, 125e12),
        ("NVIDIA GeForce RTX 4090", BF16, 165.2e12),
        ("NVIDIA L4", BF16, 121e12),
        ("NVIDIA L40S", BF16, 362e12),
        ("Tesla V100-SXM2-16GB", FP32, 15.7e12),
        ("Tesla T4", FP16, 65e12),
        ("Tesla T4", FP32, 8.1e12),
    ],
)
def test_a_gpus_peak_is_that_of_its_data_sheet(name: str, dtype: torch.dtype, peak: float) -> None:
    assert hardware.gpu_flops(name, dtype) == peak


def test_a_peak_that_is_not_known_is_not_a_number() -> None:
    assert math.isnan(hardware.gpu_flops("Some GPU", BF16))
    assert math.isnan(hardware.gpu_flops("Tesla T4", BF16))  # emulated
    assert math.isnan(hardware.peak_flops(MPS, FP32))


def test_a_cpus_peak_is_measured_once_in_the_type_in_use() -> None:
    matmul_speed.layout_flops.cache_clear()
    peak = hardware.peak_flops(CPU, FP32)
    assert 1e8 < peak < 1e14
    assert hardware.peak_flops(CPU, FP32) == peak
    assert hardware.peak_flops(CPU, torch.float64) < peak
