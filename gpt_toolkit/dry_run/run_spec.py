"""Parts of a run, built from a config and its arguments and ready to be examined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule

from gpt_toolkit.callbacks import Budget, Checkpoints, Samples


@dataclass
class Subject:
    """Parts of a run, built from a config and its arguments.

    Args:
        task: The task; None where it could not be made.
        data: The DataModule; None where it could not be made.
        trainer: Arguments of the Trainer, by name.
        folder: The run's.
        ckpt_path: Checkpoint that ``fit`` would resume from.
        checkpoints: Settings of the run's checkpoints.
        samples: Settings of its samples.
        budget: Limit of its training time.
    """

    task: LightningModule | None
    data: LightningDataModule | None
    trainer: dict[str, Any]
    folder: Path
    ckpt_path: str | None
    checkpoints: Checkpoints
    samples: Samples
    budget: Budget
