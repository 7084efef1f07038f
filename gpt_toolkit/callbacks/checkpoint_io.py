"""Reading and writing of checkpoint files by the Trainer: in place, and verified when read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from gpt_toolkit.checkpoints.torch_pickle import safe_load
from gpt_toolkit.checkpoints.verification import verify_checkpoint


class CheckpointFileIO(TorchCheckpointIO):
    """Writer and reader of checkpoints in one file.

    Lightning's own class writes a second copy in memory, then a third one in the system's temporary folder.
    This one writes the file in its place. A changed byte is an error when the checkpoint is read, and so is
    anything but tensors and plain types.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint. The file is complete only afterwards: use a temporary name."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, path)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint into memory, whatever the arguments.

        Raises:
            FileNotFoundError: If it does not exist.
            ValueError: If it is damaged, or holds other objects than tensors and plain types.
        """
        verify_checkpoint(Path(path))
        content: dict[str, Any] = safe_load(Path(path), in_memory=True)
        return content


def flush(path: Path) -> None:
    """Flush a file, or all files of a folder, to the disk."""
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
