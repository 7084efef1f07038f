"""Writer of the results of ``predict`` as JSON lines."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import IO, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.checkpoints import explain_run_write_errors
from gpt_toolkit.io import atomic_file


class Predictions(Callback):
    """Writer of ``predictions.jsonl`` in the run's folder: the lines that ``predict_step`` returns.

    With several devices each writes ``predictions-<rank>.jsonl``; at the end these are joined in the order
    of the ranks. Nodes that share no disk keep them as they are.
    """

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._stack = contextlib.ExitStack()
        self._path = Path()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open a file under a temporary name."""
        suffix = f"-{trainer.global_rank}" if trainer.world_size > 1 else ""
        self._path = Path(trainer.default_root_dir) / f"predictions{suffix}.jsonl"
        with explain_run_write_errors(self._path):
            partial = self._stack.enter_context(atomic_file(self._path))
            self._file = self._stack.enter_context(partial.open("w", encoding="utf-8"))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch's lines."""
        assert self._file is not None
        with explain_run_write_errors(self._path):
            self._file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in outputs)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name and join those of all devices."""
        with explain_run_write_errors(self._path):
            self._stack.close()
        if trainer.world_size > 1:
            trainer.strategy.barrier()  # until every device has renamed its file
        if trainer.is_global_zero:
            print(f"predictions: {self._join(trainer.world_size)}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the incomplete file."""
        with contextlib.suppress(OSError):  # the disk may be full
            self._stack.__exit__(type(exception), exception, exception.__traceback__)

    def _join(self, world_size: int) -> Path:
        """Return the joined file, if those of all devices are on this disk, else this device's own."""
        whole = self._path.with_name("predictions.jsonl")
        parts = [whole.with_name(f"predictions-{rank}.jsonl") for rank in range(world_size)]
        if world_size == 1 or not all(part.is_file() for part in parts):
            return self._path
        with explain_run_write_errors(whole):
            with atomic_file(whole) as partial, partial.open("wb") as file:
                for part in parts:
                    with part.open("rb") as lines:
                        shutil.copyfileobj(lines, file)
            for part in parts:
                part.unlink()
        return whole
