"""Cores and memory that this process may use, and the environment variables that override this machine."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CGROUPS = Path("/sys/fs/cgroup")

CAPABILITIES = (
    "BF16",
    "FP16",
    "PACKED",
    "INT8",
    "ATTENTION_PRODUCTS",
    "FUSED_ADAMW",
    "TRITON",
    "COMPILE",
    "ALLOCATOR",
)
"""Names of the overrides ``GPT_TOOLKIT_<NAME>``."""


def override(name: str) -> bool | None:
    """Return the value of a capability's environment variable; None where it is not set."""
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if value not in ("", "0", "1"):
        raise ValueError(f"GPT_TOOLKIT_{name}: {value!r}; expected 0 or 1; unset it to detect the capability")
    return None if not value else value == "1"


def number_override(name: str) -> int | None:
    """Return the value of a number's environment variable; None where it is not set."""
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if not value:
        return None
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        number = 0
    if number < 1:
        raise ValueError(f"GPT_TOOLKIT_{name}: {value!r}; expected a number above 0; unset it to detect it")
    return number


def usable_cores() -> int:
    """Return how many cores this process may use: affinity and a container's quota, not the host's count."""
    value = number_override("CORES")
    if value is not None:
        return value
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _cpu_quota() -> float | None:
    """Return the cores' worth of time that a container may use; None without a limit."""
    found = []
    for folder in _cgroup_folders("cpu"):
        limit = " ".join(read_lines(folder / "cpu.max")).split()  # version 2: "200000 100000" or "max 100000"
        if not limit:
            limit = [
                *read_lines(folder / "cpu.cfs_quota_us"),
                *read_lines(folder / "cpu.cfs_period_us"),
            ]  # version 1
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


def free_memory(device: torch.device) -> int | None:
    """Return the bytes free for training, of a GPU or of this machine or container; None if unknown."""
    import torch

    value = number_override("FREE_MEMORY")
    if value is not None:
        return value
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    known = [
        n for n in (_available_memory(), *map(_left_in_cgroup, _cgroup_folders("memory"))) if n is not None
    ]
    return min(known) if known else None


def _available_memory() -> int | None:
    for line in read_lines(Path("/proc/meminfo")):
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
    limit, used = (" ".join(read_lines(folder / name)) for name in names[:2])
    cached = [line.split()[1] for line in read_lines(folder / "memory.stat") if line.startswith(names[2])]
    if not limit.isdecimal() or not used.isdecimal() or not cached:
        return None
    return int(limit) - int(used) + int(cached[0])


def _cgroup_folders(controller: str) -> list[Path]:
    """Return the folders that may limit this process: its own and those above, of either version."""
    found = []
    for line in read_lines(Path("/proc/self/cgroup")):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        own = root / path.lstrip("/")
        found += [folder for folder in (own, *own.parents) if folder.is_relative_to(root)]
    return found or [_CGROUPS]


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file of the system; none if it cannot be read."""
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


@cache
def keep_freed_memory() -> None:
    """Make the C library keep large freed blocks for the next step; does nothing without glibc.

    By default glibc returns them to the system, which clears each page before it hands it out again: a tenth
    of a step of GPT-2 124M (measured here). The process then keeps its largest size to its end.
    """
    if override("ALLOCATOR") is False:
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
