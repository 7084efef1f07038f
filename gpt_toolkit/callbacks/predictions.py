"""What ``predict`` writes: the loss of every token, as JSON lines."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import IO, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.batch import IGNORE_INDEX
from gpt_toolkit.callbacks.disk import writing


class Predictions(Callback):
    """Writes ``predictions.jsonl`` in the run's folder, a line per window of text.

    Each line holds ``tokens`` (the text of each), ``ids`` and ``nll``, in nats. With several devices there is
    a file for each, ``predictions-<rank>.jsonl``.
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
        """Add a line per window."""
        assert self._file is not None
        vocabulary = trainer.datamodule.vocabulary  # type: ignore[attr-defined]
        for labels, losses in zip(outputs["labels"].tolist(), outputs["nll"].tolist(), strict=True):
            counted = [(i, loss) for i, loss in zip(labels, losses, strict=True) if i != IGNORE_INDEX]
            if counted:
                line = {
                    "tokens": [vocabulary.decode([i]) for i, _ in counted],
                    "ids": [i for i, _ in counted],
                    "nll": [round(loss, 5) for _, loss in counted],
                }
                with writing(self._path):
                    self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the file its name."""
        assert self._file is not None
        with writing(self._path):
            self._file.close()
            self._partial.replace(self._path)
        if trainer.is_global_zero:
            print(f"token losses: {self._path}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no half of a file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take
                self._file.close()
            self._partial.unlink(missing_ok=True)

    @property
    def _partial(self) -> Path:
        return self._path.with_suffix(".partial")
