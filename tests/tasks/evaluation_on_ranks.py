"""Evaluation and prediction of all tasks on a number of ranks.

    python -m tests.tasks.evaluation_on_ranks RANKS FOLDER

A program of its own, because Lightning starts the other ranks by the same command line. Writes
``results.json``. The numbers of examples are odd, or 1.
"""

import json
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.callbacks import Predictions
from gpt_toolkit.callbacks.console import quiet_lightning
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised import task_dataset
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tasks import FinetuneTask, GenerateTask, PretrainTask
from gpt_toolkit.tokenizers import load_tokenizer
from tests.data.fakes import FakeDataset, spec

CONFIG = DecoderConfig(vocab_size=260, n_ctx=64, n_layer=1, n_head=2, n_embd=16)
QUESTIONS = [Example((f"question {i}",), 0, i, references=(f"answer {i}",)) for i in range(3)]


def classes(name: str, n: int) -> FakeDataset:
    rows = [Example((f"{name} {i * i}",), i % 2, i) for i in range(n)]
    metrics = ("accuracy", "f1", "matthews")
    return FakeDataset(spec(name, metrics=metrics), {"train": rows, "val": rows})


def grades(name: str, n: int) -> FakeDataset:
    rows = [Example((f"{name} {i * i}", "b"), i % 3, i) for i in range(n)]
    metrics = ("pearson", "spearman")
    kind = spec(name, "graded", labels=("0", "1", "2"), levels=(0.0, 1.0, 2.0), metrics=metrics)
    return FakeDataset(kind, {"train": rows, "val": rows})


SETS = {
    **{f"classes{n}": classes(f"classes{n}", n) for n in (1, 5)},
    **{f"grades{n}": grades(f"grades{n}", n) for n in (1, 3)},
    "answers": FakeDataset(
        spec("answers", "text", labels=(), metrics=("exact_match", "bleu"), max_new_tokens=4),
        {"train": QUESTIONS, "val": QUESTIONS},
    ),
}


def run(
    task: LightningModule, data: LightningDataModule, name: str, root: Path, ranks: int
) -> dict[str, Any]:
    """Validate, test and predict, as far as the data allow; return all metrics and predictions."""
    found: dict[str, Any] = {}
    for verb in ("validate", "test", "predict"):
        if verb != "predict" and isinstance(data, PromptsDataModule):
            continue
        trainer = Trainer(
            accelerator="cpu",
            devices=ranks,
            strategy="ddp" if ranks > 1 else "auto",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=root / name,
            callbacks=[Predictions()] if verb == "predict" else [],
        )
        if verb == "predict":
            trainer.predict(task, data, return_predictions=False)
            trainer.strategy.barrier()
            text = (root / name / "predictions.jsonl").read_text(encoding="utf-8")
            found[verb] = sorted(map(json.loads, text.splitlines()), key=str)
        else:
            [*results] = getattr(trainer, verb)(task, data, verbose=False)
            found[verb] = {key: float(value) for result in results for key, value in result.items()}
    return found


def write_inputs(root: Path) -> None:
    """Write a model and the files that are evaluated, for all ranks."""
    torch.manual_seed(0)
    LanguageModel(Decoder(CONFIG), load_tokenizer("bytes")).save(root / "model")
    (root / "train.txt").write_text("abcdefgh " * 30)
    for n in (20, 500):
        (root / f"{n}.txt").write_text(("The cat sat on the mat. " * 30)[:n])
    for n in (1, 3):
        (root / f"{n}-prompts.txt").write_text("".join(f"prompt {i}\n" for i in range(n)))


def evaluate(ranks: int, root: Path) -> dict[str, Any]:
    """Return the results of all tasks."""
    quiet_lightning()
    warnings.filterwarnings("ignore")

    def open_fake(entry: str | Mapping[str, Any], *_: Any, as_text: bool) -> FakeDataset:
        return SETS[str(entry)]

    task_dataset.open_dataset = open_fake  # type: ignore[assignment, attr-defined]
    model = str(root / "model")
    common: dict[str, Any] = {"tokenizer": "bytes", "n_ctx": 64}
    cases: dict[str, tuple[LightningModule, LightningDataModule]] = {}
    for n in (20, 500):
        train, held_out = str(root / "train.txt"), str(root / f"{n}.txt")
        data: LightningDataModule = CorpusDataModule(train, val_files=held_out, **common, batch_size=3)
        cases[f"text-{n}"] = PretrainTask(init_from=model), data
    sets: list[list[str | dict[str, Any]]] = [["classes1", "grades1"], ["classes5", "grades3"], ["answers"]]
    for names in sets:
        task = FinetuneTask(init_from=model)
        task.has_learned = True
        cases["-".join(map(str, names))] = task, SupervisedDataModule(names, **common, batch_size=2)
    for limit in (1, 3):
        benchmarks = ["storyworld:last_word", "storyworld:text"]
        cases[f"zero-shot-{limit}"] = (
            ZeroShotTask(init_from=model, store=False),  # each number of ranks computes its own answers
            ZeroShotDataModule(benchmarks, limit=limit, **common),
        )
    for n in (1, 3):
        data = PromptsDataModule(str(root / f"{n}-prompts.txt"), tokenizer=model, batch_size=1)
        cases[f"prompts-{n}"] = GenerateTask(model, max_new_tokens=3), data
    found = {}
    for name, case in cases.items():
        torch.manual_seed(1)  # of new heads
        found[name] = run(*case, name, root / f"ranks-{ranks}", ranks)
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    found = evaluate(int(sys.argv[1]), folder)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        (folder / "results.json").write_text(json.dumps(found))
