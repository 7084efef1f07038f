"""How far a run is, how fast, and how long it will still take."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class ProgressLine(Callback):
    """One line about the run: step, loss, validation loss, tokens/s, time left.

    A bar on a terminal, elsewhere a printed line now and then. Tokens per second count training only, without
    validation and checkpoints, over the time since the last update of the line; time left counts all.

    Args:
        every_seconds: Seconds between two updates where there is no terminal.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds
        self.tokens_per_second = math.nan
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Describe the run, begin the line."""
        self._first_step = self._seen_step = trainer.global_step
        self._start = self._mark = self._printed = time.perf_counter()
        self._pause = 0.0
        self._tokens = 0
        self._total = pl_module.total_steps() if hasattr(pl_module, "total_steps") else trainer.max_steps
        if not trainer.is_global_zero:
            return
        self._describe(trainer, pl_module)
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=None), TextColumn("{task.description}"), console=self._console, expand=True
            )
            self._task = self._bar.add_task("starting", total=self._total, completed=trainer.global_step)
            self._bar.start()

    def _describe(self, trainer: Trainer, pl_module: LightningModule) -> None:
        config = pl_module.backbone.config  # type: ignore[union-attr]
        name = pl_module.decoder if isinstance(pl_module.decoder, str) else pl_module.decoder.get("preset", "decoder")  # type: ignore
        devices = f"{trainer.world_size} x " if trainer.world_size > 1 else ""
        device = "CPU" if pl_module.device.type == "cpu" else torch.cuda.get_device_name(pl_module.device)
        self._console.print(
            f"{name}: {config.n_params / 1e6:,.1f} M parameters, context {config.n_ctx}, vocabulary "
            f"{config.vocab_size:,}; {devices}{device} {trainer.precision}; {self._total:,} steps",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int  # noqa: ANN401
    ) -> None:
        """After an update, refresh the line when it is due."""
        step = trainer.global_step
        if step == self._seen_step:
            return
        self._seen_step = step
        self._tokens += batch["step_targets"]
        if step % trainer.log_every_n_steps and step != self._total:
            return
        now = time.perf_counter()
        self.tokens_per_second = self._tokens / max(now - self._mark, 1e-9)
        self._mark, self._tokens = now, 0
        for logger in trainer.loggers:
            logger.log_metrics({"tokens_per_second": self.tokens_per_second}, step)
        if trainer.is_global_zero:
            self._show(trainer, step, now)

    def _show(self, trainer: Trainer, step: int, now: float) -> None:
        line = self._line(trainer, step, now)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=line)
        elif now - self._printed >= self.every_seconds or step == self._total:
            self._printed = now
            print(line, file=sys.stderr, flush=True)

    def _line(self, trainer: Trainer, step: int, now: float) -> str:
        metrics = trainer.callback_metrics
        losses = [
            f"{label} {float(metrics[name]):.3f}"
            for label, name in (("loss", "train_loss"), ("val", "val_loss"))
            if name in metrics
        ]
        left = (now - self._start) / max(step - self._first_step, 1) * (self._total - step)
        parts = [f"step {step:,}/{self._total:,}", *losses, f"{self.tokens_per_second:,.0f} tokens/s", f"left {clock(left)}"]
        return "  ".join(parts)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of tokens per second."""
        self._pause = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let it go on; checkpoints and samples that follow are seen as validation too."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._mark += time.perf_counter() - self._pause

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line, so that what comes next stands below it."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
