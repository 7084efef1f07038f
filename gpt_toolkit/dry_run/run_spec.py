"""Parts of a run to examine, and the devices that it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

from gpt_toolkit.callbacks import Budget, CheckpointWriter, Samples
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.tasks import GenerateTask

_LEFT_OUT = {
    *("callbacks", "logger", "plugins", "profiler", "strategy", "devices", "num_nodes", "accelerator"),
    *("fast_dev_run", "max_time", "limit_val_batches", "enable_checkpointing", "barebones"),
}
"""Arguments that a trial on one device does not take from the run."""


@dataclass
class RunSpec:
    """Parts of a run, built from a config and the command line.

    Args:
        task: The task; None if it could not be built.
        data: The DataModule; None if it could not be built.
        trainer: Arguments of the Trainer, by name.
        folder: Folder of the run.
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
    checkpoints: CheckpointWriter
    samples: Samples
    budget: Budget

    @property
    def trains(self) -> bool:
        """True if the task has anything to train."""
        return not isinstance(self.task, ZeroShotTask | GenerateTask)

    @property
    def strategy(self) -> str:
        """Short name of the strategy, or name of its class."""
        strategy = self.trainer["strategy"]
        if isinstance(strategy, str):
            return strategy
        path = strategy.get("class_path", "") if hasattr(strategy, "get") else type(strategy).__name__
        return str(path).rpartition(".")[2]

    @property
    def n_devices(self) -> int:
        """Devices of all nodes; those of this machine if the config leaves the number open."""
        devices = self.trainer["devices"]
        available = n_gpus() if self.trainer["accelerator"] != "cpu" else 0
        if isinstance(devices, str):
            devices = int(devices) if re.fullmatch(r"-?\d+", devices) else devices.split(",")
        if devices in ("auto", ["auto"], -1):
            devices = available
        n = devices if isinstance(devices, int) else len(devices)
        return max(1, n) * int(self.trainer["num_nodes"])

    def device_problems(self) -> Iterator[str]:
        """Yield what the config asks for and this machine does not have."""
        accelerator, devices = self.trainer["accelerator"], self.trainer["devices"]
        if accelerator in ("gpu", "cuda") and not n_gpus():
            yield (
                f"trainer.accelerator is {accelerator}, but this machine has no GPU: use "
                "--trainer.accelerator cpu, or run on a machine with one; the measurements are of this CPU"
            )
        elif n_gpus() and accelerator != "cpu" and isinstance(devices, int) and devices > n_gpus():
            yield f"trainer.devices is {devices}, but this machine has {n_gpus()} GPUs: lower it"
        if self.strategy.lower().startswith("fsdp") and not n_gpus():
            yield (
                f"trainer.strategy is {self.strategy}, which needs GPUs, and this machine has none: leave it "
                "out, or run on a machine with GPUs"
            )

    def trial_trainer(self) -> Trainer:
        """Return a Trainer that trains in the same way on one device and writes nothing."""
        accelerator = self.trainer["accelerator"]
        if accelerator in ("gpu", "cuda") and not n_gpus():
            accelerator = "cpu"
        return Trainer(
            **{name: value for name, value in self.trainer.items() if name not in _LEFT_OUT},
            accelerator=accelerator,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            limit_val_batches=0,
        )


def n_gpus() -> int:
    """Return the number of CUDA devices of this machine."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0
