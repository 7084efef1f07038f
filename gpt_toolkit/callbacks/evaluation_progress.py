"""Progress of an evaluation."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.progress import ProgressBar


class EvaluationProgress(Callback):
    """Report how many requests are answered, and the benchmark of the last ones.

    Args:
        total: Number of requests on all devices.
    """

    def __init__(self, total: int) -> None:
        self.total, self._done = total, 0
        self._bar: ProgressBar | None = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the bar."""
        self._done = 0
        self._bar = ProgressBar("", unit="requests", total=self.total, enabled=trainer.is_global_zero)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch, once for each device."""
        assert self._bar is not None
        self._bar.title = batch["name"]
        n = min(len(batch["requests"]) * trainer.world_size, self.total - self._done)
        self._done += n
        self._bar.advance(n)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the bar."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Stop the bar."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
