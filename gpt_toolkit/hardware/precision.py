"""The precision to train in, and warnings about emulated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpt_toolkit.hardware.matmul_speed import slowdown
from gpt_toolkit.hardware.numeric_types import compute_dtype, device_name, device_named, fast_dtype, is_native

if TYPE_CHECKING:
    import torch


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
