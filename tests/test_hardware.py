"""Detection of the machine: overrides, faked GPUs and containers, and measurements."""

import math
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gpt_toolkit import hardware
from gpt_toolkit.hardware import choose_precision, fast_dtype, is_native, scoring_dtype, usable_cores

CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")
BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


@pytest.fixture(autouse=True)
def nothing_is_overridden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*hardware.CAPABILITIES, "CORES", "FREE_MEMORY"):
        monkeypatch.delenv(f"GPT_TOOLKIT_{name}", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    hardware._cuda_is_native.cache_clear()
    hardware._cpu_is_native.cache_clear()
    yield
    hardware._cuda_is_native.cache_clear()
    hardware._cpu_is_native.cache_clear()


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


# ---------------------------------------------------------------------- precision


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
    hardware._cpu_is_native.cache_clear()
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
    hardware._cpu_is_native.cache_clear()
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
    with pytest.raises(ValueError, match=rf"^dtype: '{name}'; expected auto, float32, bfloat16 or float16$"):
        hardware.dtype_named(name, CPU)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("32-true", FP32),
        ("bf16-mixed", BF16),
        ("bf16-true", BF16),
        ("16-mixed", FP16),
        ("64-true", torch.float64),
    ],
)
def test_products_are_computed_in_what_the_precision_says(precision: str, dtype: torch.dtype) -> None:
    assert hardware.compute_dtype(precision) == dtype


# ---------------------------------------------------------------------- kernels


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


SCRIPT = """
import resource
import torch
from gpt_toolkit.hardware import keep_freed_memory

def pages_of_a_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)  # 64 MB: 16,384 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def pages_of_ten_rounds():
    return sum(pages_of_a_round() for _ in range(10))

print(pages_of_ten_rounds())
keep_freed_memory()
for _ in range(2):  # small blocks may land in the first freed ones, which depends on addresses
    pages_of_ten_rounds()
print(pages_of_ten_rounds())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_blocks_are_not_new_pages_each_time() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 9 * 16_384
    assert after < 16_384


# ---------------------------------------------------------------------- cores and memory


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def pretend_container(
    root: Path, membership: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the process be in the control groups that these files describe, on a host of 64 cores."""
    write_tree(root, files)
    monkeypatch.setattr(hardware, "_CGROUPS", root)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    read = hardware._lines

    def lines(path: Path) -> list[str]:
        if path == Path("/proc/self/cgroup"):
            return membership.splitlines()
        if path == Path("/proc/meminfo"):
            return ["MemTotal: 64000000 kB", "MemAvailable: 60000000 kB"]
        return read(path)

    monkeypatch.setattr(hardware, "_lines", lines)


VERSION_2 = {
    "cpu.max": "200000 100000\n",
    "memory.max": "1000000000\n",
    "memory.current": "600000000\n",
    "memory.stat": "anon 1\nfile 100000000\n",
}
VERSION_1 = {
    "cpu.cfs_quota_us": "200000\n",
    "cpu.cfs_period_us": "100000\n",
    "memory.limit_in_bytes": "1000000000\n",
    "memory.usage_in_bytes": "600000000\n",
    "memory.stat": "cache 100000000\nrss 1\n",
}
CONTAINERS = [
    ("0::/\n", VERSION_2),
    (
        "0::/user/run\n",
        {f"user/{name}": text for name, text in VERSION_2.items()},
    ),  # the parent group's limit
    (
        "5:cpu:/docker/1\n4:memory:/docker/1\n",
        {f"{'cpu' if 'cpu' in name else 'memory'}/docker/1/{name}": text for name, text in VERSION_1.items()},
    ),
]


@pytest.mark.parametrize(("membership", "files"), CONTAINERS, ids=["version 2", "above", "version 1"])
def test_a_containers_quota_counts_and_not_the_hosts_cores(
    membership: str, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_container(tmp_path, membership, files, monkeypatch)
    assert usable_cores() == 2
    assert hardware.free_memory(CPU) == 1_000_000_000 - 600_000_000 + 100_000_000


def test_without_a_limit_affinity_and_the_machines_memory_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"cpu.max": "max 100000", "memory.max": "max", "memory.current": "5", "memory.stat": "file 1"}
    pretend_container(tmp_path, "0::/\n", files, monkeypatch)
    assert usable_cores() == 64
    assert hardware.free_memory(CPU) == 60_000_000 * 1024


@pytest.mark.parametrize("quota", ["50000 100000", "1000 100000"])
def test_a_fraction_of_a_core_is_one_core(
    quota: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_container(tmp_path, "0::/\n", {"cpu.max": quota}, monkeypatch)
    assert usable_cores() == 1


def test_threads_are_limited_to_the_usable_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_CORES", "1")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
        hardware.limit_threads()
        assert torch.get_num_threads() == 4  # the user's own number wins
        monkeypatch.delenv("OMP_NUM_THREADS")
        hardware.limit_threads()
        assert torch.get_num_threads() == 1
        assert "OMP_NUM_THREADS" not in __import__("os").environ
    finally:
        torch.set_num_threads(before)


def test_free_memory_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_FREE_MEMORY", "8e9")
    assert hardware.free_memory(CPU) == 8_000_000_000


# ---------------------------------------------------------------------- speed


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
    hardware._layout_flops.cache_clear()
    peak = hardware.peak_flops(CPU, FP32)
    assert 1e8 < peak < 1e14
    assert hardware.peak_flops(CPU, FP32) == peak
    assert hardware.peak_flops(CPU, torch.float64) < peak


def test_an_emulated_type_is_reported_with_its_measured_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    speeds = {BF16: (2e9, 1e9, 2e9), FP32: (1e11, 1e11, 1e11)}
    monkeypatch.setattr(hardware, "_layout_flops", lambda device, dtype, n: speeds[dtype])
    assert hardware.emulation_warning(FP32, CPU, "--dtype") is None
    assert hardware.emulation_warning(BF16, CPU, "--dtype") == (
        "--dtype: bfloat16 is emulated on this CPU; matrix products take 67 times as long as in float32"
    )  # 2 ns per operation against 0.03 ns, added over three layouts
