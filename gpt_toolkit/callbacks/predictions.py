"""What ``predict`` writes, as JSON lines."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import IO, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.write_errors import writing


class Predictions(Callback):
    """Writes ``predictions.jsonl`` in the run's folder: the lines that the task's ``predict_step`` returns.

    With several devices each writes ``predictions-<rank>.jsonl``; at the end these become one, one after
    another. Nodes that share no disk keep them as they are.
    """

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._path = Path()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the file under another name."""
        suffix = f"-{trainer.global_rank}" if trainer.world_size > 1 else ""
        self._path = Path(trainer.default_root_dir) / f"predictions{suffix}.jsonl"
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._partial.open("w", encoding="utf-8")

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the batch's lines."""
        assert self._file is not None
        with writing(self._path):
            self._file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in outputs)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name."""
        assert self._file is not None
        with writing(self._path):
            self._file.close()
            self._partial.replace(self._path)
        if trainer.world_size > 1:
            trainer.strategy.barrier()  # until every device has given its file its name
        if trainer.is_global_zero:
            print(f"predictions: {self._joined(trainer.world_size)}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half of a file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take
                self._file.close()
            self._partial.unlink(missing_ok=True)

    def _joined(self, world_size: int) -> Path:
        """The one file of all devices, where all of theirs are here; else this device's own."""
        whole = self._path.with_name("predictions.jsonl")
        parts = [whole.with_name(f"predictions-{rank}.jsonl") for rank in range(world_size)]
        if world_size == 1 or not all(part.is_file() for part in parts):
            return self._path
        with writing(whole):
            with self._partial.open("wb") as file:
                for part in parts:
                    with part.open("rb") as lines:
                        shutil.copyfileobj(lines, file)
            self._partial.replace(whole)
            for part in parts:
                part.unlink()
        return whole

    @property
    def _partial(self) -> Path:
        return self._path.with_suffix(".partial")
