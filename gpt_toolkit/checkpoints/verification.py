"""Verification of training checkpoints before any program reads them."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

from gpt_toolkit.checkpoints.torch_pickle import verify_archive


def verify_checkpoint(path: Path) -> None:
    """Raise if a training checkpoint, a file or a folder of shards, is damaged or holds code.

    Checksums of unchanged files are compared once in a process.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If it is damaged, or a folder holds anything but tensors and plain types.
    """
    if path.is_dir():
        from gpt_toolkit.checkpoints import sharded_checkpoint  # imports torch.distributed

        sharded_checkpoint.verify_sharded(path)
    else:
        verify_archive(path)


def verify_reads(strategy: Any) -> None:
    """Let a strategy of Lightning read a checkpoint only after its verification.

    Strategies that divide a model unpickle the metadata of shards, which runs the code in them.
    """
    load = strategy.load_checkpoint

    @wraps(load)
    def verified_load(checkpoint_path: Any, *args: Any, **kwargs: Any) -> Any:
        if Path(checkpoint_path).exists():  # not an address of the network
            verify_checkpoint(Path(checkpoint_path))
        return load(checkpoint_path, *args, **kwargs)

    strategy.load_checkpoint = verified_load
