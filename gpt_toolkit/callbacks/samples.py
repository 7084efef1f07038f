"""Samples of text during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.checkpoint_writer import explain_run_write_errors
from gpt_toolkit.callbacks.console import say


class Samples(Callback):
    """Writer of a sample of the model after each validation, to the terminal and ``samples.txt``.

    Args:
        prompt: Text to continue; empty begins a new document.
        max_new_tokens: Tokens to write; 0 writes no samples.
        temperature: Divides the logits; 0 takes the likeliest token each time.
        top_k: Draw among the N likeliest tokens (GPT-2 Table 13: 40); 0 draws among all.
        top_p: Draw among the likeliest tokens that together reach this probability; 1 is off.
    """

    def __init__(
        self,
        prompt: str = "",
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 40,
        top_p: float = 1.0,
    ) -> None:
        self.prompt, self.max_new_tokens = prompt, max_new_tokens
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self._n_bytes = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the length of the file."""
        return {"n_bytes": self._n_bytes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the length of the file at the checkpoint."""
        self._n_bytes = state_dict["n_bytes"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove what was written after the checkpoint; raise if a setting is out of range."""
        if self.writes_with(pl_module):
            self.write(pl_module, max_new_tokens=0)
        path = self._path(trainer)
        if trainer.is_global_zero and path.exists() and path.stat().st_size > self._n_bytes:
            with explain_run_write_errors(path), path.open("r+b") as file:
                file.truncate(self._n_bytes)

    @staticmethod
    def _path(trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir) / "samples.txt"

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a sample and append it to the file, if the task can write one."""
        if trainer.sanity_checking or trainer.state.fn != "fit" or not self.writes_with(pl_module):
            return
        text = self.write(pl_module, self.max_new_tokens)
        if not trainer.is_global_zero or text is None:
            return
        step = trainer.global_step
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            path = self._path(trainer)
            with explain_run_write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8", newline="\n") as file:
                    file.write(f"=== step {step}\n{text}\n\n")
                self._n_bytes = path.stat().st_size
        say(f"--- sample at step {step:,}\n{text}\n---")

    def writes_with(self, task: LightningModule) -> bool:
        """Return whether samples are requested and the task can write them."""
        return self.max_new_tokens > 0 and hasattr(task, "write_sample")

    def write(self, task: Any, max_new_tokens: int) -> str | None:
        """Return a sample of the task's model; None if it cannot write now.

        Raises:
            ValueError: If a setting is out of range; the message names all of them.
        """
        try:
            return task.write_sample(  # type: ignore[no-any-return]
                self.prompt,
                max_new_tokens=max_new_tokens,
                temperature=self.temperature,
                top_k=self.top_k,
                top_p=self.top_p,
            )
        except ValueError as error:
            raise ValueError(f"samples: {error}") from None
