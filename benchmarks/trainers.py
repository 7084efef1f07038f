"""Trainer of a benchmark: one CPU process that writes nothing and takes turns with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.workers import Turns


class TakesTurns(Callback):
    """Callback that blocks a Trainer between rounds.

    Args:
        turns: Turns of the contestant.
        round_ends: Whether a round ends after the step that was trained on this batch.
    """

    def __init__(self, turns: Turns, round_ends: Callable[[Any], bool]) -> None:
        self.turns, self.round_ends = turns, round_ends

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.round_ends(batch):
            trainer.should_stop = not self.turns.wait()


def rounds_of(steps: int, warm_up: int) -> Callable[[Any], bool]:
    """Return a test for the end of a round: after ``warm_up`` steps, then after each ``steps``."""
    done = 0

    def round_ends(batch: Any) -> bool:
        nonlocal done
        done += 1
        return done >= warm_up and (done - warm_up) % steps == 0

    return round_ends


def trainer_of(**settings: Any) -> Trainer:
    """Return a Trainer that only trains, with gradients clipped at 1."""
    return Trainer(
        accelerator="cpu",
        devices=1,
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        **settings,
    )
