"""Checkpoints of a run: the last state, the best one, and a series of earlier ones."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections import ChainMap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch.distributed
from filelock import FileLock, Timeout
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from gpt_toolkit.callbacks.checkpoint_io import CheckpointFileIO, flush
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.interrupts import Interrupts
from gpt_toolkit.checkpoints.file_checksums import file_checksums, write_checksums
from gpt_toolkit.io import explain_write_errors
from gpt_toolkit.suggestions import did_you_mean


def existing_run(folder: Path) -> str | None:
    """Return why no run can begin in a folder: it already holds one; None if it does not."""
    checkpoints = CheckpointWriter.folder_of(folder)
    if not checkpoints.is_dir() or not any(checkpoints.glob("*.ckpt")):
        return None
    return (
        f"{folder} already holds a run: resume it by --ckpt_path last, or choose another folder by "
        "--trainer.default_root_dir"
    )


def explain_run_write_errors(path: Path) -> contextlib.AbstractContextManager[None]:
    """Return a context in which an error of writing names the file, the free space and what to do."""
    advice = "make room, then resume from the last complete checkpoint with --ckpt_path last"
    return explain_write_errors(path, advice)


class CheckpointWriter(Checkpoint):
    """Writer of the last and the best state of a run, and of a series of earlier ones on request.

    ``checkpoints/last.ckpt`` is written after each validation and at the end, ``checkpoints/best.ckpt`` when
    the monitored metric is the best so far. A run whose last epoch has validations is also validated after
    its last step. Each file is written under another name and then renamed, so that it is always complete.
    The first Ctrl-C (or SIGTERM) finishes the current step, saves and stops; a second one stops at once. In a
    validation it finishes the batch, or with several processes the validation, which the resumed run begins
    again.

    Args:
        every_n_steps: Write ``last.ckpt`` also after every N updates; 0 does not.
        keep_every_n_steps: Write ``step-<number>.ckpt`` after every N updates; 0 does not.
        monitor: Logged metric that decides which state is the best.
        mode: Whether its lowest (``min``, of a loss) or highest value (``max``, of a score) is the best.

    Attributes:
        best: Best value so far.
        metrics_at_best: All validation metrics of that state.
    """

    def __init__(
        self,
        every_n_steps: int = 0,
        keep_every_n_steps: int = 0,
        monitor: str = "val_loss",
        mode: Literal["min", "max"] = "min",
    ) -> None:
        self.every_n_steps, self.keep_every_n_steps = every_n_steps, keep_every_n_steps
        self.monitor, self.mode = monitor, mode
        self.best: float | None = None
        self.metrics_at_best: dict[str, float] = {}
        self._folder = Path()
        self._seen_step = self._saved_step = -1
        self._last_step: int | float = -1
        self._validation_follows = False
        self._interrupts = Interrupts()
        self._lock: FileLock | None = None

    @staticmethod
    def folder_of(run: Path) -> Path:
        """Return the folder of the checkpoints of a run."""
        return run / "checkpoints"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; for training, lock it against another process.

        Raises:
            BlockingIOError: If another process trains in the folder.
        """
        run = Path(trainer.default_root_dir)
        self._folder = self.folder_of(run)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # sharded strategies have their own
            trainer.strategy.checkpoint_io = CheckpointFileIO()
        if stage != "fit" or not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        lock = FileLock(run / "run.lock")
        with explain_run_write_errors(run / "run.lock"), contextlib.suppress(Timeout):
            run.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        if not lock.is_locked:
            raise BlockingIOError(
                f"{run}: used by another process that trains; expected a free folder; wait for its end, or "
                "choose another by --trainer.default_root_dir"
            )
        self._lock = lock

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Release the lock of the run's folder."""
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, what it is of, and the metrics of its state."""
        names = "monitor", "mode", "best", "metrics_at_best"
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best value so far and its metrics, unless this run monitors another metric."""
        if (state_dict["monitor"], state_dict["mode"]) == (self.monitor, self.mode):
            self.best, self.metrics_at_best = state_dict["best"], state_dict["metrics_at_best"]

    # ------------------------------------------------------------------ when to save

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raise if the monitored metric is unknown, and install the handlers of Ctrl-C and SIGTERM."""
        names = getattr(pl_module, "validation_metrics", None)
        beginnings = tuple(name for name in names or () if name.endswith("_"))
        if names is not None and self.monitor not in names and not self.monitor.startswith(beginnings):
            shown = [f"{name}..." if name in beginnings else name for name in names]
            raise ValueError(self._unknown_monitor(shown))
        self._seen_step = self._saved_step = trainer.global_step
        self._last_step = trainer.estimated_stepping_batches
        self._interrupts.install()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save after an update if it is due, and stop if a signal arrived."""
        step = trainer.global_step
        if step == self._seen_step:
            return  # a micro-batch before the update
        self._seen_step = step
        is_last = step == self._last_step  # saved after its validation, or at the end
        stop = self._must_stop(trainer) and not is_last
        is_kept = self.keep_every_n_steps and step % self.keep_every_n_steps == 0
        is_due = self.every_n_steps and step % self.every_n_steps == 0 and not is_last
        if stop or is_kept or is_due:
            # The task's own hook runs after those of the callbacks. It logs the step, which must be in the
            # records before a checkpoint from which a run can resume.
            pl_module.on_train_batch_end(outputs, batch, batch_idx)
            loop: Any = trainer.fit_loop
            self._validation_follows = loop.epoch_loop._should_check_val_fx(loop._data_fetcher)
        if is_kept:
            self._save(trainer, f"step-{step:07d}.ckpt")
        if is_due or stop:
            self._save_last(trainer)
        self._validation_follows = False
        if stop:
            self._stop(trainer)
        if is_last:
            # Lightning validates before it stops: the final weights can be the best, too.
            trainer.should_stop = True

    def _must_stop(self, trainer: Trainer) -> bool:
        """Return whether a signal has reached any process; all of them must call this together."""
        requested = self._interrupts.requested
        if trainer.world_size == 1:
            return requested
        return trainer.strategy.reduce_boolean_decision(requested, all=False)

    def _stop(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            say(
                f"saved at step {trainer.global_step:,}: {self._folder / 'last.ckpt'}\n"
                "resume: the same command with --ckpt_path last"
            )
        raise KeyboardInterrupt

    def on_validation_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Save and stop if a signal arrived; several processes, which must agree, wait for the end."""
        is_last = trainer.global_step == self._last_step
        if self._interrupts.requested and trainer.world_size == 1 and not is_last:
            self._validation_follows = True
            self._save_last(trainer)
            self._stop(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let a run that resumes from a state before a validation begin with the validation, and no other.

        Lightning does so if the state is that of a validation in its first batch. After a state of the end of
        a training batch it would leave the validation out. After a validation with which a run resumed it
        would repeat it, because it counts the first batch twice.
        """
        loops = checkpoint["loops"]["fit_loop"]
        for kind in ("total", "current"):
            batches = loops["epoch_loop.batch_progress"][kind]
            validated = loops["epoch_loop.val_loop.batch_progress"][kind]
            if self._validation_follows:
                batches["completed"] = batches["processed"]
                validated |= {"ready": 1, "started": 1, "processed": 0, "completed": 0}
            else:
                validated |= dict.fromkeys(("ready", "started", "processed"), validated["completed"])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the state after a validation during training, also as the best if it is."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is None and any(name.startswith("val_") for name in trainer.callback_metrics):
            raise ValueError(self._unknown_monitor(trainer.callback_metrics))
        if value is not None and self._is_best(float(value)):
            self.best = float(value)
            metrics = trainer.callback_metrics.items()
            self.metrics_at_best = {name: float(v) for name, v in metrics if name.startswith("val_")}
            self._save(trainer, "best.ckpt")
        self._save_last(trainer)
        if self._must_stop(trainer) and trainer.global_step != self._last_step:
            self._stop(trainer)

    def _unknown_monitor(self, names: Iterable[str]) -> str:
        logged = sorted(name for name in names if name.startswith("val_"))
        return (
            f"checkpoints.monitor: {self.monitor}; expected a metric that this run logs: {', '.join(logged)}"
            f"{did_you_mean(self.monitor, logged)}"
        )

    def _is_best(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state."""
        if trainer.global_step != self._saved_step:
            self._save_last(trainer)
        self._interrupts.restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the handlers of signals; a state in the middle of a step is not saved."""
        self._interrupts.restore()
        self._release()

    # ------------------------------------------------------------------ how to save

    def _save_last(self, trainer: Trainer) -> None:
        self._save(trainer, "last.ckpt")
        self._saved_step = trainer.global_step

    def _save(self, trainer: Trainer, name: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        path = self._folder / name
        partial = path.with_name(f"{path.name}.partial")  # the same on all ranks, which write shards into it
        with explain_run_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if trainer.is_global_zero and partial.is_dir():
                    shutil.rmtree(partial)  # shards of an interrupted run
                trainer.strategy.barrier("begin checkpoint")
                trainer.save_checkpoint(partial, weights_only=False)
                if partial.is_dir():
                    _write_checksums(partial, trainer)
                if trainer.is_global_zero:
                    flush(partial)
                    _replace(partial, path)
            except BaseException:
                _remove(partial)
                raise
        trainer.strategy.barrier("checkpoint")


def _write_checksums(folder: Path, trainer: Trainer) -> None:
    """Write the checksums of the shards of a checkpoint; each rank reads its part of the files."""
    mine = file_checksums(sorted(folder.iterdir())[trainer.global_rank :: trainer.world_size])
    by_rank: list[dict[str, int]] = [{} for _ in range(trainer.world_size)]
    torch.distributed.all_gather_object(by_rank, mine)
    if trainer.is_global_zero:
        write_checksums(folder, dict(ChainMap(*by_rank)))


def _replace(new: Path, path: Path) -> None:
    if path.is_dir():  # a folder of shards is renamed first, because it takes long to delete
        old = path.with_name(f"{path.name}.old")
        _remove(old)
        path.replace(old)
        new.replace(path)
        _remove(old)
    else:
        new.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
