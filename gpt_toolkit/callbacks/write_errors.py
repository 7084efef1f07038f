"""Writing the files of a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into one message that names the file and the way out.

    RuntimeError is what torch raises when a disk is full.

    Raises:
        OSError: Naming the file, the reason and what is free there.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
        there = next(folder for folder in path.absolute().parents if folder.exists())
        free = shutil.disk_usage(there).free / 1e6
        raise OSError(
            f"could not write {path} ({reason}; {free:,.0f} MB are free there): make room, then go on from "
            "the last whole checkpoint with --ckpt_path last"
        ) from error
