import errno
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from gpt_toolkit.callbacks import CheckpointWriter
from tests.small_runs import Run

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class At(Callback):
    """Callback that sends this process a signal in the middle of a step, or raises."""

    def __init__(self, step: int, what: signal.Signals | type[BaseException]) -> None:
        self.step, self.what = step, what

    def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step - 1:
            if isinstance(self.what, signal.Signals):
                os.kill(os.getpid(), self.what)
            else:
                raise self.what("in the middle of a step")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def step_of(path: Path) -> int:
    return int(torch.load(path, weights_only=True)["global_step"])


def weights(module: LightningModule) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def test_the_last_and_the_best_state_are_kept(fit: Run, folder: Path) -> None:
    checkpoints = CheckpointWriter()
    trainer, _ = fit(
        callbacks=[checkpoints], enable_checkpointing=True, val_check_interval=4, check_val_every_n_epoch=None
    )
    assert names(folder) == ["best.ckpt", "last.ckpt"]
    assert step_of(folder / "last.ckpt") == 8
    assert checkpoints.best == pytest.approx(float(trainer.callback_metrics["val_loss"]))


@pytest.mark.parametrize(
    ("end", "accumulate", "validated"),
    [
        ({"max_steps": 7}, 1, [4, 7]),
        ({"max_steps": 8}, 1, [4, 8]),
        ({"max_steps": 3}, 4, [1, 2, 3]),
        ({"max_steps": -1, "max_epochs": 1, "limit_train_batches": 7}, 1, [4, 7]),
        ({"max_steps": -1, "max_epochs": 2, "limit_train_batches": 3}, 1, [4, 6]),
    ],
)
def test_the_last_step_is_validated_once(
    end: dict[str, int], accumulate: int, validated: list[int], fit: Run, folder: Path
) -> None:
    seen: list[int] = []

    class Steps(Callback):
        def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
            seen.append(trainer.global_step)

    fit(
        callbacks=[CheckpointWriter(), Steps()],
        enable_checkpointing=True,
        **end,
        batch_size=16 // accumulate,
        accumulate=accumulate,
        val_check_interval=4,
        check_val_every_n_epoch=None,
    )
    assert seen == validated
    assert step_of(folder / "best.ckpt") == validated[-1]  # the loss falls all the way


def test_a_state_is_the_best_only_if_its_loss_is_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(max_steps=1, accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.state.fn = TrainerFn.FITTING
    saved: list[str] = []
    checkpoints = CheckpointWriter()
    monkeypatch.setattr(checkpoints, "_save", lambda trainer, name: saved.append(name))
    kept = []
    for loss in (3.0, 2.0, 2.5, math.nan, 2.0, 1.9):
        trainer.callback_metrics["val_loss"] = torch.tensor(loss)
        saved.clear()
        checkpoints.on_validation_end(trainer, None)  # type: ignore[arg-type]
        assert saved.pop() == "last.ckpt"
        kept.append(saved == ["best.ckpt"])
    assert kept == [True, True, False, False, False, True]
    again = CheckpointWriter()
    again.load_state_dict(checkpoints.state_dict())
    assert again.best == pytest.approx(1.9)


def test_a_trail_is_kept_every_so_many_updates_however_many_micro_batches_they_have(
    fit: Run, folder: Path
) -> None:
    fit(
        callbacks=[CheckpointWriter(every_n_steps=3, keep_every_n_steps=3)],
        enable_checkpointing=True,
        batch_size=4,
        accumulate=4,
        max_steps=7,
        limit_val_batches=0,
    )
    assert names(folder) == ["last.ckpt", "step-0000003.ckpt", "step-0000006.ckpt"]
    assert step_of(folder / "step-0000003.ckpt") == 3
    assert step_of(folder / "last.ckpt") == 7


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("file write failed\nmore")]
)
def test_a_save_that_fails_leaves_the_earlier_file_and_says_so_once(
    error: Exception, fit: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer.save_checkpoint

    def save(trainer: Trainer, path: Path, **options: Any) -> None:
        if trainer.global_step < 6:
            real(trainer, path, **options)
        else:
            path.write_bytes(b"half of a file")
            raise error

    monkeypatch.setattr(Trainer, "save_checkpoint", save)
    with pytest.raises(
        OSError, match=r"could not write .*last\.ckpt \((No space|file write failed).* MB are free"
    ) as caught:
        fit(callbacks=[CheckpointWriter(every_n_steps=3)], enable_checkpointing=True, limit_val_batches=0)
    assert "\n" not in str(caught.value)
    assert names(folder) == ["last.ckpt"]
    assert step_of(folder / "last.ckpt") == 3


@pytest.mark.parametrize(
    ("number", "accumulate"), [(signal.SIGINT, 1), (signal.SIGINT, 4), (signal.SIGTERM, 1)]
)
def test_a_signal_finishes_the_step_and_the_resumed_run_ends_in_the_same_bits(
    number: signal.Signals, accumulate: int, fit: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind: dict[str, Any] = {
        "batch_size": 16 // accumulate,
        "accumulate": accumulate,
        "enable_checkpointing": True,
    }
    unbroken: list[float] = []
    broken: list[float] = []
    _, whole = fit(losses=unbroken, callbacks=[CheckpointWriter()], **kind)
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(SystemExit):
        fit(losses=broken, callbacks=[At(3, number), CheckpointWriter()], **kind)
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert step_of(folder / "last.ckpt") == 3
    assert broken == unbroken[:3]  # the loss of the last step is logged, too
    said = capsys.readouterr().err
    assert "stopping after this step, to save; once more to stop at once" in said
    assert f"saved at step 3: {folder / 'last.ckpt'}\nresume: the same command with --ckpt_path last" in said
    _, resumed = fit(losses=broken, callbacks=[CheckpointWriter()], ckpt_path=folder / "last.ckpt", **kind)
    assert broken == unbroken
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_a_second_signal_stops_at_once_and_keeps_no_half_step(fit: Run, folder: Path) -> None:
    with pytest.raises(SystemExit):
        fit(
            callbacks=[At(3, signal.SIGINT), At(3, signal.SIGINT), CheckpointWriter(every_n_steps=2)],
            enable_checkpointing=True,
        )
    assert names(folder) == ["last.ckpt"]
    assert step_of(folder / "last.ckpt") == 2


def test_an_error_leaves_signals_as_they_were(fit: Run) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[At(2, ZeroDivisionError), CheckpointWriter()], enable_checkpointing=True)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_trial_of_one_batch_writes_nothing(fit: Run, folder: Path) -> None:
    fit(callbacks=[CheckpointWriter(every_n_steps=1)], enable_checkpointing=True, fast_dev_run=True)
    assert not folder.exists()


class Validations(Callback):
    """Recorder of the step and the loss of each validation; sends a signal in the first batch of one."""

    def __init__(self, step: int = 0) -> None:
        self.step = step
        self.seen: list[tuple[int, float]] = []

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if trainer.global_step == self.step and batch_idx == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self.seen.append((trainer.global_step, float(trainer.callback_metrics["val_loss"])))


STEPS = {"val_check_interval": 4, "check_val_every_n_epoch": None}
EPOCHS = {"max_steps": -1, "max_epochs": 3, "limit_train_batches": 4}


@pytest.mark.parametrize(
    ("end", "accumulate", "batch_step", "validation_step", "stopped"),
    [
        pytest.param(STEPS, 1, 4, 0, 4, id="before a validation"),
        pytest.param(STEPS, 1, 0, 4, 4, id="in a validation"),
        pytest.param(EPOCHS, 2, 4, 0, 4, id="before one at the end of an epoch of micro-batches"),
        pytest.param(EPOCHS, 1, 0, 4, 4, id="in a validation at the end of an epoch"),
        pytest.param(STEPS, 1, 0, 8, None, id="in the last validation"),
    ],
)
def test_a_stopped_run_repeats_no_validation_and_leaves_none_out(
    end: dict[str, Any],
    accumulate: int,
    batch_step: int,
    validation_step: int,
    stopped: int | None,
    fit: Run,
    folder: Path,
) -> None:
    kind: dict[str, Any] = {
        **{"batch_size": 8 // accumulate, "accumulate": accumulate, "data": {"val_fraction": 0.4}},
        **{"enable_checkpointing": True, **end},
    }
    whole, broken, resumed = Validations(), Validations(validation_step), Validations()
    fit(callbacks=[CheckpointWriter(), whole], **kind)
    signals = [At(batch_step, signal.SIGTERM), CheckpointWriter(), broken]
    if stopped is None:
        fit(callbacks=signals, **kind)  # the run is complete
    else:
        with pytest.raises(SystemExit):
            fit(callbacks=signals, **kind)
        assert step_of(folder / "last.ckpt") == stopped
        fit(callbacks=[CheckpointWriter(), resumed], ckpt_path=folder / "last.ckpt", **kind)
    assert broken.seen + resumed.seen == whole.seen
    assert len(whole.seen) >= 2


@pytest.mark.parametrize("saves", [[4], [4, 8]])
def test_a_run_killed_before_a_validation_begins_again_with_it(
    saves: list[int], fit: Run, folder: Path
) -> None:
    kind: dict[str, Any] = {"enable_checkpointing": True, **STEPS}
    whole, resumed = Validations(), Validations()
    fit(callbacks=[CheckpointWriter(), whole], **kind)

    class Killed(Callback):
        def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == saves[-1]:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[CheckpointWriter(every_n_steps=2), Killed()], **kind)
    fit(callbacks=[CheckpointWriter(), resumed], ckpt_path=folder / "last.ckpt", **kind)
    assert resumed.seen == whole.seen[len(saves) - 1 :]


def test_a_run_killed_after_the_validation_that_it_resumed_with_does_not_repeat_it(
    fit: Run, folder: Path
) -> None:
    kind: dict[str, Any] = {"enable_checkpointing": True, "data": {"val_fraction": 0.4}, **STEPS}
    whole, second, third = Validations(), Validations(), Validations()
    fit(callbacks=[CheckpointWriter(), whole], **kind)

    class Killed(Callback):
        def __init__(self, *hooks: str) -> None:
            for hook in hooks:
                setattr(self, hook, self.end)

        def end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 4:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[CheckpointWriter(every_n_steps=2), Killed("on_validation_start")], **kind)
    last = folder / "last.ckpt"
    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[CheckpointWriter(), second, Killed("on_train_batch_start")], ckpt_path=last, **kind)
    fit(callbacks=[CheckpointWriter(), third], ckpt_path=last, **kind)
    assert len(second.seen) == 1
    assert second.seen + third.seen == whole.seen
