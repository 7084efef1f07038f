"""Token ids and examples of each training step and of validation, as recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from torch import Tensor

from gpt_toolkit import CorpusDataModule, SupervisedDataModule
from tests.golden.material import assert_same, corpus_files, digest, kept, trainer

SEEDS = (0, 1, 20_260)
RANKS = (1, 2)
STEPS = 14  # two passes over the text and more
SETS = ["storyworld:acceptability:60", "storyworld:endings:40", "storyworld:similarity:30"]
CASES = tuple(
    f"{kind} seed {seed}, {ranks} rank{'s' * (ranks > 1)}"
    for kind in ("windows", "rows", "rows as text")
    for seed in SEEDS
    for ranks in RANKS
)


class Reader(LightningModule):
    """A model with one parameter that records its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[list[str]] = []
        self.validated: list[str] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        while len(self.trained) <= self.global_step:
            self.trained.append([])
        self.trained[self.global_step].append(shown(batch))
        return self.weight * 1.0

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.validated.append(shown(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def shown(batch: Any) -> str:
    """Write a batch as a line: dataset and examples if it has them, and a hash of its content."""
    ids = ("input_ids", "labels", "lengths", "target", "subsets")
    held = [
        digest(
            str(tuple(batch[name].shape)), str(batch[name].dtype), batch[name].contiguous().numpy().tobytes()
        )
        for name in ids
        if name in batch
    ]
    whole = batch.get("step_targets", batch.get("step_examples"))
    told = digest(*held, str(whole), str(batch.get("references")))
    if "task" not in batch:
        return told
    return f"{batch['task']} {','.join(map(str, batch['examples'].tolist()))} {told}"


def data_of(kind: str, seed: int, folder: Path) -> LightningDataModule:
    """Make the DataModule of a case."""
    if kind == "windows":
        files = corpus_files(folder, 60)
        return CorpusDataModule(**files, tokenizer="bytes", n_ctx=16, batch_size=4, seed=seed)
    as_text: dict[str, Any] = {"as_text": True, "n_examples": 1} if kind == "rows as text" else {}
    return SupervisedDataModule(
        list(SETS),
        tokenizer="bytes",
        n_ctx=96,
        batch_size=4,
        batch_tokens=1000,
        val_rows=9,
        seed=seed,
        **as_text,
    )


def values(case: str, folder: Path) -> dict[str, Any]:
    """Read the first steps and the validation split, rank after rank."""
    kind, _, rest = case.partition(" seed ")
    seed, n_ranks = int(rest.split(",")[0]), int(rest.split()[1])
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for rank in range(n_ranks):
            ranks = {"num_replicas": n_ranks, "rank": rank}
            patch.setattr(Trainer, "distributed_sampler_kwargs", ranks)
            reader = Reader()
            run = trainer(
                folder,
                max_steps=STEPS,
                accumulate_grad_batches=2,
                val_check_interval=2 * STEPS,
                check_val_every_n_epoch=None,
            )
            run.fit(reader, datamodule=data_of(kind, seed, folder))
            found[f"rank {rank}"] = {"train": reader.trained, "val": reader.validated}
    return found


@pytest.mark.parametrize("case", CASES)
def test_each_rank_reads_what_was_recorded(case: str, tmp_path: Path) -> None:
    assert_same(values(case, tmp_path), kept("data_order")[case])
