"""Fixtures of the tests of dry runs."""

from pathlib import Path

import pytest

from tests.commands import place, tell

__all__ = ["moods", "place", "tell"]

FINETUNE = """\
trainer: {max_epochs: 2, accelerator: cpu, devices: 1}
model:
  class_path: FinetuneTask
  init_args:
    decoder: {n_layer: 2, n_head: 1, n_embd: 16}
    freeze_layers: 1
    optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
data:
  class_path: SupervisedDataModule
  init_args: {sets: moods.csv, tokenizer: bytes, n_ctx: 32, batch_size: 8}
checkpoints: {monitor: val_score, mode: max}
"""


@pytest.fixture
def moods(place: Path) -> None:
    """Write a labeled file and a config that fine-tunes on it."""
    Path("moods.yaml").write_text(FINETUNE, encoding="utf-8")
    examples = (f"{'so ' * (n % 13)}{'good' if n % 2 else 'bad'} {n},{n % 2}\n" for n in range(40))
    Path("moods.csv").write_text("text,label\n" + "".join(examples), encoding="utf-8")
