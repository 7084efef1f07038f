"""Numeric types that a device multiplies fast, and the precision to train in."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gpt_toolkit.hardware.matmul_speed import layout_flops
from gpt_toolkit.hardware.resources import override, read_lines

if TYPE_CHECKING:
    import torch

_ISA_WITHOUT_BF16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}
"""Values of ``ONEDNN_MAX_CPU_ISA`` that keep oneDNN from bf16 instructions."""

DTYPES = ("auto", "float32", "bfloat16", "float16", "int8")
"""Values of ``dtype`` options; ``auto`` is :func:`fast_dtype`, for text that is generated.

``int8`` quantizes matrices and computes the rest in fp32, see :mod:`gpt_toolkit.backbone.int8_linear`.
"""


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
        raise ValueError(f"device: {name!r}; expected auto, cpu or cuda ({reason})") from None


def device_name(device: torch.device) -> str:
    """Return a device's name for messages: ``this CPU``, ``MPS`` or the GPU's own."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "this CPU" if device.type == "cpu" else device.type.upper()


def processor_name() -> str:
    """Return the processor's model and its vector instructions, for records of measurements."""
    fields: dict[str, str] = {}
    for line in read_lines(Path("/proc/cpuinfo")):
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


def is_native(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether the device multiplies matrices of this type by instructions of its own.

    Where it does not, the type is emulated: results are the same, but a product takes up to 150 times as
    long as in fp32 (bf16 on an AVX2 CPU, torch 2.13).
    """
    import torch

    if dtype not in (torch.bfloat16, torch.float16):
        return True
    name = "BF16" if dtype == torch.bfloat16 else "FP16"
    value = override(name)
    if value is not None:
        return value
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


def dtype_named(name: str, device: torch.device) -> torch.dtype:
    """Return the type that a ``dtype`` option selects on a device.

    Raises:
        ValueError: If the name is not one of :data:`DTYPES`.
    """
    import torch

    if name not in DTYPES:
        raise ValueError(f"dtype: {name!r}; expected {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")
    return fast_dtype(device) if name == "auto" else getattr(torch, name)


def compute_dtype(precision: str) -> torch.dtype:
    """Return the type of the matrix products under a value of ``trainer.precision``."""
    import torch

    if precision.startswith("bf16"):
        return torch.bfloat16
    if precision.startswith("16"):
        return torch.float16
    return torch.float64 if precision.startswith("64") else torch.float32


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


def slowdown(dtype: torch.dtype, device: torch.device) -> float:
    """Measure how many times as long matrix products take in this type as in the fastest one.

    A training step multiplies in three layouts, whose times are added up. Measured with one thread: next to
    another program, several threads wait for each other.
    """
    slow, fast = (layout_flops(device, each, 1) for each in (dtype, fast_dtype(device)))
    return sum(1 / flops for flops in slow) / sum(1 / flops for flops in fast)


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


def precision_warning(name: str, device: torch.device) -> str | None:
    """Describe the measured cost of an emulated precision and name the faster one; None for a native one."""
    cost = emulation_warning(compute_dtype(name), device, f"--trainer.precision {name}")
    return cost and f"{cost}; use --trainer.precision {choose_precision(device).name}"
