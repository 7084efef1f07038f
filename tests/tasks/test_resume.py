"""A resumed run: what it specifies holds from its first step, is reported, or is refused."""

import copy
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gpt_toolkit.optim import (
    AdamW,
    Constant,
    Cosine,
    Linear,
    Muon,
    OptimizerFactory,
    Schedule,
    WarmupStableDecay,
)
from tests.small_runs import Run

STEPS_BEFORE = 3


class StopsAfter(Callback):
    """Ends training at a step, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.step


class FirstStep(Callback):
    """Weights and gradients before the first update of a run, and the learning rates of all updates."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []
        self.gradients: list[Tensor] = []
        self.after: list[Tensor] = []
        self.rates: list[float] = []

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self.rates.append(float(optimizer.param_groups[0]["lr"]))
        if not self.weights:
            self.weights = [p.detach().clone() for p in pl_module.parameters()]
            self.gradients = [p.grad.clone() for p in pl_module.parameters() if p.grad is not None]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if not self.after:
            self.after = [p.detach().clone() for p in pl_module.parameters()]


@pytest.fixture
def stopped(fit: Run, tmp_path: Path) -> Any:
    """Train for some steps and return the checkpoint."""

    def run(**options: Any) -> Path:
        trainer, _ = fit(total_steps=None, callbacks=[StopsAfter(STEPS_BEFORE)], **options)
        trainer.save_checkpoint(path := tmp_path / "stopped.ckpt")
        return path

    return run


ADAMW = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.1}
MUON = {
    "lr": 0.01,
    "adamw_lr": 0.02,
    "weight_decay": 0.1,
    "momentum": 0.95,
    "betas": (0.9, 0.95),
    "eps": 1e-8,
}
CHANGES: list[tuple[type[OptimizerFactory], dict[str, Any], dict[str, Any]]] = [
    *((AdamW, ADAMW, change) for change in (
        {"lr": 1e-5}, {"betas": (0.5, 0.6)}, {"eps": 1e-2}, {"weight_decay": 0.0}, {"weight_decay": 3.0},
    )),
    *((Muon, MUON, change) for change in (
        {"lr": 1e-5}, {"adamw_lr": 1e-5}, {"weight_decay": 3.0}, {"momentum": 0.5}, {"betas": (0.5, 0.6)},
        {"eps": 1e-2},
    )),
]  # fmt: skip


def adamw_by_hand(module: nn.Module, state: dict[int, dict[str, Tensor]], lr: float, **settings: Any) -> None:
    """Make one update in float64, from the formula of Loshchilov & Hutter (2019)."""
    (beta1, beta2), eps, decay = settings["betas"], settings["eps"], settings["weight_decay"]
    for i, parameter in enumerate(module.parameters()):
        assert parameter.grad is not None
        step = float(state[i]["step"]) + 1
        grad = parameter.grad.double()
        mean = beta1 * state[i]["exp_avg"].double() + (1 - beta1) * grad
        square = beta2 * state[i]["exp_avg_sq"].double() + (1 - beta2) * grad**2
        update = (mean / (1 - beta1**step)) / ((square / (1 - beta2**step)).sqrt() + eps)
        decayed = parameter.double() * (1 - lr * (decay if parameter.ndim >= 2 else 0.0))
        with torch.no_grad():
            parameter.copy_(decayed - lr * update)


@pytest.mark.parametrize(("kind", "first", "change"), CHANGES, ids=str)
def test_a_changed_setting_of_the_optimizer_decides_the_first_resumed_update(
    kind: type[OptimizerFactory],
    first: dict[str, Any],
    change: dict[str, Any],
    fit: Run,
    stopped: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = stopped(task={"optimizer": kind(**first), "schedule": Linear()})
    seen, settings = FirstStep(), first | change
    with caplog.at_level(logging.INFO, "gpt_toolkit"):
        _, task = fit(
            total_steps=None,
            ckpt_path=path,
            task={"optimizer": kind(**settings), "schedule": Linear()},
            callbacks=[seen, StopsAfter(STEPS_BEFORE + 1)],
        )
    saved = torch.load(path, weights_only=True)
    by_number: dict[int, dict[str, Tensor]] = saved["optimizer_states"][0]["state"]
    factor = 1 - STEPS_BEFORE / 8
    expected = copy.deepcopy(task)
    for parameter, weight, gradient in zip(expected.parameters(), seen.weights, seen.gradients, strict=True):
        parameter.data.copy_(weight)
        parameter.grad = gradient.clone()
    nn.utils.clip_grad_norm_(expected.parameters(), 1.0)
    if kind is AdamW:
        adamw_by_hand(expected, by_number, **{**settings, "lr": settings["lr"] * factor})
    else:
        rates = {name: settings[name] * factor for name in ("lr", "adamw_lr")}
        optimizer = kind(**settings | rates).build(expected)
        for i, parameter in enumerate(expected.parameters()):
            optimizer.state[parameter] = {name: value.clone() for name, value in by_number[i].items()}
        optimizer.step()
    for weight, wanted in zip(seen.after, expected.parameters(), strict=True):
        torch.testing.assert_close(weight, wanted.detach(), rtol=1e-5, atol=1e-6)
    [name] = change
    old, new = (list(v) if isinstance(v, tuple) else v for v in (first[name], change[name]))
    assert f"changed since the checkpoint: model.optimizer.{name} {old} -> {new}" in caplog.messages


SCHEDULES: list[tuple[Schedule | None, Schedule | None, int, list[float]]] = [
    (Constant(), Linear(), 8, [1 - 3 / 8, 1 - 4 / 8]),
    (Linear(), Constant(), 8, [1.0, 1.0]),
    (Linear(), Linear(), 12, [1 - 3 / 12, 1 - 4 / 12]),
    (Linear(), Linear(warmup_steps=5), 8, [4 / 6, 5 / 6, 1.0]),
    (Linear(), Linear(final=0.5), 8, [1 - 0.5 * 3 / 8]),
    (Linear(), Cosine(), 6, [0.5 + 0.5 * math.cos(math.pi * 3 / 6), 0.5 + 0.5 * math.cos(math.pi * 4 / 6)]),
    (Cosine(), WarmupStableDecay(decay=0.5), 8, [1.0, 1.0, 3 / 4]),
    (None, Linear(), 8, [1 - 3 / 8]),
    (Linear(), None, 8, [1.0, 1.0]),
]


@pytest.mark.parametrize(("before", "after", "max_steps", "factors"), SCHEDULES)
def test_a_changed_schedule_or_length_holds_from_the_first_resumed_step(
    before: Schedule | None,
    after: Schedule | None,
    max_steps: int,
    factors: list[float],
    fit: Run,
    stopped: Any,
) -> None:
    path = stopped(task={"schedule": before})
    seen = FirstStep()
    fit(total_steps=None, ckpt_path=path, max_steps=max_steps, task={"schedule": after}, callbacks=[seen])
    assert seen.rates[: len(factors)] == pytest.approx([0.01 * factor for factor in factors], rel=1e-12)
    assert len(seen.rates) == max_steps - STEPS_BEFORE


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"max_steps": 12}, "trainer.max_steps 8 -> 12"),
        (
            {"accumulate": 2, "batch_size": 8},
            "trainer.accumulate_grad_batches 1 -> 2, data.batch_size 16 -> 8",
        ),
        ({"task": {"schedule": Constant()}}, "model.schedule Linear -> Constant"),
        (
            {"task": {"schedule": Linear(3, 0.1)}},
            "model.schedule.warmup_steps 0 -> 3, model.schedule.final 0.0 -> 0.1",
        ),
        ({"seed": 1, "data": {"seed": 0}}, None),  # nothing is drawn from it
        ({}, None),
    ],
)
def test_one_line_says_what_changed_since_the_checkpoint(
    change: dict[str, Any], line: str | None, fit: Run, stopped: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = stopped()
    with caplog.at_level(logging.INFO, "gpt_toolkit"):
        fit(total_steps=None, ckpt_path=path, **change)
    found = [message for message in caplog.messages if message.startswith("changed")]
    assert found == ([] if line is None else [f"changed since the checkpoint: {line}"])


def test_another_seed_of_dropout_is_reported(
    fit: Run, stopped: Any, caplog: pytest.LogCaptureFixture
) -> None:
    drops = {"resid_pdrop": 0.1}
    path = stopped(decoder=drops)
    with caplog.at_level(logging.INFO, "gpt_toolkit"):
        fit(total_steps=None, ckpt_path=path, decoder=drops, seed=5, data={"seed": 0})
    assert "changed since the checkpoint: seed_everything 0 -> 5" in caplog.messages


def test_another_optimizer_is_refused_before_anything_is_trained(fit: Run, stopped: Any) -> None:
    path = stopped()
    seen = FirstStep()
    message = (
        r"^model\.optimizer: Muon; expected AdamW, .*; restore it, or begin a new run .* --model\.init_from$"
    )
    with pytest.raises(ValueError, match=message):
        fit(ckpt_path=path, task={"optimizer": Muon(lr=0.01, adamw_lr=0.01)}, callbacks=[seen])
    assert seen.rates == []


def test_settings_of_a_custom_optimizer_are_stored_as_plain_types(fit: Run, stopped: Any) -> None:
    class Custom(AdamW):
        """A recipe with an argument that ``torch.load`` refuses with ``weights_only``."""

        def __init__(self, lr: float) -> None:
            super().__init__(lr)
            self.when, self._private = Path("noon"), object()

    path = stopped(task={"optimizer": Custom(0.01)})
    settings = torch.load(path, weights_only=True)["gpt_toolkit"]["settings"]
    assert settings["model.optimizer"] == "Custom"
    assert settings["model.optimizer.when"] == type(Path()).__name__
    assert "model.optimizer._private" not in settings
    trainer, _ = fit(total_steps=None, ckpt_path=path, task={"optimizer": Custom(0.01)})
    assert trainer.global_step == 8
