"""What is freed is not given back to the system."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from gpt_toolkit.tasks.allocator import keep_freed_memory

def pages_of_a_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)  # 64 MB: 16,384 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages_of_a_round()
print(pages_of_a_round())
keep_freed_memory()
pages_of_a_round()
print(pages_of_a_round())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_blocks_are_new_pages_only_once() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < 100 < before
