"""Devices that a run asks for."""

from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.callbacks import Budget, CheckpointWriter, Samples
from gpt_toolkit.dry_run import RunSpec


def spec(**trainer: Any) -> RunSpec:
    arguments = {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "auto", **trainer}
    return RunSpec(None, None, arguments, Path("run"), None, CheckpointWriter(), Samples(), Budget())


@pytest.mark.parametrize(
    ("devices", "n"), [(1, 1), (4, 8), ("auto", 2), ("3", 6), ("0,1", 4), ([0, 1, 2], 6), (-1, 2)]
)
def test_devices_are_counted_over_nodes(devices: Any, n: int) -> None:
    nodes = 1 if devices == 1 else 2
    assert spec(devices=devices, num_nodes=nodes).n_devices == n


def test_a_strategy_is_named_by_its_class() -> None:
    assert (
        spec(strategy={"class_path": "lightning.pytorch.strategies.FSDPStrategy"}).strategy == "FSDPStrategy"
    )
    assert spec(strategy="ddp").strategy == "ddp"


@pytest.mark.parametrize(
    ("n_gpus", "trainer", "problem"),
    [
        (0, {"accelerator": "gpu"}, "trainer.accelerator is gpu, but this machine has no GPU"),
        (0, {"strategy": "fsdp"}, "trainer.strategy is fsdp, which needs GPUs"),
        (2, {"accelerator": "gpu", "devices": 4}, "trainer.devices is 4, but this machine has 2 GPUs"),
        (2, {"accelerator": "gpu", "devices": 2, "strategy": "fsdp"}, None),
        (0, {}, None),
    ],
)
def test_missing_devices_are_problems(
    n_gpus: int, trainer: dict[str, Any], problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.dry_run.run_spec.n_gpus", lambda: n_gpus)
    problems = list(spec(**trainer).device_problems())
    assert len(problems) == (problem is not None)
    assert problem is None or problems[0].startswith(problem)
