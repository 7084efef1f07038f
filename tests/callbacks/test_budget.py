"""Runs limited to the steps that the machine trains in some minutes."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks import Budget, budget
from gpt_toolkit.callbacks.budget import seconds_of_a_step
from tests.small_runs import Run


class StopsAfter(Callback):
    """Callback that ends training early, as Ctrl-C does."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.steps


@pytest.fixture
def a_step_takes(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_seconds(seconds: float) -> None:
        monkeypatch.setattr(budget, "seconds_of_a_step", lambda trainer, task: seconds)

    return set_seconds


def weights(task: Any) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in task.parameters()]


def test_a_slow_machine_trains_fewer_steps_and_says_so(
    fit: Run, a_step_takes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    a_step_takes(3.0)
    with caplog.at_level(logging.INFO, "gpt_toolkit"):
        trainer, _ = fit(max_steps=40, callbacks=[Budget(minutes=1.0)], total_steps=None)
    assert trainer.global_step == trainer.max_steps == 20  # 60 s of 3 s each
    [line] = [record.getMessage() for record in caplog.records if "budget" in record.getMessage()]
    assert line == (
        "budget: 40 steps of 3 s would take about 2:00 on this machine; training 20 steps in about 1:00; "
        "all steps: --budget.minutes null"
    )


@pytest.mark.parametrize(("minutes", "seconds"), [(1.0, 1.0), (None, 1e9), (1e9, 1e3)])
def test_a_fast_machine_and_no_budget_train_all(
    minutes: float | None, seconds: float, fit: Run, a_step_takes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    a_step_takes(seconds)
    with caplog.at_level(logging.INFO, "gpt_toolkit"):
        trainer, _ = fit(max_steps=12, callbacks=[Budget(minutes)])
    assert trainer.global_step == 12
    assert "budget" not in caplog.text


def test_a_limited_run_equals_a_run_of_as_many_steps(fit: Run, a_step_takes: Any) -> None:
    a_step_takes(6.0)
    losses: list[float] = []
    plain: list[float] = []
    _, limited = fit(max_steps=40, callbacks=[Budget(minutes=1.0)], losses=losses, total_steps=None)
    _, asked = fit(max_steps=10, losses=plain, total_steps=None)
    assert losses == plain
    assert all(map(torch.equal, weights(limited), weights(asked)))


def test_timing_leaves_no_trace(fit: Run) -> None:
    """Compare weights, losses and, by dropout, random numbers with those of a run without a budget."""
    decoder = {"resid_pdrop": 0.1, "embd_pdrop": 0.1}
    timed: list[float] = []
    plain: list[float] = []
    _, with_budget = fit(max_steps=8, callbacks=[Budget(minutes=1e6)], losses=timed, decoder=decoder)
    _, without = fit(max_steps=8, losses=plain, decoder=decoder)
    assert timed == plain
    assert all(map(torch.equal, weights(with_budget), weights(without)))


def test_the_time_of_a_step_is_measured_on_a_real_batch(fit: Run) -> None:
    seen: list[float] = []

    class Measured(Budget):
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            seen.append(seconds_of_a_step(trainer, pl_module))

    fit(max_steps=1, callbacks=[Measured()])
    assert 0 < seen[0] < 10


def test_a_resumed_run_keeps_its_number_of_steps(fit: Run, a_step_takes: Any, tmp_path: Path) -> None:
    a_step_takes(6.0)
    whole: list[float] = []
    _, unbroken = fit(max_steps=40, callbacks=[Budget(minutes=1.0)], losses=whole, total_steps=None)
    first: list[float] = []
    stopped, _ = fit(
        max_steps=40, callbacks=[Budget(minutes=1.0), StopsAfter(4)], losses=first, total_steps=None
    )
    stopped.save_checkpoint(path := tmp_path / "half.ckpt")
    a_step_takes(1.0)  # now nothing else slows the machine down
    rest: list[float] = []
    trainer, resumed = fit(
        max_steps=40, callbacks=[Budget(minutes=1.0)], losses=rest, total_steps=None, ckpt_path=path
    )
    assert trainer.global_step == 10
    assert first + rest == whole
    assert all(map(torch.equal, weights(resumed), weights(unbroken)))


def test_the_users_own_number_of_steps_wins_on_resume(fit: Run, a_step_takes: Any, tmp_path: Path) -> None:
    a_step_takes(6.0)
    trainer, _ = fit(max_steps=40, callbacks=[Budget(minutes=1.0)], total_steps=None)
    trainer.save_checkpoint(path := tmp_path / "limited.ckpt")
    longer, _ = fit(max_steps=13, callbacks=[Budget(minutes=1.0)], ckpt_path=path, total_steps=None)
    assert longer.global_step == 13
    everything, _ = fit(max_steps=15, callbacks=[Budget(None)], ckpt_path=path, total_steps=None)
    assert everything.global_step == 15


@pytest.mark.parametrize(("before", "now", "trained"), [(1.0, 2.0, 20), (2.0, 1.0, 10), (None, 1.0, 10)])
def test_another_budget_on_resume_is_measured_again(
    before: float | None, now: float, trained: int, fit: Run, a_step_takes: Any, tmp_path: Path
) -> None:
    a_step_takes(6.0)
    stopped, _ = fit(max_steps=40, callbacks=[Budget(before), StopsAfter(4)], total_steps=None)
    stopped.save_checkpoint(path := tmp_path / "stopped.ckpt")
    trainer, _ = fit(max_steps=40, callbacks=[Budget(now)], total_steps=None, ckpt_path=path)
    assert trainer.global_step == trained


@pytest.mark.parametrize(("asked", "trained"), [(40, 10), (10, 10), (7, 7)])
def test_ten_steps_are_trained_however_slow_the_machine_is(
    asked: int, trained: int, fit: Run, a_step_takes: Any
) -> None:
    a_step_takes(1e6)
    trainer, _ = fit(max_steps=asked, callbacks=[Budget(minutes=1.0)])
    assert trainer.global_step == trained


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_a_budget_is_a_number_above_0(minutes: float) -> None:
    with pytest.raises(ValueError, match=r"budget\.minutes: .*; expected a number above 0"):
        Budget(minutes)
