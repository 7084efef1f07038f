"""Selected types of training and scoring, on simulated machines."""

import platform

import pytest
import torch

from gpt_toolkit import hardware
from gpt_toolkit.hardware import (
    choose_precision,
    fast_dtype,
    is_native,
    precision,
    scoring_dtype,
    usable_cores,
)
from tests.hardware.conftest import BF16, CPU, FP16, FP32, GPU, MPS, pretend_gpu


@pytest.mark.parametrize(
    ("name", "capability", "expected"),
    [
        ("NVIDIA H200", (9, 0), "bf16-mixed"),
        ("NVIDIA A100-SXM4-40GB", (8, 0), "bf16-mixed"),
        ("NVIDIA L4", (8, 9), "bf16-mixed"),
        ("Tesla T4", (7, 5), "16-mixed"),
        ("Tesla V100-SXM2-16GB", (7, 0), "16-mixed"),
        ("Tesla P100-PCIE-16GB", (6, 0), "16-mixed"),
        ("NVIDIA GeForce GTX 1080", (6, 1), "32-true"),  # fp16 at 1/64 of the fp32 speed
        ("Tesla K80", (3, 7), "32-true"),
    ],
)
def test_a_gpu_trains_in_the_type_of_its_matrix_units(
    name: str, capability: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_gpu(monkeypatch, name, capability)
    choice = choose_precision(GPU)
    assert choice.name == expected
    assert name in choice.reason


def test_of_several_gpus_the_oldest_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, "Tesla T4", (9, 0), (7, 5))
    assert choose_precision(GPU).name == "16-mixed"


def test_a_strategy_without_loss_scaling_gets_fp32_instead_of_fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, "Tesla T4", (7, 5))
    choice = choose_precision(GPU, allows_scaling=False)
    assert choice.name == "32-true"
    assert "does not support 16-mixed" in choice.reason


@pytest.mark.parametrize(("native", "expected"), [("1", "bf16-mixed"), ("0", "32-true")])
def test_a_cpu_trains_in_bf16_where_it_has_the_instructions(
    native: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", native)
    assert choose_precision(CPU).name == expected
    assert fast_dtype(CPU) == (BF16 if native == "1" else FP32)


def test_apples_gpu_trains_in_fp32() -> None:
    assert choose_precision(MPS).name == "32-true"
    assert fast_dtype(MPS) == FP32


@pytest.mark.parametrize("isa", ["AVX2", "avx512_core", "SSE41"])
def test_a_limit_of_onednns_instructions_counts(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert is_native(BF16, CPU)
    precision._cpu_is_native.cache_clear()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    assert not is_native(BF16, CPU)


def test_avx512_alone_is_not_taken_for_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    for flag in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, flag, lambda: False)
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")
    assert not is_native(BF16, CPU)
    precision._cpu_is_native.cache_clear()
    monkeypatch.setattr(
        platform, "machine", lambda: "aarch64"
    )  # there oneDNN asks for the instructions itself
    assert is_native(BF16, CPU)


@pytest.mark.parametrize("stored", [BF16, FP16, FP32])
def test_scores_are_computed_in_the_stored_type_unless_it_is_emulated(
    stored: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    for native in ("0", "1"):
        monkeypatch.setenv("GPT_TOOLKIT_BF16", native)
        monkeypatch.setenv("GPT_TOOLKIT_FP16", native)
        assert scoring_dtype(stored, CPU) == (stored if native == "1" else FP32)


def test_a_torch_built_for_cuda_computes_on_the_cpu_where_no_gpu_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._C, "_accelerator_getAccelerator", lambda: GPU)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert torch.accelerator.current_accelerator() == GPU
    assert hardware.device_named("auto") == CPU


@pytest.mark.parametrize("value", ["yes", "2", "-1"])
def test_an_override_that_cannot_be_read_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", value)
    with pytest.raises(ValueError, match=rf"^GPT_TOOLKIT_BF16: '{value}'; expected 0 or 1"):
        is_native(BF16, CPU)
    monkeypatch.setenv("GPT_TOOLKIT_CORES", "none")
    with pytest.raises(ValueError, match=r"^GPT_TOOLKIT_CORES: 'none'; expected a number above 0"):
        usable_cores()


@pytest.mark.parametrize("name", ["float8", "bf16", ""])
def test_an_unknown_dtype_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^dtype: '{name}'; expected auto, float32, bfloat16, float16 or int8$"
    ):
        hardware.dtype_named(name, CPU)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("32-true", FP32),
        ("bf16-mixed", BF16),
        ("bf16-true", BF16),
        ("16-mixed", FP16),
        ("64-true", torch.float64),
    ],
)
def test_products_are_computed_in_what_the_precision_says(name: str, dtype: torch.dtype) -> None:
    assert hardware.compute_dtype(name) == dtype


def test_an_emulated_type_is_reported_with_its_measured_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    speeds = {BF16: (2e9, 1e9, 2e9), FP32: (1e11, 1e11, 1e11)}
    monkeypatch.setattr(precision, "layout_flops", lambda device, dtype, n: speeds[dtype])
    assert hardware.emulation_warning(FP32, CPU, "--dtype") is None
    assert hardware.emulation_warning(BF16, CPU, "--dtype") == (
        "--dtype: bfloat16 is emulated on this CPU; matrix products take 67 times as long as in float32"
    )  # 2 ns per operation against 0.03 ns, added over three layouts
