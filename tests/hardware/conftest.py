"""Devices and types, a machine without overrides, and GPUs that torch pretends to have."""

from collections.abc import Iterator

import pytest
import torch

from gpt_toolkit import hardware
from gpt_toolkit.hardware import precision

CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")
BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


@pytest.fixture(autouse=True)
def nothing_is_overridden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*hardware.CAPABILITIES, "CORES", "FREE_MEMORY"):
        monkeypatch.delenv(f"GPT_TOOLKIT_{name}", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    precision._cuda_is_native.cache_clear()
    precision._cpu_is_native.cache_clear()
    yield
    precision._cuda_is_native.cache_clear()
    precision._cpu_is_native.cache_clear()


def pretend_gpu(monkeypatch: pytest.MonkeyPatch, name: str, *capabilities: tuple[int, int]) -> None:
    """Let torch report GPUs of these compute capabilities."""
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(
        torch.cuda,
        "get_device_capability",
        lambda device=0: capabilities[device if isinstance(device, int) else 0],
    )
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: name)
