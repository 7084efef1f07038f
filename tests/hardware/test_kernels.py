"""Kernels that can be disabled, and machines without them."""

import pytest
import torch

from gpt_toolkit import hardware
from tests.hardware.conftest import CPU, GPU, pretend_gpu


def test_each_kernel_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PACKED", "FUSED_ADAMW", "TRITON", "COMPILE"):
        monkeypatch.setenv(f"GPT_TOOLKIT_{name}", "0")
    assert not hardware.can_pack(torch.zeros(512, 512))
    assert not hardware.supports_fused_adamw(CPU)
    assert not hardware.has_triton(GPU)
    assert hardware.compile_obstacle(GPU) == "GPT_TOOLKIT_COMPILE is 0"


def test_a_cpu_and_an_old_gpu_do_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cpu" in str(hardware.compile_obstacle(CPU))
    pretend_gpu(monkeypatch, "Tesla P100-PCIE-16GB", (6, 0))
    assert "below 7.0" in str(hardware.compile_obstacle(GPU))
