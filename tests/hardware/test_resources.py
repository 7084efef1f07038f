"""Cores and memory of containers, and freed memory that the process keeps."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gpt_toolkit import hardware
from gpt_toolkit.hardware import resources, usable_cores
from tests.hardware.conftest import CPU

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
    monkeypatch.setattr(resources, "_CGROUPS", root)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    read = resources.read_lines

    def lines(path: Path) -> list[str]:
        if path == Path("/proc/self/cgroup"):
            return membership.splitlines()
        if path == Path("/proc/meminfo"):
            return ["MemTotal: 64000000 kB", "MemAvailable: 60000000 kB"]
        return read(path)

    monkeypatch.setattr(resources, "read_lines", lines)


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
