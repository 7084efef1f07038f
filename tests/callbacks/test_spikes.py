import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit import losses
from gpt_toolkit.callbacks import CheckpointWriter, Spikes
from gpt_toolkit.callbacks.spikes import SpikeError
from gpt_toolkit.optim import AdamW, Linear, Muon
from gpt_toolkit.tasks import pretrain
from tests.small_runs import Run

State = tuple[list[torch.Tensor], list[torch.Tensor]]


def state_of(trainer: Trainer, module: LightningModule) -> State:
    """Return copies of all weights and of all tensors of the optimizer's state."""
    optimizer = trainer.optimizers[0]
    state = [
        value for entry in optimizer.state.values() for value in entry.values() if torch.is_tensor(value)
    ]
    return [p.detach().clone() for p in module.parameters()], [value.clone() for value in state]


def are_equal(a: State, b: State) -> bool:
    return all(len(x) == len(y) and all(map(torch.equal, x, y)) for x, y in zip(a, b, strict=True))


class States(Callback):
    """Keeps weights, optimizer state and learning rate after each step."""

    def __init__(self) -> None:
        self.after: dict[int, State] = {}
        self.rates: dict[int, float] = {}

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.after[trainer.global_step] = state_of(trainer, pl_module)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self.rates[trainer.global_step + 1] = optimizer.param_groups[0]["lr"]


@pytest.fixture
def scale_loss(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, float]], None]:
    """Multiply the loss of micro-batches, which are counted from 1."""

    def scale(factors: dict[int, float]) -> None:
        plain, calls = losses.linear_cross_entropy, iter(range(1, 1000))
        monkeypatch.setattr(
            pretrain, "linear_cross_entropy", lambda *a, **k: plain(*a, **k) * factors.get(next(calls), 1.0)
        )

    return scale


def test_a_loss_that_is_not_finite_ends_the_run_before_its_update(
    fit: Run, scale_loss: Callable[[dict[int, float]], None], tmp_path: Path
) -> None:
    scale_loss({3: math.nan})
    states = States()
    with pytest.raises(
        SpikeError, match=r"step 3: loss nan; its update was not made; resume with --ckpt_path last"
    ):
        fit(callbacks=[Spikes(), CheckpointWriter(every_n_steps=1), states], enable_checkpointing=True)
    saved = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 2
    assert all(value.isfinite().all() for value in saved["state_dict"].values())


@pytest.mark.parametrize("optimizer", [AdamW(lr=0.01, weight_decay=0.1), Muon(lr=0.01, adamw_lr=0.01)])
def test_the_update_of_a_skipped_step_reaches_neither_weights_nor_optimizer(
    optimizer: Any, fit: Run, scale_loss: Callable[[dict[int, float]], None]
) -> None:
    scale_loss({4: math.inf})
    states, spikes = States(), Spikes(action="skip")
    trainer, _ = fit(callbacks=[spikes, states], task={"optimizer": optimizer})
    assert trainer.global_step == 8
    assert are_equal(states.after[4], states.after[3])
    assert not are_equal(states.after[5], states.after[4])
    assert [event["step"] for event in spikes.events] == [4]


def test_a_bad_micro_batch_makes_its_whole_step_bad(
    fit: Run, scale_loss: Callable[[dict[int, float]], None]
) -> None:
    scale_loss({9: math.nan})  # the first of four micro-batches of step 3
    states = States()
    fit(callbacks=[Spikes(action="skip"), states], batch_size=4, accumulate=4)
    assert are_equal(states.after[3], states.after[2])
    assert not are_equal(states.after[4], states.after[3])


def test_a_gradient_that_is_not_finite_is_skipped_with_and_without_clipping(fit: Run) -> None:
    class Poison(Callback):
        def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
            if trainer.global_step == 2:
                gradient = next(pl_module.parameters()).grad
                assert gradient is not None
                gradient[0] = math.nan

    for clip in (1.0, None):
        states = States()
        fit(callbacks=[Poison(), Spikes(action="skip"), states], gradient_clip_val=clip)
        assert are_equal(states.after[3], states.after[2])
        assert all(value.isfinite().all() for value in states.after[8][0])


@pytest.mark.parametrize("factor", [30.0, 1.0])
def test_a_loss_far_above_those_before_is_bad_only_with_a_z_score(
    factor: float, fit: Run, scale_loss: Callable[[dict[int, float]], None], tmp_path: Path
) -> None:
    scale_loss({7: factor})
    spikes, unguarded = Spikes(action="skip", z_score=8.0, window=5), Spikes(action="skip")
    fit(callbacks=[spikes])
    assert [event["step"] for event in spikes.events] == ([7] if factor > 1 else [])
    if factor > 1:
        [line] = (tmp_path / "run" / "spikes.jsonl").read_text().splitlines()
        event = json.loads(line)
        assert (event["step"], event["action"]) == (7, "skip")
        assert "standard deviations above the last 5 steps" in event["reason"]
    scale_loss({7: factor})
    fit(callbacks=[unguarded])
    assert unguarded.events == []


def test_rewinding_restores_the_last_checkpoint_and_continues_with_the_next_data_and_rate(
    fit: Run, scale_loss: Callable[[dict[int, float]], None]
) -> None:
    scale_loss({6: math.nan})
    states, spikes = States(), Spikes(action="rewind")
    arguments: dict[str, Any] = {"enable_checkpointing": True}
    trainer, _ = fit(callbacks=[CheckpointWriter(every_n_steps=4), spikes, states], **arguments)
    assert trainer.global_step == 8
    assert are_equal(states.after[6], states.after[4])
    assert not are_equal(states.after[7], states.after[4])
    assert spikes.events[0]["restored_step"] == 4
    # the schedule does not go back: the rate of step n is 0.01 (1 - (n - 1) / 8)
    schedule = Linear()
    assert states.rates == pytest.approx({step: 0.01 * schedule(step - 1, 8) for step in range(1, 9)})


def test_rewinding_without_a_checkpoint_leaves_the_update_out(
    fit: Run, scale_loss: Callable[[dict[int, float]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    scale_loss({2: math.nan})
    states = States()
    fit(callbacks=[Spikes(action="rewind"), states])
    assert are_equal(states.after[2], states.after[1])
    assert "no checkpoint to restore yet" in capsys.readouterr().err


def test_more_bad_steps_than_the_limit_end_the_run(
    fit: Run, scale_loss: Callable[[dict[int, float]], None]
) -> None:
    scale_loss(dict.fromkeys((3, 4, 5), math.nan))
    with pytest.raises(SpikeError, match=r"step 5: loss nan; 3 bad steps among the last 100"):
        fit(callbacks=[Spikes(action="skip", limit=2)])


def test_a_resumed_run_compares_with_the_same_steps(
    fit: Run, scale_loss: Callable[[dict[int, float]], None], tmp_path: Path
) -> None:
    ends: list[State] = []
    for stops_at in (8, 6):
        scale_loss({7: 30.0})
        kind: dict[str, Any] = {"enable_checkpointing": True}
        writer = CheckpointWriter(keep_every_n_steps=6)
        spikes = Spikes(action="skip", z_score=8.0, window=5)
        trainer, module = fit(callbacks=[writer, spikes], max_steps=stops_at, **kind)
        if stops_at == 6:
            scale_loss({1: 30.0})  # step 7 is the first of the resumed run
            spikes = Spikes(action="skip", z_score=8.0, window=5)
            path = tmp_path / "run" / "checkpoints" / "step-0000006.ckpt"
            trainer, module = fit(callbacks=[writer, spikes], ckpt_path=path, **kind)
        assert [event["step"] for event in spikes.events] == [7]
        ends.append(state_of(trainer, module))
    assert are_equal(*ends)


def test_a_run_that_is_killed_after_a_rewind_resumes_to_the_same_record_and_gives_up_at_the_same_step(
    fit: Run, scale_loss: Callable[[dict[int, float]], None], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    kind: dict[str, Any] = {"enable_checkpointing": True, "limit_val_batches": 0}
    kind |= {"max_steps": 12, "total_steps": 12}
    recorded: list[list[int]] = []

    class Kill(Callback):
        def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
            lines = (run / "spikes.jsonl").read_text().splitlines() if trainer.global_step in (8, 10) else []
            recorded.append([json.loads(line)["step"] for line in lines])
            if trainer.global_step == self.step:
                raise ZeroDivisionError

        step = -1

    def callbacks(states: States) -> list[Callback]:
        return [CheckpointWriter(every_n_steps=4), Spikes(action="rewind", limit=2), states]

    bad_steps, whole, broken = (6, 10, 11), States(), States()
    gives_up = pytest.raises(SpikeError, match=r"step 11: loss nan; 3 bad steps among the last 100")
    scale_loss(dict.fromkeys(bad_steps, math.nan))
    with gives_up:
        fit(callbacks=callbacks(whole), **kind)
    record = (run / "spikes.jsonl").read_text()
    assert [json.loads(line).get("restored_step") for line in record.splitlines()] == [4, 8, None]
    shutil.rmtree(run)
    scale_loss(dict.fromkeys(bad_steps, math.nan))
    kill = Kill()
    kill.step = 10
    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[*callbacks(broken), kill], **kind)
    assert recorded[-1] == [6, 10]
    scale_loss({step - 8: math.nan for step in bad_steps})
    recorded.clear()
    with gives_up:
        fit(callbacks=[*callbacks(broken), Kill()], ckpt_path=run / "checkpoints" / "last.ckpt", **kind)
    assert recorded[0] == [6]  # what happens after the checkpoint is recorded when it happens again
    assert (run / "spikes.jsonl").read_text() == record
    assert whole.after.keys() == broken.after.keys()
    assert all(are_equal(whole.after[step], broken.after[step]) for step in whole.after)


def test_a_validation_loss_that_is_nan_is_never_the_best(
    fit: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain, calls = losses.token_losses, iter(range(1, 1000))
    monkeypatch.setattr(
        pretrain, "token_losses", lambda *a, **k: plain(*a, **k) * (math.nan if next(calls) == 1 else 1.0)
    )
    writer = CheckpointWriter()
    fit(callbacks=[writer], enable_checkpointing=True, val_check_interval=2, check_val_every_n_epoch=None)
    assert writer.best is not None
    assert math.isfinite(writer.best)
    assert torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)["global_step"] > 2


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"spikes\.action: 'jump'.*spikes\.z_score: -1.*spikes\.window.*spikes\.limit"
    ):
        Spikes(action="jump", z_score=-1, window=1, limit=0)  # type: ignore[arg-type]


def test_another_trainer_is_not_guarded(fit: Run) -> None:
    _, module = fit(callbacks=[Spikes()])
    assert module.step_guard is None
