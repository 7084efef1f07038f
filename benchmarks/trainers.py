"""A Trainer among contestants that take turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.workers import Turns


class TakesTurns(Callback):
    """Stops a Trainer at the end of each round until the next one begins.

    Args:
        turns: The contestant's.
        round_ends: Whether a round ends after the step that was trained on this batch.
    """

    def __init__(self, turns: Turns, round_ends: Callable[[Any], bool]) -> None:
        self.turns, self.round_ends = turns, round_ends

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.round_ends(batch):
            trainer.should_stop = not self.turns.wait()
