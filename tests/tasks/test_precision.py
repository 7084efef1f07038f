"""Training in lower precision: losses close to fp32's, and true gradients under loss scaling."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import MixedPrecision
from torch import nn

from gpt_toolkit.callbacks import MetricsFile
from gpt_toolkit.optim import AdamW, Muon
from gpt_toolkit.tasks import PretrainTask
from gpt_toolkit.tasks.base import BaseTask
from tests.small_runs import Run

DECODER = {"n_layer": 2, "n_head": 2, "n_embd": 32}


def scaled(scale: float) -> MixedPrecision:
    """Emulate 16-mixed of an older GPU on the CPU."""
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale))


def run_losses(fit: Run, optimizer: Any, **how: Any) -> list[float]:
    losses: list[float] = []
    fit(
        max_steps=20,
        total_steps=20,
        losses=losses,
        decoder=DECODER,
        task={"optimizer": optimizer},
        **how,
    )
    return losses


@pytest.mark.parametrize(
    "optimizer", [AdamW(lr=0.003), Muon(lr=0.003, adamw_lr=0.003)], ids=["AdamW", "Muon"]
)
@pytest.mark.parametrize(
    ("how", "tolerance"),
    [
        (lambda: {"precision": "bf16-mixed"}, 0.02),
        (lambda: {"plugins": scaled(2.0**12)}, 0.004),
    ],
    ids=["bf16-mixed", "16-mixed"],
)
def test_twenty_losses_are_those_of_fp32_within_the_types_rounding(
    how: Callable[[], dict[str, Any]], tolerance: float, optimizer: Any, fit: Run
) -> None:
    exact = run_losses(fit, optimizer, precision="32-true")
    lower = run_losses(fit, optimizer, **how())
    assert len(exact) == len(lower) == 20
    assert exact[0] - exact[-1] > 0.5  # it learns
    assert lower != exact
    assert lower == pytest.approx(exact, abs=tolerance)


def test_newton_schulz_in_bf16_gives_the_losses_of_fp32(fit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    exact = run_losses(fit, Muon(lr=0.003, adamw_lr=0.003), precision="32-true")
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")
    lower = run_losses(fit, Muon(lr=0.003, adamw_lr=0.003), precision="32-true")
    assert lower != exact
    assert lower == pytest.approx(exact, abs=0.02)


# ---------------------------------------------------------------------- clipping under a scaled loss


class TwoWeights(BaseTask):
    """Task with the loss ``3 a + 4 b``, whose gradient is (3, 4) with norm 5, in the toolkit's own step."""

    def __init__(self, factory: Any) -> None:
        super().__init__(optimizer=factory)
        self.a, self.b = nn.Parameter(torch.zeros(1, 1)), nn.Parameter(torch.zeros(1, 1))

    def configure_model(self) -> None:
        """Build nothing."""

    def work(self, batch: Any) -> int:
        return 1

    def total_steps(self) -> int:
        return 1

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss: torch.Tensor = (3 * self.a + 4 * self.b).sum() * batch[0].squeeze()
        return loss


class Gradients(Callback):
    """Callback that stores the gradients that the optimizer gets, after clipping."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        def keep(*_: Any) -> None:
            self.steps.append((float(pl_module.a.grad), float(pl_module.b.grad)))

        trainer.optimizers[0].register_step_pre_hook(keep)


def two_weights_trained(
    factory: Any, clip: float, scale: float, factor: float = 1.0
) -> tuple[TwoWeights, list[tuple[float, float]], float]:
    """Train one step; return the task, the step's gradients, and the loss scale after it."""
    task, plugin = TwoWeights(factory), scaled(scale)
    seen = Gradients()
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        plugins=plugin,
        max_steps=1,
        gradient_clip_val=clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[seen],
    )
    trainer.fit(task, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor([factor]))))
    assert plugin.scaler is not None
    return task, seen.steps, plugin.scaler.get_scale()


FACTORIES = [AdamW(lr=0.1, weight_decay=0.0), Muon(lr=0.1, adamw_lr=0.1)]


@pytest.mark.parametrize("factory", FACTORIES, ids=["AdamW", "Muon"])
@pytest.mark.parametrize("scale", [1.0, 1024.0, 65536.0])
def test_a_scaled_gradient_is_unscaled_before_it_is_clipped(factory: Any, scale: float) -> None:
    # the norm of (3, 4) is 5: clipped at 1 it is (0.6, 0.8), clipped at 10 it stays
    _, [clipped], _ = two_weights_trained(factory, 1.0, scale)
    assert clipped == pytest.approx((0.6, 0.8), rel=1e-5)
    _, [whole], _ = two_weights_trained(factory, 10.0, scale)
    assert whole == pytest.approx((3.0, 4.0), rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_the_first_step_of_adamw_is_its_rate_whatever_the_scale(scale: float) -> None:
    # AdamW's first update is lr * sign(gradient), for m / sqrt(v) of one gradient g is g / |g|
    task, _, _ = two_weights_trained(FACTORIES[0], 1.0, scale)
    assert task.a.item() == pytest.approx(-0.1, rel=1e-4)
    assert task.b.item() == pytest.approx(-0.1, rel=1e-4)


@pytest.mark.parametrize("factory", FACTORIES, ids=["AdamW", "Muon"])
def test_a_step_whose_gradient_overflows_is_skipped_and_the_scale_halved(factory: Any) -> None:
    task, steps, scale = two_weights_trained(factory, 1.0, 1024.0, factor=math.inf)
    assert steps == []
    assert (task.a.item(), task.b.item()) == (0.0, 0.0)
    assert scale == 512.0


def test_the_loss_scale_is_logged(fit: Run, tmp_path: Path) -> None:
    fit(max_steps=2, plugins=scaled(2.0**12), logger=MetricsFile(tmp_path))
    lines = (tmp_path / "metrics.csv").read_text(encoding="utf-8").splitlines()
    [first, second] = csv.DictReader(lines)
    assert float(first["loss_scale"]) == float(second["loss_scale"]) == 2.0**12


def test_the_logged_loss_is_the_unscaled_one(fit: Run) -> None:
    exact: list[float] = []
    _, task = fit(max_steps=1, losses=exact, precision="32-true")
    lower: list[float] = []
    fit(max_steps=1, losses=lower, plugins=scaled(2.0**14))
    assert isinstance(task, PretrainTask)
    assert lower == pytest.approx(exact, abs=1e-3)
