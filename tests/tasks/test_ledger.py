"""The ledger in checkpoints: data that was read, equal for unbroken and resumed runs."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks import FinetuneTask
from gpt_toolkit.tasks.ledger import extend_ledger
from tests.small_runs import Run
from tests.tasks.test_resume import StopsAfter


class Data:
    def __init__(self, plan: str | None, *sources: dict[str, Any]) -> None:
        self.plan, self.sources = plan, list(sources)


class CountsExamples(Callback):
    """Number of training examples that were read, by dataset."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def on_train_batch_end(self, trainer: Trainer, task: Any, outputs: Any, batch: Any, index: int) -> None:
        self.counts[batch.get("task", "")] += len(batch["input_ids"])


def ledger(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = torch.load(path, weights_only=True)["gpt_toolkit"]["ledger"]
    return found


A = {"name": "a.txt", "fingerprint": "aaa", "size": 10, "unit": "windows", "per_step": 2}
B = {**A, "name": "b.txt", "fingerprint": "bbb"}


def test_an_entry_grows_while_the_data_are_the_same() -> None:
    first = extend_ledger([], Data("p", A), 3)
    assert first == [{"first_step": 1, "last_step": 3, "plan": "p", "sources": [A]}]
    assert extend_ledger(first, Data("p", {**A, "name": "moved/a.txt"}), 5) == [{**first[0], "last_step": 5}]
    assert first[0]["last_step"] == 3


@pytest.mark.parametrize("data", [Data("q", A), Data("p", B), Data("p", A, B), Data(None, A)])
def test_other_data_or_another_order_begin_an_entry(data: Data) -> None:
    first = extend_ledger([], Data("p", A), 3)
    assert extend_ledger(first, data, 5) == [
        first[0],
        {"first_step": 4, "last_step": 5, "plan": data.plan, "sources": data.sources},
    ]


def test_a_run_without_new_steps_adds_nothing() -> None:
    first = extend_ledger([], Data("p", A), 3)
    assert extend_ledger(first, Data("q", B), 3) == first
    assert extend_ledger([], Data("p", A), 0) == []


def test_a_custom_datamodule_is_recorded_by_its_class() -> None:
    [entry] = extend_ledger([], Counter(), 3)
    assert (entry["plan"], entry["sources"]) == (None, [{"name": "Counter"}])
    assert len(extend_ledger([entry], Counter(), 4)) == 1


def test_a_resumed_run_has_the_ledger_of_an_unbroken_one(fit: Run, tmp_path: Path) -> None:
    counts, path = CountsExamples(), tmp_path / "run.ckpt"
    trainer, _ = fit(callbacks=[counts])
    trainer.save_checkpoint(path)
    unbroken = ledger(path)
    for stop in (2, 5, 8):
        trainer, _ = fit(ckpt_path=path if stop > 2 else None, callbacks=[StopsAfter(stop)])
        trainer.save_checkpoint(path)
        assert ledger(path)[-1]["last_step"] == stop
    assert ledger(path) == unbroken
    [entry] = unbroken
    [source] = entry["sources"]
    assert counts.counts.total() == 8 * source["per_step"] == 128
    assert entry["plan"].split()[0] == f"tokens={source['fingerprint']}"


def test_a_run_that_resumes_on_other_text_has_two_entries(fit: Run, corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    trainer, _ = fit(callbacks=[StopsAfter(3)])
    trainer.save_checkpoint(path)
    corpus.write_text(corpus.read_text(encoding="utf-8").replace("sat", "stood"), encoding="utf-8")
    trainer, _ = fit(ckpt_path=path, task={"accept_new_plan": True})
    trainer.save_checkpoint(path)
    first, second = ledger(path)
    assert [(e["first_step"], e["last_step"]) for e in (first, second)] == [(1, 3), (4, 8)]
    assert first["sources"][0]["fingerprint"] != second["sources"][0]["fingerprint"]


@pytest.mark.parametrize("batch_tokens", [None, 100])
def test_the_examples_of_each_dataset_are_those_that_were_read(
    batch_tokens: int | None, tmp_path: Path
) -> None:
    files = []
    for name, n in (("moods", 60), ("colors", 25)):
        rows = (f"{'so ' * (i % 7)}{'good' if i % 2 else 'bad'} {i},{i % 2}\n" for i in range(n))
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text("text,label\n" + "".join(rows), encoding="utf-8")
    data = SupervisedDataModule(
        [str(file) for file in files], tokenizer="bytes", n_ctx=32, batch_size=8, batch_tokens=batch_tokens
    )
    task = FinetuneTask({"n_layer": 1, "n_head": 1, "n_embd": 16}, AdamW(lr=0.01))
    counts = CountsExamples()
    trainer = Trainer(
        max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[counts],
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(task, data)
    trainer.save_checkpoint(path := tmp_path / "run.ckpt")
    [entry] = ledger(path)
    assert [Path(source["name"]).stem for source in entry["sources"]] == ["moods", "colors"]
    for source, name in zip(entry["sources"], ("moods", "colors"), strict=True):
        assert source["size"] == len(data._datasets[name == "colors"].builders["train"].selected)
        assert entry["last_step"] * source["per_step"] == pytest.approx(counts.counts[name], abs=8)
