"""Which checkpoints a run keeps, and how it stops without losing anything."""

from __future__ import annotations

import contextlib
import shutil
import signal
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from gpt_toolkit.callbacks.console import say
from gpt_toolkit.callbacks.write_errors import writing


class Checkpoints(Checkpoint):
    """Keeps the last and the best state of a run, and a trail of earlier ones if asked.

    ``checkpoints/last.ckpt`` is written after each validation and at the end, ``checkpoints/best.ckpt`` when
    the watched number is the best so far. A run whose last epoch is to have validations is validated after
    its last step, too. Each file is written under another name, then renamed: one that stands under its own
    name is whole. The first Ctrl-C (or SIGTERM) finishes the current step, saves and stops; a second one
    stops at once.

    Args:
        every_n_steps: Write ``last.ckpt`` also every so many updates; 0 does not.
        keep_every_n_steps: Keep ``step-<number>.ckpt`` every so many updates; 0 keeps none.
        monitor: Logged number that says which state is the best.
        mode: Whether its lowest value is the best (``min``, of a loss) or its highest (``max``, of a score).
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
        self._folder: Path | None = None
        self._seen_step = self._saved_step = -1
        self._last_step: int | float = -1
        self._signal: int | None = None
        self._old_handlers: dict[int, Any] = {}

    @staticmethod
    def folder_of(run: Path) -> Path:
        """Where the checkpoints of the run in that folder lie."""
        return run / "checkpoints"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder."""
        self._folder = self.folder_of(Path(trainer.default_root_dir))

    def state_dict(self) -> dict[str, Any]:
        """The best value so far, and what else was measured there."""
        return {"best": self.best, "metrics_at_best": self.metrics_at_best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the best value so far."""
        self.best, self.metrics_at_best = state_dict["best"], state_dict["metrics_at_best"]

    # ------------------------------------------------------------------ when

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen for Ctrl-C and SIGTERM."""
        self._seen_step = self._saved_step = trainer.global_step
        self._last_step = trainer.estimated_stepping_batches
        self._signal = None
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._old_handlers[number] = signal.signal(number, self._remember)
            except ValueError:  # not the main thread: whoever started it handles signals
                return

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number
        with contextlib.suppress(RuntimeError):  # standard error was just being written to
            say("\nstopping after this step, to save; once more to stop at once")

    def _stop_listening(self) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._old_handlers.clear()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """After an update, save what is due; stop if someone asked."""
        step = trainer.global_step
        if step == self._seen_step:
            return  # a micro-batch whose update is still to come
        self._seen_step = step
        if self.keep_every_n_steps and step % self.keep_every_n_steps == 0:
            self._save(trainer, f"step-{step:07d}.ckpt")
        if self.every_n_steps and step % self.every_n_steps == 0:
            self._save_last(trainer)
        stop = self._signal is not None
        if trainer.world_size > 1:  # every rank must stop at the same step
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            if self._saved_step != step:
                self._save_last(trainer)
            # The task's own hook follows the callbacks' ones, and logs this step.
            pl_module.on_train_batch_end(outputs, batch, batch_idx)
            if trainer.is_global_zero:
                say(
                    f"saved at step {step:,}: {self._path('last.ckpt')}\n"
                    "go on: the same command with --ckpt_path last"
                )
            raise KeyboardInterrupt
        if step == self._last_step:
            # Lightning validates before it stops: the final weights, too, can be the best.
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After a validation during training, keep the state, and keep it as the best if it is."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is not None and self._is_best(float(value)):
            self.best = float(value)
            metrics = trainer.callback_metrics.items()
            self.metrics_at_best = {name: float(v) for name, v in metrics if name.startswith("val_")}
            self._save(trainer, "best.ckpt")
        self._save_last(trainer)

    def _is_best(self, value: float) -> bool:
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the final state."""
        if trainer.global_step != self._saved_step:
            self._save_last(trainer)
        self._stop_listening()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave signals as they were; a state in the middle of a step is not kept."""
        self._stop_listening()

    # ------------------------------------------------------------------ how

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / name

    def _save_last(self, trainer: Trainer) -> None:
        self._save(trainer, "last.ckpt")
        self._saved_step = trainer.global_step

    def _save(self, trainer: Trainer, name: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        path = self._path(name)
        partial = path.with_name(f"{path.name}.partial")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if trainer.is_global_zero and partial.is_dir():
                    shutil.rmtree(partial)  # shards that an interrupted run left
                trainer.strategy.barrier("begin checkpoint")
                trainer.save_checkpoint(partial, weights_only=False)
                if trainer.is_global_zero:
                    _replace(partial, path)
            except BaseException:
                _remove(partial)
                raise
        trainer.strategy.barrier("checkpoint")


def _replace(new: Path, path: Path) -> None:
    if path.is_dir():  # a folder of shards gives way in two steps, and takes long to delete
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
