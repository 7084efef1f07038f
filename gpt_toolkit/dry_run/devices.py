"""The devices that a config asks for, those that are here, and a Trainer that stands in for the run's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import Trainer

_DROPPED = frozenset(
    {
        *("callbacks", "logger", "plugins", "profiler", "strategy", "devices", "num_nodes", "accelerator"),
        *("fast_dev_run", "max_time", "limit_val_batches", "enable_checkpointing", "barebones"),
    }
)


def device_faults(trainer: dict[str, Any]) -> Iterator[str]:
    """What a config asks for and this machine has not.

    Args:
        trainer: Arguments of the Trainer, by name.
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    accelerator, devices = trainer["accelerator"], trainer["devices"]
    if accelerator in ("gpu", "cuda") and not n_gpus:
        yield (
            f"trainer.accelerator is {accelerator}, but there is no GPU here: say --trainer.accelerator cpu, "
            "or run where there is one; what is measured here is of this machine's CPU"
        )
    elif n_gpus and accelerator != "cpu" and isinstance(devices, int) and devices > n_gpus:
        yield f"trainer.devices is {devices}, but there are {n_gpus} GPUs here: lower it"
    strategy = strategy_name(trainer)
    if strategy.lower().startswith("fsdp") and not n_gpus:
        yield (
            f"trainer.strategy is {strategy}, which needs GPUs, and there is none here: leave the strategy "
            "out, or run where there are some"
        )


def stand_in(trainer: dict[str, Any]) -> Trainer:
    """A Trainer that does the same on one device, and leaves nothing behind.

    Args:
        trainer: Arguments of the run's own, by name.
    """
    accelerator = trainer["accelerator"]
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        accelerator = "cpu"
    return Trainer(
        **{name: value for name, value in trainer.items() if name not in _DROPPED},
        accelerator=accelerator,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        limit_val_batches=0,
    )


def strategy_name(trainer: dict[str, Any]) -> str:
    """The strategy's short name, or its class's."""
    strategy = trainer["strategy"]
    if isinstance(strategy, str):
        return strategy
    path = strategy.get("class_path", "") if hasattr(strategy, "get") else type(strategy).__name__
    return str(path).rpartition(".")[2]


def n_devices(trainer: dict[str, Any]) -> int:
    """Devices that a config asks for, over all nodes; those that are here where it leaves that open."""
    devices = trainer["devices"]
    here = torch.cuda.device_count() if trainer["accelerator"] != "cpu" and torch.cuda.is_available() else 1
    if isinstance(devices, str):
        devices = int(devices) if re.fullmatch(r"-?\d+", devices) else devices.split(",")
    asked = devices if isinstance(devices, int) else len(devices)
    n = here if devices in ("auto", ["auto"], -1) else asked
    return max(1, n) * int(trainer["num_nodes"])
