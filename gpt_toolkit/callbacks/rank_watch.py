"""Watch over the processes of a run on one machine: if one dies, the others end, and a line names it.

Lightning starts the other ranks as children of rank 0. torchrun and SLURM watch over their processes
themselves.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from lightning.pytorch.strategies.launchers import subprocess_script

from gpt_toolkit.callbacks.console import say

_GRACE = 5.0
"""Seconds that a process has to end after another's error; tuned here: for loaded machines."""

_GRACE_AFTER_SIGNAL = 2.0  # the same after a signal, which leaves no message, and after rank 0
_POLL = 0.2  # seconds; a process is not told when its parent ends

_ending = threading.Event()
_children: list[subprocess.Popen[bytes]] = []


def is_child_of_rank_0() -> bool:
    """Return whether Lightning has started this process, as another rank than 0."""
    return "LOCAL_RANK" in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ and _rank() > 0


def _rank() -> int:
    return int(os.environ["LOCAL_RANK"])


@contextlib.contextmanager
def watched_ranks() -> Iterator[None]:
    """Watch over the ranks that a Trainer starts in the block; in such a rank, watch over rank 0.

    A process that is killed ends the others within 3 seconds, with exit code 1.
    """
    _ending.clear()
    # Lightning's own observer looks every 5 seconds and kills all, this process included, without a message.
    subprocess_script._launch_process_observer = _watch_children  # type: ignore[attr-defined]
    parent = os.getppid()
    if is_child_of_rank_0():
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError) and "LOCAL_RANK" in os.environ:
            # Communication with a dead rank fails; the watch names the rank and ends this process.
            time.sleep(_GRACE + 1)
        _ending.set()
        for child in _children:
            child.kill()
        if isinstance(error, Exception) and is_child_of_rank_0():
            _has_ended(parent, _GRACE)  # rank 0 prints the same error, and ends this process
        raise
    finally:
        _ending.set()


def _has_ended(parent: int, seconds: float) -> bool:
    """Return whether the parent of this process ends within some seconds."""
    end = time.monotonic() + seconds
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(_POLL)
    return os.getppid() != parent


def _watch_children(child_processes: Sequence[subprocess.Popen[bytes]]) -> None:
    _children[:] = child_processes
    for rank, process in enumerate(child_processes, start=1):
        threading.Thread(target=_watch_child, args=(rank, process), daemon=True).start()


def _watch_child(rank: int, process: subprocess.Popen[bytes]) -> None:
    code = process.wait()
    if code == 0 or _ending.wait(_GRACE if code > 0 else _GRACE_AFTER_SIGNAL):
        return  # this process ends, too, with a message of its own
    reason = f"exit code {code}" if code > 0 else signal.Signals(-code).name
    _end(f"rank {rank} (process {process.pid}) ended with {reason}")


def _watch_parent(parent: int) -> None:
    if _has_ended(parent, math.inf) and not _ending.wait(_GRACE_AFTER_SIGNAL):
        _end(f"rank 0 (process {parent}) ended" if _rank() == 1 else "")


def _end(message: str) -> None:
    """End the children and this process, whatever it waits for."""
    for child in _children:
        child.kill()
    if message:
        advice = "run the same command again, fit with --ckpt_path last"
        say(f"gpt-toolkit: {message}; the other ranks end, too; {advice}")
    sys.stdout.flush()
    os._exit(1)
