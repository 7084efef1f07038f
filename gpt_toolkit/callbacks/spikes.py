"""Guard against steps whose loss or gradient is not finite, or far above those before."""

from __future__ import annotations

import json
import math
import statistics
from collections import deque
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from gpt_toolkit.callbacks.checkpoint_writer import CheckpointWriter, explain_run_write_errors
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.io import write_text

Action = Literal["stop", "skip", "rewind"]


class SpikeError(ValueError):
    """Error that ends a run at a bad step."""


class Spikes(Callback):
    """Guard that keeps bad steps out of the weights.

    A step is bad if its loss or the norm of its gradient is not finite. With ``z_score`` it is also bad if
    its loss, or the logarithm of the norm, exceeds the mean of the last ``window`` good steps by more than
    ``z_score`` standard deviations. The update of a bad step never reaches weights or optimizer state.

    A bad step is counted like any other: the data and the learning rate of the next step follow. It is
    recorded in ``spikes.jsonl`` and in the checkpoints.

    Args:
        action: Reaction to a bad step. ``stop``: end the run with an error. ``skip``: continue without its
            update. ``rewind``: also restore the weights and the optimizer state of ``last.ckpt``. This undoes
            the steps since then.
        z_score: Largest distance of a good step, in standard deviations; null: only values that are not
            finite are bad.
        window: Number of good steps that mean and standard deviation are taken over.
        limit: Number of bad steps, among ``window`` steps, after which the run ends with an error.

    Attributes:
        events: Record of each bad step.
    """

    def __init__(
        self, action: Action = "stop", z_score: float | None = None, window: int = 100, limit: int = 10
    ) -> None:
        problems = []
        if action not in ("stop", "skip", "rewind"):
            problems.append(f"action: {action!r}; expected stop, skip or rewind")
        if z_score is not None and not z_score > 0:
            problems.append(f"z_score: {z_score}; expected a number above 0, or null")
        if window < 2:
            problems.append(f"window: {window}; expected at least 2 steps")
        if limit < 1:
            problems.append(f"limit: {limit}; expected at least 1")
        if problems:
            raise ValueError("; ".join(f"spikes.{problem}" for problem in problems))
        self.action, self.z_score, self.window, self.limit = action, z_score, window, limit
        self.events: list[dict[str, Any]] = []
        self._losses: deque[float] = deque(maxlen=window)
        self._norms: deque[float] = deque(maxlen=window)  # logarithms
        self._rewinds = False
        self._trainer: Trainer | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the record, and the good steps that the next ones are compared with."""
        return {"events": self.events, "losses": list(self._losses), "norms": list(self._norms)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the record and the good steps."""
        self.events = list(state_dict["events"])
        self._losses = deque(state_dict["losses"], maxlen=self.window)
        self._norms = deque(state_dict["norms"], maxlen=self.window)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the task ask before each update."""
        self._trainer = trainer
        task: Any = pl_module
        if hasattr(task, "step_guard"):
            task.step_guard = self.accepts

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove what was recorded after the checkpoint."""
        if trainer.is_global_zero and self._path(trainer).exists():
            self._write(trainer)

    @staticmethod
    def _path(trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir) / "spikes.jsonl"

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Release the task, which another Trainer may train."""
        task: Any = pl_module
        if getattr(task, "step_guard", None) == self.accepts:
            task.step_guard = None

    def accepts(self, loss: Tensor, gradient_norm: Tensor) -> bool:
        """Return whether the update of a step may be made; record the step if not.

        Args:
            loss: Mean loss of the step, on all ranks: ``()``.
            gradient_norm: Norm of its gradient over all parameters, on all ranks: ``()``.

        Raises:
            SpikeError: If the run must end.
        """
        trainer = self._trainer
        assert trainer is not None
        loss_value, norm = torch.stack([loss.detach().float(), gradient_norm.detach().float()]).tolist()
        scales = getattr(trainer.precision_plugin, "scaler", None) is not None
        if scales and math.isfinite(loss_value) and not math.isfinite(norm):
            return True  # the loss scale is too high: the scaler leaves the update out and halves it
        reason = self._problem(loss_value, norm)
        if reason is None:
            self._losses.append(loss_value)
            self._norms.append(math.log(max(norm, 1e-30)))
            return True
        self._record(trainer, trainer.global_step + 1, reason, loss_value, norm)
        return False

    def _problem(self, loss: float, norm: float) -> str | None:
        """Return why a step is bad; None for a good one."""
        if not math.isfinite(loss):
            return f"loss {loss}"
        if not math.isfinite(norm):
            return f"gradient norm {norm}"
        if self.z_score is None or len(self._losses) < self.window:
            return None
        for name, value, shown, before in (
            ("loss", loss, loss, self._losses),
            ("gradient norm", math.log(max(norm, 1e-30)), norm, self._norms),
        ):
            mean, deviation = statistics.fmean(before), statistics.stdev(before)
            if value - mean > self.z_score * deviation:
                z = (value - mean) / deviation if deviation else math.inf
                return f"{name} {shown:.4g}, {z:.1f} standard deviations above the last {self.window} steps"
        return None

    def _record(self, trainer: Trainer, step: int, reason: str, loss: float, norm: float) -> None:
        recent = sum(event["step"] > step - self.window for event in self.events) + 1
        gives_up = self.action != "stop" and recent > self.limit
        action = "stop" if gives_up else self.action
        # JSON has no NaN and no infinity
        event = {
            "step": step,
            "reason": reason,
            "loss": str(loss),
            "gradient_norm": str(norm),
            "action": action,
        }
        self.events.append(event)
        if trainer.is_global_zero:
            self._write(trainer)
        if action == "stop":
            more = f"{recent} bad steps among the last {self.window}; " if gives_up else ""
            raise SpikeError(
                f"step {step:,}: {reason}; {more}its update was not made; resume with --ckpt_path last and a "
                "lower learning rate, or leave such steps out with --spikes.action skip or rewind"
            )
        self._rewinds = action == "rewind"
        if trainer.is_global_zero:
            say(f"step {step:,}: {reason}; its update was left out")

    def _write(self, trainer: Trainer) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        path = self._path(trainer)
        with explain_run_write_errors(path):
            write_text(path, "".join(json.dumps(event) + "\n" for event in self.events))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Restore the last checkpoint after a bad step, if requested."""
        if not self._rewinds:
            return
        self._rewinds = False
        path = CheckpointWriter.folder_of(Path(trainer.default_root_dir)) / "last.ckpt"
        if not trainer.strategy.broadcast(path.exists()):
            done = "no checkpoint to restore yet"
        else:
            checkpoint = trainer.strategy.load_checkpoint(path, weights_only=True)
            trainer.strategy.load_model_state_dict(checkpoint)
            trainer.strategy.load_optimizer_state_dict(checkpoint)
            pl_module.apply_settings()  # type: ignore[operator]  # the learning rate is that of the next step
            self.events[-1]["restored_step"] = int(checkpoint["global_step"])
            done = f"weights and optimizer restored from step {checkpoint['global_step']:,}"
        if trainer.is_global_zero:
            self._write(trainer)
            say(done)
