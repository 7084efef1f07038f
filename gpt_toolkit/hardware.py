"""Capabilities of this machine: fast numeric types, kernels, cores and memory.

No other module asks the machine. An environment variable overrides each answer, so that every machine can
run every path: ``GPT_TOOLKIT_<CAPABILITY>=0`` or ``1`` for the names in :data:`CAPABILITIES`,
``GPT_TOOLKIT_CORES=2`` and ``GPT_TOOLKIT_FREE_MEMORY=8e9`` (bytes).

torch is imported where it is needed: the tokenizers use the number of cores and do without torch.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import shutil
import sys
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

CAPABILITIES = (
    "BF16",
    "FP16",
    "PACKED",
    "ATTENTION_PRODUCTS",
    "FUSED_ADAMW",
    "TRITON",
    "COMPILE",
    "ALLOCATOR",
)
"""Names of the overrides ``GPT_TOOLKIT_<NAME>``."""

OLDEST_FOR_COMPILE = (7, 0)
"""Lowest compute capability that Triton supports."""

_ISA_WITHOUT_BF16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}
"""Values of ``ONEDNN_MAX_CPU_ISA`` that keep oneDNN from bf16 instructions."""

_CGROUPS = Path("/sys/fs/cgroup")


class OverrideError(ValueError):
    """An override that cannot be read."""


def _override(name: str) -> bool | None:
    """Return the value of a capability's environment variable; None where it is not set."""
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if value not in ("", "0", "1"):
        raise OverrideError(
            f"GPT_TOOLKIT_{name}: {value!r}; expected 0 or 1; unset it to detect the capability"
        )
    return None if not value else value == "1"


def _number_override(name: str) -> int | None:
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if not value:
        return None
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        number = 0
    if number < 1:
        raise OverrideError(
            f"GPT_TOOLKIT_{name}: {value!r}; expected a number above 0; unset it to detect it"
        )
    return number


# ---------------------------------------------------------------------- numeric types


def default_device() -> torch.device:
    """Return the accelerator, if one is present, else the CPU."""
    import torch

    # Without the check, torch's CUDA build names a GPU on machines that have none.
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def device_named(name: torch.device | str) -> torch.device:
    """Return the device that a ``device`` option selects; ``auto`` is :func:`default_device`.

    Raises:
        ValueError: If torch does not know the name.
    """
    import torch

    if name == "auto":
        return default_device()
    try:
        return torch.device(name)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device {name!r} is not known; expected auto, cpu or cuda ({reason})") from None


def is_native(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether the device multiplies matrices of this type by instructions of its own.

    Where it does not, the type is emulated: results are the same, but a product takes up to 150 times as
    long as in fp32 (bf16 on an AVX2 CPU, torch 2.13).
    """
    import torch

    if dtype not in (torch.bfloat16, torch.float16):
        return True
    name = "BF16" if dtype == torch.bfloat16 else "FP16"
    override = _override(name)
    if override is not None:
        return override
    if device.type == "cpu":
        return _cpu_is_native(name)
    if device.type == "cuda":
        return _cuda_is_native(name)
    return False


@cache
def _cpu_is_native(name: str) -> bool:
    import torch

    ops: Any = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in _ISA_WITHOUT_BF16:
        return False
    supported = getattr(ops, f"_is_mkldnn_{name.lower()}_supported", None)
    if supported is None or not supported():
        return False
    if name == "FP16" or platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    # On x86 oneDNN takes bf16 on every CPU with AVX-512 and emulates it on those without its instructions.
    flags = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, flag, bool)() for flag in flags)


@cache
def _cuda_is_native(name: str) -> bool:
    import torch

    if torch.version.hip is not None:
        return True
    lowest = min(torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count()))
    if name == "BF16":
        return lowest >= (8, 0)
    return lowest >= (7, 0) or lowest in ((5, 3), (6, 0), (6, 2))  # the others compute fp16 at 1/64 speed


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return the type whose matrix products are fastest: bf16, else fp16 (GPUs only), else fp32."""
    import torch

    if device.type in ("cpu", "cuda") and is_native(torch.bfloat16, device):
        return torch.bfloat16
    if device.type == "cuda" and is_native(torch.float16, device):
        return torch.float16
    return torch.float32


def scoring_dtype(stored: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the type to score in: the stored one where it is native, else fp32, which holds its values.

    A score then depends on the model and not on the machine.
    """
    import torch

    return stored if is_native(stored, device) else torch.float32


DTYPES = ("auto", "float32", "bfloat16", "float16")
"""Values of ``dtype`` options; ``auto`` is :func:`fast_dtype`, for text that is generated."""


def dtype_named(name: str, device: torch.device) -> torch.dtype:
    """Return the type that a ``dtype`` option selects on a device.

    Raises:
        ValueError: If the name is not one of :data:`DTYPES`.
    """
    import torch

    if name not in DTYPES:
        raise ValueError(f"dtype: {name!r}; expected {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")
    return fast_dtype(device) if name == "auto" else getattr(torch, name)


def emulation_warning(dtype: torch.dtype, device: torch.device, option: str) -> str | None:
    """Describe the measured cost of a type that the device emulates; None for a native one.

    Args:
        dtype: Type asked for.
        device: Device that computes.
        option: Name of the option that selected it, for the message.
    """
    if is_native(dtype, device):
        return None
    name, fast = (str(d).removeprefix("torch.") for d in (dtype, fast_dtype(device)))
    return (
        f"{option}: {name} is emulated on {device_name(device)}; "
        f"matrix products take {slowdown(dtype, device):.0f} times as long as in {fast}"
    )


class Precision(NamedTuple):
    """A value of ``trainer.precision`` and why this machine gets it."""

    name: str
    reason: str


def choose_precision(device: torch.device | str = "auto", *, allows_scaling: bool = True) -> Precision:
    """Choose the precision to train in.

    Args:
        device: Device that trains; ``auto`` is the accelerator, if one is present, else the CPU.
        allows_scaling: Whether the strategy can scale the loss, which fp16 needs.
    """
    import torch

    device = device_named(device)
    name, dtype = device_name(device), fast_dtype(device)
    if dtype == torch.bfloat16:
        return Precision("bf16-mixed", f"{name} has bf16 instructions")
    if dtype == torch.float16 and allows_scaling:
        return Precision("16-mixed", f"{name} has fp16 instructions and none for bf16")
    if dtype == torch.float16:
        return Precision(
            "32-true", f"{name} has no bf16 instructions, and this strategy does not support 16-mixed"
        )
    if device.type == "mps":
        return Precision("32-true", "fastest supported precision on MPS")
    return Precision("32-true", f"{name} has no bf16 instructions")


def precision_warning(name: str, device: torch.device) -> str | None:
    """Describe the measured cost of an emulated precision and name the faster one; None for a native one."""
    cost = emulation_warning(compute_dtype(name), device, f"--trainer.precision {name}")
    return cost and f"{cost}; use --trainer.precision {choose_precision(device).name}"


def compute_dtype(precision: str) -> torch.dtype:
    """Return the type of the matrix products under a value of ``trainer.precision``."""
    import torch

    if precision.startswith("bf16"):
        return torch.bfloat16
    if precision.startswith("16"):
        return torch.float16
    return torch.float64 if precision.startswith("64") else torch.float32


def device_name(device: torch.device) -> str:
    """Return a device's name for messages: ``this CPU``, ``MPS`` or the GPU's own."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "this CPU" if device.type == "cpu" else device.type.upper()


def processor_name() -> str:
    """Return the processor's model and its vector instructions, for records of measurements."""
    fields: dict[str, str] = {}
    for line in _lines(Path("/proc/cpuinfo")):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    known = {
        "amx_bf16": "AMX",
        "avx512_bf16": "AVX-512 bf16",
        "avx512f": "AVX-512",
        "avx2": "AVX2",
        "bf16": "bf16",
    }
    best = next((shown for flag, shown in known.items() if flag in flags), "")
    return ", ".join(
        filter(None, (fields.get("model name") or platform.processor() or platform.machine(), best))
    )


# ---------------------------------------------------------------------- kernels


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
    return _override("PACKED") is not False


def fast_packed_rows() -> int:
    """Return how many rows a packed product should have at least: fewer are filled up.

    With AVX-512 oneDNN's kernel for one or two rows takes 1.1 to 1.5 times as long as that for four (all of
    GPT-2 124M: bf16 9.0, 10.7 and 7.8 ms; fp32 16.8, 20.4 and 13.3 ms). With AVX2 one row is the fastest:
    0.48 ms against 0.61 ms for a matrix of 2304 x 768 (measured here, torch 2.13).
    """
    import torch

    return 4 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 1


def prefers_attention_products(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether attention by matrix products trains faster than torch's fused kernel.

    It does in native bf16 on a CPU. In fp32 the two are equal within 10% (AVX2, torch 2.13, measured here).
    """
    import torch

    if device.type != "cpu":
        return False
    override = _override("ATTENTION_PRODUCTS")
    return dtype == torch.bfloat16 and is_native(dtype, device) if override is None else override


def supports_fused_adamw(device: torch.device) -> bool:
    """Return whether torch has AdamW as one kernel on this device."""
    from torch.utils._foreach_utils import _get_fused_kernels_supported_devices

    override = _override("FUSED_ADAMW")
    return device.type in _get_fused_kernels_supported_devices() if override is None else override


def has_triton(device: torch.device) -> bool:
    """Return whether Triton kernels run on this device: a GPU, Triton and a C compiler."""
    override = _override("TRITON")
    if override is not None:
        return override
    return device.type == "cuda" and find_spec("triton") is not None and _has_c_compiler()


def compile_obstacle(device: torch.device) -> str | None:
    """Return why ``torch.compile`` is of no use on this device; None if it is."""
    import torch

    override = _override("COMPILE")
    if override is not None:
        return None if override else "GPT_TOOLKIT_COMPILE is 0"
    if device.type != "cuda":
        return f"it gains nothing on this device ({device.type})"
    if torch.cuda.get_device_capability(device) < OLDEST_FOR_COMPILE:
        return f"the GPU's compute capability is below {'.'.join(map(str, OLDEST_FOR_COMPILE))}"
    if find_spec("triton") is None:
        return "Triton is not installed"
    if not _has_c_compiler():
        return "no C compiler found (cc, gcc or clang)"
    return None


def _has_c_compiler() -> bool:
    return any(map(shutil.which, ("cc", "gcc", "clang")))


@cache
def keep_freed_memory() -> None:
    """Make the C library keep large freed blocks for the next step; does nothing without glibc.

    By default glibc returns them to the system, which clears each page before it hands it out again: a tenth
    of a step of GPT-2 124M (measured here). The process then keeps its largest size to its end.
    """
    if _override("ALLOCATOR") is False:
        return
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, -1)


def return_freed_memory() -> None:
    """Return freed blocks to the system now; does nothing without glibc."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


# ---------------------------------------------------------------------- cores


def usable_cores() -> int:
    """Return how many cores this process may use: affinity and a container's quota, not the host's count."""
    override = _number_override("CORES")
    if override is not None:
        return override
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _cpu_quota() -> float | None:
    """Return the cores' worth of time that a container may use; None without a limit."""
    found = []
    for folder in _cgroup_folders("cpu"):
        limit = " ".join(_lines(folder / "cpu.max")).split()  # version 2: "200000 100000" or "max 100000"
        if not limit:
            limit = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]  # version 1
        if len(limit) == 2 and limit[0].isdecimal() and int(limit[1]):
            found.append(int(limit[0]) / int(limit[1]))
    return min(found) if found else None


def limit_threads(n_processes: int = 1) -> None:
    """Lower torch's threads to the usable cores, divided among processes; ``OMP_NUM_THREADS`` wins.

    torch counts a container's host, and threads beyond the quota make a step many times slower.
    """
    import torch

    if "OMP_NUM_THREADS" in os.environ:
        return
    n = max(1, usable_cores() // n_processes)
    if n < torch.get_num_threads():
        torch.set_num_threads(n)
        if n_processes > 1:  # the other processes inherit it
            os.environ["OMP_NUM_THREADS"] = str(n)


# ---------------------------------------------------------------------- memory


def free_memory(device: torch.device) -> int | None:
    """Return the bytes free for training, of a GPU or of this machine or container; None if unknown."""
    import torch

    override = _number_override("FREE_MEMORY")
    if override is not None:
        return override
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    known = [
        n for n in (_available_memory(), *map(_left_in_cgroup, _cgroup_folders("memory"))) if n is not None
    ]
    return min(known) if known else None


def _available_memory() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_in_cgroup(folder: Path) -> int | None:
    """Return the unused bytes of a container's limit; page cache counts as unused."""
    names = ("memory.max", "memory.current", "file ")  # version 2
    if not (folder / names[0]).exists():
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "cache ")  # version 1
    limit, used = (" ".join(_lines(folder / name)) for name in names[:2])
    cached = [line.split()[1] for line in _lines(folder / "memory.stat") if line.startswith(names[2])]
    if not limit.isdecimal() or not used.isdecimal() or not cached:
        return None
    return int(limit) - int(used) + int(cached[0])


def _cgroup_folders(controller: str) -> list[Path]:
    """Return the folders that may limit this process: its own and those above, of either version."""
    found = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        own = root / path.lstrip("/")
        found += [folder for folder in (own, *own.parents) if folder.is_relative_to(root)]
    return found or [_CGROUPS]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def peak_process_memory() -> int | None:
    """Return the largest resident size of this process so far, in bytes; None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# ---------------------------------------------------------------------- speed of matrix products

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
        return measured_flops(device, dtype)
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


def measured_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the operations per second of matrix products in their fastest layout, once per process."""
    import torch

    return max(_layout_flops(device, dtype, torch.get_num_threads()))


def slowdown(dtype: torch.dtype, device: torch.device) -> float:
    """Measure how many times as long matrix products take in this type as in the fastest one.

    A training step multiplies in three layouts, whose times are added up. Measured with one thread: next to
    another program, several threads wait for each other.
    """
    slow, fast = (_layout_flops(device, each, 1) for each in (dtype, fast_dtype(device)))
    return sum(1 / flops for flops in slow) / sum(1 / flops for flops in fast)


@cache
def _layout_flops(device: torch.device, dtype: torch.dtype, n_threads: int) -> tuple[float, ...]:
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
