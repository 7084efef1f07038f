"""How much the built-in world's runs may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gpt_toolkit.hardware import default_device, is_native

_SLOW: Final = ("reading", "endings")
"""Tasks whose rows are several long sequences each."""


@dataclass(frozen=True)
class Budget:
    """What the runs are given beyond their configs.

    Args:
        pretrain: Arguments of the backbone's ``fit``.
        pretrain_steps: Its updates.
        n_layer: Layers of that backbone, for the plan before it is there.
        finetune: Arguments of each fine-tuning ``fit``.
        rows: Training rows of a task; of the slow ones, ``slow_rows``. None: the config's.
        slow_rows: See ``rows``.
        pretrain_seconds: Of pre-training on two CPU cores, measured or reckoned.
        rates: Rows a second that fine-tuning reads on two CPU cores, by task.
        epochs: Of fine-tuning, for the estimate.
    """

    pretrain: tuple[str, ...]
    pretrain_steps: int
    n_layer: int
    finetune: tuple[str, ...] = ()
    rows: int | None = None
    slow_rows: int | None = None
    pretrain_seconds: float = 0.0
    rates: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 3

    def rows_of(self, task: str) -> int | None:
        """Training rows of a task; None: the config's."""
        return self.slow_rows if task in _SLOW else self.rows

    def finetune_arguments(self, task: str) -> list[str]:
        """What a task's fine-tuning is given."""
        rows = self.rows_of(task)
        return [*self.finetune, *(() if rows is None else ("--data.train_rows", str(rows)))]

    def seconds(self, task: str) -> float:
        """Estimate the time of a fine-tuning of the task, start and test included, before the first run."""
        rows = self.rows_of(task) or 8000  # the world's own number of training rows
        return _START_SECONDS + slowness() * (rows * self.epochs + _TEST_ROWS / 3) / self.rates[task]


def slowness() -> float:
    """Return how many times as long this machine takes as the one with bf16 that was measured, roughly."""
    import torch

    return 1.0 if is_native(torch.bfloat16, default_device()) else _WITHOUT_BF16


_WITHOUT_BF16: Final = 2.5  # fp32 on two AVX2 cores against bf16 on two with AVX-512 bf16, measured
_START_SECONDS: Final = 8.0  # two starts of the command line in one process, measured
_TEST_ROWS: Final = 2000  # validation and test; without gradients three times as fast

# Rows a second in fine-tuning gpt-micro (4 layers of 128) in bf16 on 2 CPU cores, measured
_MICRO: Final = {
    "acceptability": 540,
    "sentiment": 385,
    "entailment": 160,
    "paraphrase": 225,
    "similarity": 135,
    "endings": 53,
    "reading": 22,
}


def _times(factor: float) -> dict[str, float]:
    return {task: rate * factor for task, rate in _MICRO.items()}


BUDGETS: Final[Mapping[str, Budget]] = {
    "quick": Budget(
        ("--config", "storyworld/scaling_nano"),
        300,
        2,
        ("--data.val_rows", "200", "--trainer.max_epochs", "1"),
        rows=640,
        slow_rows=320,
        pretrain_seconds=60,
        rates=_times(3),
        epochs=1,
    ),
    "standard": Budget(
        ("--config", "storyworld/scaling_mini"),
        2500,
        3,
        ("--data.val_rows", "500"),
        slow_rows=2000,
        pretrain_seconds=1300,
        rates=_times(0.4),  # 3 layers of 256; reckoned
    ),
    "full": Budget(
        ("--config", "storyworld/pretrain"),
        6500,
        3,
        pretrain_seconds=7200,
        rates=_times(0.25),  # 3 layers of 336; reckoned
    ),
}
"""``quick`` shows that everything runs, ``standard`` what pre-training is worth, ``full`` is the
configs as they stand. All numbers are ours."""
