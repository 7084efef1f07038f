"""Memory of the CPU: what a step freed is kept for the next one."""

from __future__ import annotations

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h


@cache
def keep_freed_memory() -> None:
    """Let the C library keep large blocks that are freed, where it is glibc; elsewhere nothing is done.

    It would give them back to the system, which clears every page before it hands it out again: a tenth of
    the time of a step of GPT-2 124M (ours, measured). The process then holds its largest need to its end.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; another system
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, -1)
