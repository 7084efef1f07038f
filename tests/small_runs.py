"""A small corpus, and runs on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer, seed_everything

from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.optim import AdamW, Linear
from gpt_toolkit.tasks import PretrainTask

TEXT = "".join(
    f"{word} sat by the {place} at {hour} o'clock.\n"
    for word in ("Mira", "Otto", "The cat")
    for place in ("door", "well", "old oak", "sea")
    for hour in range(1, 13)
)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a text file of a few kilobytes, and use a separate token cache."""
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


Run = Callable[..., tuple[Trainer, PretrainTask]]


@pytest.fixture
def fit(corpus: Path, tmp_path: Path) -> Run:
    """Train a tiny decoder; keyword arguments change the run, `losses` collects each step's loss."""

    def run(
        *,
        max_steps: int = 8,
        ckpt_path: Path | None = None,
        batch_size: int = 16,
        accumulate: int = 1,
        decoder: dict[str, Any] | None = None,
        losses: list[float] | None = None,
        data: dict[str, Any] | None = None,
        task: dict[str, Any] | None = None,
        total_steps: int | None = 8,
        seed: int = 0,
        **trainer_arguments: Any,
    ) -> tuple[Trainer, PretrainTask]:
        seed_everything(seed, verbose=False)
        shape = {"n_layer": 2, "n_head": 2, "n_embd": 16, **(decoder or {})}
        module = RecordingTask(
            losses,
            total_steps,
            decoder=shape,
            **{"optimizer": AdamW(lr=0.01), "schedule": Linear(), **(task or {})},
        )
        datamodule = CorpusDataModule(
            files=str(corpus),
            tokenizer="bytes",
            **{"n_ctx": 32, "batch_size": batch_size, "val_fraction": 0.1, **(data or {})},
        )
        trainer = Trainer(
            max_steps=max_steps,
            accumulate_grad_batches=accumulate,
            accelerator="cpu",
            devices=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            default_root_dir=tmp_path / "run",
            **{
                **{"enable_checkpointing": False, "logger": False, "log_every_n_steps": 1},
                **{"gradient_clip_val": 1.0, **trainer_arguments},
            },
        )
        trainer.fit(module, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
        return trainer, module

    return run


class RecordingTask(PretrainTask):
    """A task that stores the loss of each step; its schedule may end at another step, as in a stopped run."""

    def __init__(self, losses: list[float] | None, total_steps: int | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.losses, self._total_steps = losses, total_steps

    def total_steps(self) -> int:
        return super().total_steps() if self._total_steps is None else self._total_steps

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        steps = self.trainer.global_step
        super().on_train_batch_end(outputs, batch, batch_idx)
        if self.losses is not None and steps != self._step_before_batch:
            self.losses.append(float(self.trainer.callback_metrics["train_loss"]))
