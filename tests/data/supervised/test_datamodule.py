import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from gpt_toolkit.batches import IGNORE_INDEX, SupervisedBatch, TaskSpec
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.data.supervised.dataset import Example
from tests.data.fakes import FakeDataset, single, spec

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # lightning 2.6.6 with torch 2.13
]

PAIRS = [Example((f"premise {i}", f"claim {i}"), i % 3, i, ("near", "far")[i % 2]) for i in range(30)]
CHOICES = [Example((f"story {i}.", "Who?", "He.", "She.", f"It {i}."), i % 3, i) for i in range(20)]
QUESTIONS = [Example((f"question {i}",), 0, i, references=(f"answer {i}", "any")) for i in range(25)]


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeDataset]:
    """Let the module open these datasets by name."""
    found = {
        "a": single("a", 37, n_val=6),
        "b": single("b", 150, n_val=9),
        "nli": FakeDataset(
            spec("nli", labels=("true", "unclear", "false"), subsets=("near", "far")),
            {"train": PAIRS, "val": PAIRS[:7]},
        ),
        "choice": FakeDataset(
            spec("choice", "multiple_choice", labels=(), choices=3), {"train": CHOICES, "val": CHOICES[:5]}
        ),
        "qa": FakeDataset(
            spec("qa", "text", labels=(), metrics=("exact_match",), max_new_tokens=12),
            {"train": QUESTIONS, "val": QUESTIONS[:6]},
        ),
    }

    def open_fake(entry: str | Mapping[str, Any], *_: Any, as_text: bool) -> FakeDataset:
        return found[str(entry)]

    monkeypatch.setattr("gpt_toolkit.data.supervised.task_dataset.open_dataset", open_fake)
    return found


def data(names: list[str] | str, **options: Any) -> SupervisedDataModule:
    return SupervisedDataModule(names, **{"tokenizer": "bytes", "n_ctx": 64, "batch_size": 8, **options})  # type: ignore[arg-type]


def ready(names: list[str] | str, stage: str | None = None, **options: Any) -> SupervisedDataModule:
    module = data(names, **options)
    module.prepare_data()
    module.setup(stage)
    return module


def key(batch: SupervisedBatch) -> tuple[str, tuple[int, ...], int]:
    return batch["task"], tuple(batch["examples"].tolist()), batch["step_examples"]


class Recorder(LightningModule):
    """A model with one parameter that records its batches.

    Args:
        stop_at: Micro-batch, counted over the run, at which it raises.
    """

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.stop_at = stop_at
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, tuple[str, tuple[int, ...], int]]] = []
        self.evaluated: list[SupervisedBatch] = []

    def training_step(self, batch: SupervisedBatch, batch_idx: int) -> Tensor:
        if len(self.seen) == self.stop_at:
            raise InterruptedError
        self.seen.append((self.global_step, key(batch)))
        return self.weight * 1.0

    def validation_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.evaluated.append(batch)

    test_step = validation_step

    def predict_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        self.evaluated.append(batch)
        return batch["examples"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def steps(self) -> dict[int, Counter[tuple[str, tuple[int, ...], int]]]:
        result: dict[int, Counter[tuple[str, tuple[int, ...], int]]] = {}
        for step, batch in self.seen:
            result.setdefault(step, Counter())[batch] += 1
        return result


def trainer(folder: Path, **options: Any) -> Trainer:
    quiet = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "default_root_dir": folder,
        "limit_val_batches": 0,
    }
    return Trainer(**{**quiet, **options})


def fit(folder: Path, names: list[str], ckpt_path: Path | None = None, **options: Any) -> Recorder:
    own = {
        name: options.pop(name) for name in ("batch_size", "batch_tokens", "num_workers") if name in options
    }
    model = Recorder()
    trainer(folder, **options).fit(model, datamodule=data(names, **own), ckpt_path=ckpt_path)
    return model


def test_the_module_is_what_a_fine_tuning_task_expects(sets: dict[str, FakeDataset]) -> None:
    module = ready(["a", "nli", "choice"])
    assert (module.n_ctx, module.n_special_tokens, module.vocabulary.vocab_size) == (64, 3, 257)
    assert dict(module.tasks) == {name: sets[name].spec for name in ("a", "nli", "choice")}
    assert isinstance(module.plan, str)


def test_micro_batches_of_a_step_are_the_batches_of_the_stream(
    sets: dict[str, FakeDataset], tmp_path: Path
) -> None:
    one = fit(tmp_path, ["a", "b"], max_steps=24).seen
    for accumulate in (2, 4):
        model = fit(tmp_path, ["a", "b"], max_steps=24 // accumulate, accumulate_grad_batches=accumulate)
        assert [batch[:2] for _, batch in model.seen] == [batch[:2] for _, batch in one]
        for step in range(24 // accumulate):
            batches = [batch for at, batch in model.seen if at == step]
            assert len(batches) == accumulate
            assert {batch[2] for batch in batches} == {sum(len(rows) for _, rows, _ in batches)}


@pytest.mark.parametrize(("saved_after", "num_workers"), [(1, 0), (13, 0), (24, 0), (13, 1)])
def test_a_resumed_run_reads_what_the_unbroken_run_reads(
    saved_after: int, num_workers: int, sets: dict[str, FakeDataset], tmp_path: Path
) -> None:
    names, accumulate = ["a", "b", "nli"], 2
    options: dict[str, Any] = {"accumulate_grad_batches": accumulate, "batch_tokens": 512}
    unbroken = fit(tmp_path, names, max_steps=40, **options).steps()
    checkpoint = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=saved_after, save_top_k=-1)
    fit(
        tmp_path,
        names,
        max_steps=saved_after + 1,
        callbacks=[checkpoint],
        enable_checkpointing=True,
        **options,
    )
    path = tmp_path / f"step={saved_after}.ckpt"
    resumed = fit(tmp_path, names, path, max_steps=40, num_workers=num_workers, **options).steps()
    assert resumed == {step: unbroken[step] for step in range(saved_after, 40)}


def test_a_step_that_a_checkpoint_caught_half_way_is_done_again(
    sets: dict[str, FakeDataset], tmp_path: Path
) -> None:
    unbroken = fit(tmp_path, ["a", "b"], max_steps=9, accumulate_grad_batches=4).steps()
    first = trainer(tmp_path, max_steps=9, accumulate_grad_batches=4)
    with pytest.raises(InterruptedError):
        first.fit(Recorder(stop_at=18), datamodule=data(["a", "b"]))
    first.save_checkpoint(tmp_path / "half.ckpt")
    resumed = fit(tmp_path, ["a", "b"], tmp_path / "half.ckpt", max_steps=9, accumulate_grad_batches=4)
    assert resumed.steps() == {step: unbroken[step] for step in range(4, 9)}


@pytest.mark.parametrize(
    ("accumulate", "limit", "steps"), [(1, 1.0, 28), (4, 1.0, 7), (3, 1.0, 10), (1, 5, 5)]
)
def test_an_epoch_has_as_many_steps_as_read_all_rows_once(
    accumulate: int, limit: float, steps: int, sets: dict[str, FakeDataset], tmp_path: Path
) -> None:
    run = trainer(tmp_path, max_epochs=2, accumulate_grad_batches=accumulate, limit_train_batches=limit)
    module, model = data(["a", "b", "nli"]), Recorder()
    run.fit(model, datamodule=module)
    assert module.steps_per_epoch == steps
    assert run.global_step == 2 * steps
    if accumulate == 4:  # 5 + 19 + 4 batches are whole steps
        rows = Counter((name, row) for step, (name, rows, _) in model.seen if step < 7 for row in rows)
        assert set(rows.values()) == {1}
        assert Counter(name for name, _ in rows) == {"a": 37, "b": 150, "nli": 30}


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_divide_steps_and_validation(
    world_size: int, sets: dict[str, FakeDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fit(tmp_path, ["a", "b"], max_steps=8, accumulate_grad_batches=6).steps()
    found: dict[int, Counter[Any]] = {}
    validated: Counter[tuple[str, int]] = Counter()
    for rank in range(world_size):
        kwargs = {"num_replicas": world_size, "rank": rank}
        monkeypatch.setattr(Trainer, "distributed_sampler_kwargs", kwargs)
        accumulate = 6 // world_size
        model = fit(
            tmp_path,
            ["a", "b"],
            max_steps=8,
            accumulate_grad_batches=accumulate,
            limit_val_batches=1.0,
            num_sanity_val_steps=0,
            val_check_interval=4 * accumulate,
        )
        for step, batches in model.steps().items():
            found.setdefault(step, Counter()).update(batches)
        for batch in model.evaluated:
            validated.update((batch["task"], row) for row in batch["examples"].tolist())
    assert found == expected
    rows = [("a", row) for row in range(6)] + [("b", row) for row in range(9)]
    assert validated == dict.fromkeys(rows, validated["a", 0])


def test_a_mixture_of_one_set_trains_as_the_set_alone(sets: dict[str, FakeDataset], tmp_path: Path) -> None:
    alone = list(ready("b").train_dataloader())
    equal = list(ready(["b"], mixture="equal").train_dataloader())
    in_mixture = [batch for batch in ready(["a", "b"]).train_dataloader() if batch["task"] == "b"]
    assert len(alone) == len(in_mixture) == 19
    for other in (equal, in_mixture):
        for mine, theirs in zip(alone, other, strict=True):
            torch.testing.assert_close(mine["input_ids"], theirs["input_ids"], rtol=0, atol=0)
            torch.testing.assert_close(mine["labels"], theirs["labels"], rtol=0, atol=0)


def test_rows_of_a_batch_are_sets_rows_with_targets_and_parts(sets: dict[str, FakeDataset]) -> None:
    for batch in ready(["nli"]).train_dataloader():
        torch.testing.assert_close(batch["target"], batch["examples"] % 3)
        torch.testing.assert_close(batch["subsets"], batch["examples"] % 2)


def test_setting_up_again_forgets_the_former_order(sets: dict[str, FakeDataset]) -> None:
    module = ready("b", "fit")
    assert module.steps_per_epoch == 19
    module.batch_size = 4
    module.setup("fit")
    assert module.steps_per_epoch == 38


def test_each_set_has_a_loader_for_validation(sets: dict[str, FakeDataset]) -> None:
    loaders = ready(["a", "nli", "choice"], batch_size=2).val_dataloader()
    found = [list(loader) for loader in loaders]
    assert [{batch["task"] for batch in batches} for batches in found] == [{"a"}, {"nli"}, {"choice"}]
    rows = [sorted(row for batch in batches for row in batch["examples"].tolist()) for batches in found]
    assert rows == [list(range(6)), list(range(7)), list(range(5))]


def test_train_rows_are_nested_and_val_rows_are_spread(sets: dict[str, FakeDataset]) -> None:
    def rows(loader: Any) -> set[int]:
        return {row for batch in loader for row in batch["examples"].tolist()}

    few = rows(ready("b", train_rows=20).train_dataloader())
    more = rows(ready("b", train_rows=40).train_dataloader())
    assert (len(few), len(more)) == (20, 40)
    assert few < more
    assert few != rows(ready("b", train_rows=20, seed=1).train_dataloader())
    assert rows(ready("b", val_rows=3).val_dataloader()[0]) == {0, 3, 6}
    assert rows(ready("b", train_rows=10**6).train_dataloader()) == set(range(150))


def test_the_plan_names_what_decides_the_order(sets: dict[str, FakeDataset]) -> None:
    def plan(names: list[str], **options: Any) -> str:
        return ready(names, "fit", **options).plan

    base = plan(["a", "b"])
    assert base == plan(["a", "b"], val_rows=2, num_workers=1)
    others = {
        plan(["b", "a"]),
        plan(["a"]),
        plan(["a", "b"], seed=1),
        plan(["a", "b"], n_ctx=32),
        plan(["a", "b"], batch_size=4),
        plan(["a", "b"], batch_tokens=640),
        plan(["a", "b"], bucket=1),
        plan(["a", "b"], mixture="equal"),
        plan(["a", "b"], mixture="capped", cap=50),
        plan(["a", "b"], mixture="temperature", temperature=2.0),
        plan(["a", "b"], train_rows=5),
        plan(["a", "b"], as_text=True),
    }
    assert len(others - {base}) == 12


# ---------------------------------------------------------------------- as text


def decoded(batch: SupervisedBatch, module: SupervisedDataModule) -> list[str]:
    ids, lengths = batch["input_ids"][:, 0], batch["lengths"][:, 0].tolist()
    return [module.vocabulary.decode(row[:n].tolist()) for row, n in zip(ids, lengths, strict=True)]


def test_labels_are_hidden_in_the_next_tokens_where_sets_are_taken_as_text(
    sets: dict[str, FakeDataset],
) -> None:
    module = ready(["a", "nli"], as_text=True, batch_size=37)
    assert module.n_special_tokens == 0
    assert module.tasks["a"] == TaskSpec("a", "text", ("no", "yes"), 1, ("accuracy",), max_new_tokens=5)
    batch = next(iter(module.train_dataloader()))
    names = {"a": ("no", "yes"), "nli": ("true", "unclear", "false")}[batch["task"]]
    for text, target, labels in zip(
        decoded(batch, module), batch["target"].tolist(), batch["labels"][:, 0], strict=True
    ):
        assert text.endswith(f": {names[target]}<|endoftext|>")
        learned = module.vocabulary.decode(labels[labels != IGNORE_INDEX].tolist())
        assert learned == f" {names[target]}<|endoftext|>"
    assert batch["references"] == []
    (held,) = ready("a", as_text=True).val_dataloader()
    for batch in held:
        assert bool((batch["labels"] == IGNORE_INDEX).all())
        assert batch["references"] == [[("no", "yes")[target]] for target in batch["target"].tolist()]
        assert all(text.endswith("Label (no or yes):") for text in decoded(batch, module))


def test_sets_with_heads_and_sets_of_text_share_a_mixture(sets: dict[str, FakeDataset]) -> None:
    module = ready(["choice", "qa"])
    assert module.n_special_tokens == 3
    assert [task.kind for task in module.tasks.values()] == ["multiple_choice", "text"]
    shapes = {batch["task"]: batch["input_ids"].shape[1] for batch in module.train_dataloader()}
    assert shapes == {"choice": 3, "qa": 1}
    answered = list(module.val_dataloader()[1])
    references = {
        row: texts
        for batch in answered
        for row, texts in zip(batch["examples"].tolist(), batch["references"], strict=True)
    }
    assert references[4] == ["answer 4", "any"]
    assert all(batch["target"].tolist() == [0] * len(batch["examples"]) for batch in answered)


def test_examples_in_context_are_training_rows(sets: dict[str, FakeDataset]) -> None:
    module = ready("qa", "validate", n_examples=2, n_ctx=128)
    (loader,) = module.val_dataloader()
    for batch in loader:
        for row, text in zip(batch["examples"].tolist(), decoded(batch, module), strict=True):
            first, second, asked = text.removeprefix("<|endoftext|>").split("\n\n")
            assert asked == f"question {row}\nAnswer:"
            for example in (first, second):
                number = example.rsplit(" ", 1)[1]
                assert example == f"question {number}\nAnswer: answer {number}"


def test_no_row_to_learn_is_its_own_example(sets: dict[str, FakeDataset]) -> None:
    module = ready("qa", n_examples=20, n_ctx=1024)
    for batch in module.train_dataloader():
        for row, text in zip(batch["examples"].tolist(), decoded(batch, module), strict=True):
            *examples, asked = text.removeprefix("<|endoftext|>").split("\n\n")
            assert len(set(examples)) == 20
            assert asked == f"question {row}\nAnswer: answer {row}<|endoftext|>"
            assert asked.removesuffix("<|endoftext|>") not in examples


# ---------------------------------------------------------------------- testing and what is refused


def test_only_the_test_split_is_tested_and_validation_keeps_its_name(
    sets: dict[str, FakeDataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gpt_toolkit")
    unlabeled = [Example((f"test {i}",), None, i) for i in range(4)]
    sets["a"].content = {**sets["a"].content, "test": unlabeled}
    sets["b"].content = {**sets["b"].content, "test": [Example(("x",), 1, 0), Example(("y",), None, 1)]}
    model, run = Recorder(), trainer(tmp_path)
    with pytest.raises(
        ValueError, match=r"fake a: no test example has a label; .*run validate .* or predict"
    ):
        run.test(model, datamodule=data(["a", "b"]), verbose=False)
    with pytest.raises(ValueError, match="nli: no test split; expected one, as the other datasets have"):
        run.test(model, datamodule=data(["b", "nli"]), verbose=False)
    module = data(["nli", "choice"])
    run.test(model, datamodule=module, verbose=False)
    rows = Counter(name for batch in model.evaluated for name in [batch["task"]] * len(batch["examples"]))
    assert (rows, module.tested_split) == ({"nli": 7, "choice": 5}, "val")
    assert any(
        "nli, choice: no test split, so the scores are of the validation" in m for m in caplog.messages
    )
    model.evaluated.clear()
    module = data("b")
    run.test(model, datamodule=module, verbose=False)
    assert [batch["has_target"].tolist() for batch in model.evaluated] == [[True, False]]
    assert module.tested_split == "test"
    model.evaluated.clear()
    run.predict(model, datamodule=data(["a", "nli"]), return_predictions=False)
    found = {batch["task"]: batch for batch in model.evaluated}
    assert found["a"]["has_target"].tolist() == [False] * 4
    assert [*map(tuple, found["a"]["texts"])] == [(f"test {i}",) for i in found["a"]["examples"].tolist()]
    assert len(found["nli"]["target"]) == 7


def test_only_what_a_stage_reads_is_encoded(sets: dict[str, FakeDataset], tmp_path: Path) -> None:
    trainer(tmp_path).validate(Recorder(), datamodule=data("a"), verbose=False)
    assert sets["a"].n_read == 1
    with pytest.raises(FileNotFoundError, match="run `gpt-toolkit prepare`"):
        data("a").setup("fit")


def test_what_cannot_be_is_refused_with_the_way_out(sets: dict[str, FakeDataset]) -> None:
    with pytest.raises(ValueError, match=r"sets: a twice \(fake a and fake a\); expected different names"):
        data(["a", "a"]).prepare_data()
    with pytest.raises(
        ValueError, match=r"tokenizer: none; expected --data\.tokenizer .* --model\.init_from"
    ):
        data("a", tokenizer=None).prepare_data()
    with pytest.raises(ValueError, match="'train:4096', which is trained on a corpus"):
        data("a", tokenizer="train:4096").prepare_data()
    sets["a"].content = {"val": sets["a"].content["val"]}
    with pytest.raises(ValueError, match=r"fake a: no training examples \(only val\)"):
        ready(["a", "b"], "fit")
    ready(["a", "b"], "validate")
    sets["solo"] = FakeDataset(sets["a"].spec, {"test": sets["a"].content["val"]})
    with pytest.raises(ValueError, match="fake a: no validation examples; expected some; run test"):
        ready("solo", "validate")
    with pytest.raises(
        ValueError, match="n_examples: 1; expected 0, because fake a has no training examples"
    ):
        ready("a", "validate", as_text=True, n_examples=1, n_ctx=128)
    sets["b"].content = {**sets["b"].content, "val": [Example(("x",), 1, 0), Example(("y",), None, 5)]}
    with pytest.raises(
        ValueError, match=r"fake b: 1 of 2 examples of val without a label, the first is example 5"
    ):
        ready("b")
    with pytest.raises(
        ValueError, match="n_examples: 2; expected a dataset whose examples are text; set as_text=true"
    ):
        ready("nli", n_examples=2)
    with pytest.raises(ValueError, match="n_ctx: 16, of which 7 tokens remain for the prompts of qa"):
        ready("qa", n_ctx=16)
    with pytest.raises(
        ValueError, match=r"batch_tokens: 16; expected at least .*, the longest example of choice"
    ):
        ready("choice", batch_tokens=16).train_dataloader()
    with pytest.raises(RuntimeError, match="not set up; expected calls of prepare_data"):
        data("a").train_dataloader()


def test_all_faults_of_the_arguments_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="SupervisedDataModule: sets: empty; expected at least") as caught:
        data([], n_ctx=1, batch_size=0, bucket=0, temperature=0.0, cap=3, num_workers=-1, train_rows=0)
    for name in (
        "n_ctx: 1",
        "batch_size: 0",
        "bucket: 0",
        "temperature: 0",
        "cap: given with",
        "num_workers",
    ):
        assert name in str(caught.value)
    with pytest.raises(ValueError, match="cap: none for mixture=capped"):
        data("a", mixture="capped")
    with pytest.raises(
        ValueError, match="temperature: given with mixture=equal; expected mixture=temperature"
    ):
        data("a", mixture="equal", temperature=2.0)


def test_rows_and_summary_are_plain_text(
    sets: dict[str, FakeDataset], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gpt_toolkit")
    sets["nli"].facts = ["train: 30 examples, not the published 3,000"]
    module = ready(["nli", "choice"], n_ctx=24)
    first = module.rows(1)
    assert first == [
        "nli, train example 0: true\n"
        "  tokens: first text 9; second text 7\n"
        "  <start>p|r|e|m|i|s|e| |0<delimiter>c|l|a|i|m| |0<extract>",
        "choice, train example 0: answer 0 is right\n"
        "  tokens: document 8; question 4; answer 0 3; answer 1 4; answer 2 5\n"
        "  answer 0 (right): <start>s|t|o|r|y| |0|.|W|h|o|?<delimiter>H|e|.<extract>\n"
        "  answer 1: <start>s|t|o|r|y| |0|.|W|h|o|?<delimiter>S|h|e|.<extract>\n"
        "  answer 2: <start>s|t|o|r|y| |0|.|W|h|o|?<delimiter>I|t| |0|.<extract>",
    ]
    assert module.summary().startswith(
        "fake nli: train 30 examples (520 tokens), val 7 examples (112 tokens)\n"
    )
    assert "fake nli, train: 30 examples, not the published 3,000" in caplog.messages
    module = ready(["nli"], n_ctx=20)
    assert "nli, train: 30 of 30 examples are truncated to 20 tokens" in caplog.messages


# ---------------------------------------------------------------------- real sets


@pytest.mark.shared
def test_rte_and_sst2_become_batches(shared_data: Path) -> None:
    module = SupervisedDataModule(
        ["rte", "sst2"],
        root=str(shared_data),
        tokenizer=str(shared_data / "tokenizers" / "gpt2"),
        n_ctx=256,
        batch_tokens=8_192,
    )
    module.prepare_data()
    module.setup("fit")
    assert len(module.rows(1)) == 2
    assert module.rows(1)[0] == (
        "rte, train example 0: not_entailment\n  tokens: first text 10; second text 8\n"
        "  <start>No| Weapons| of| Mass| Destruction| Found| in| Iraq| Yet|.<delimiter>"
        "Weapons| of| Mass| Destruction| Found| in| Iraq|.<extract>"
    )
    rows: dict[str, list[int]] = {"rte": [], "sst2": []}
    positive = 0
    n_padded = n_tokens = 0
    for batch in module.train_dataloader():
        rows[batch["task"]] += batch["examples"].tolist()
        positive += int(batch["target"].sum()) if batch["task"] == "sst2" else 0
        n_padded += batch["input_ids"].numel()
        n_tokens += int(batch["lengths"].sum())
        assert batch["input_ids"].numel() <= 8_192
    assert np.array_equal(np.sort(rows["rte"]), np.arange(2_490))
    assert np.array_equal(np.sort(rows["sst2"]), np.arange(6_920))
    assert positive == 3_610
    assert n_tokens / n_padded > 0.8
    held = [sum(len(batch["examples"]) for batch in loader) for loader in module.val_dataloader()]
    assert held == [277, 872]
