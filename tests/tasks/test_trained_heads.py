"""Labels of heads: stored with their checkpoint, and compared by name in evaluation."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn

from gpt_toolkit import FinetuneTask, SupervisedDataModule
from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.checkpoints.stored_heads import build_heads, module_name
from gpt_toolkit.checkpoints.training_checkpoint import read_record
from gpt_toolkit.inference.classifier import Classifier
from gpt_toolkit.inference.load_model import load
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks.trained_heads import check_heads, check_same_datasets
from tests.data.fakes import spec
from tests.small_classifier import classifier

SHAPE = {"n_layer": 1, "n_head": 2, "n_embd": 16}
WORDS = {"anger": "furious", "joy": "glad", "sadness": "gloomy"}


def test_any_name_of_a_dataset_is_a_name_of_a_head() -> None:
    random = Random(0)
    names = ["items", "children", "values", "a.b", "training", "forward", "", ".", "%2E", "a%", "Q: x", "é"]
    names += ["".join(random.choices("ab._%- :/é", k=random.randint(1, 6))) for _ in range(200)]
    names = list(dict.fromkeys(names))
    heads = build_heads({name: TrainedDataset(spec(name)) for name in names}, 8, 0.0)
    assert len(heads) == len({module_name(name) for name in names}) == len(names)
    again = build_heads({name: TrainedDataset(spec(name)) for name in reversed(names)}, 8, 0.0)
    again.load_state_dict(heads.state_dict())
    for name in names:
        weights: Any = again[module_name(name)].linear, heads[module_name(name)].linear
        assert torch.equal(weights[0].weight, weights[1].weight), name


def test_heads_that_are_missing_or_mean_something_else_are_refused_in_a_line() -> None:
    stored = {"a": TrainedDataset(spec("a")), "b": TrainedDataset(spec("b", "graded", labels=("0", "1")))}
    check_heads(stored, [spec("a"), replace(spec("c"), head="a"), spec("t", "text", labels=())])
    with pytest.raises(
        ValueError, match="dataset c: the checkpoint has no head of this name; expected one of a, b"
    ):
        check_heads(stored, [spec("c")])
    with pytest.raises(ValueError, match="labels of a: yes, no; expected no, yes, as in the checkpoint"):
        check_heads(stored, [spec("a", labels=("yes", "no"))])
    with pytest.raises(ValueError, match="kind of b: classification; expected graded"):
        check_heads(stored, [spec("b")])
    with pytest.raises(ValueError, match="datasets: a; expected a, b, as in the checkpoint"):
        check_same_datasets(stored, {"a": stored["a"]})


def rows(path: Path, labels: list[str], n: int = 60) -> str:
    random = Random(path.name)
    lines = [f"i am {WORDS.get(label := random.choice(labels), 'odd')} {i},{label}" for i in range(n)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return str(path)


def data(*sets: Any) -> SupervisedDataModule:
    return SupervisedDataModule(list(sets), tokenizer="bytes", n_ctx=32, batch_size=8)


Evaluate = Callable[..., Any]


@pytest.fixture
def fitted(tmp_path: Path) -> tuple[Path, Trainer, FinetuneTask]:
    """Train on three moods; return the checkpoint with its Trainer and task."""
    seed_everything(0, verbose=False)
    task = FinetuneTask(decoder=SHAPE, optimizer=AdamW(lr=0.01), clf_pdrop=0.0, lm_coef=0.0)
    trainer = quiet(tmp_path, max_steps=40)
    trainer.fit(task, data(rows(tmp_path / "mood.csv", list(WORDS), n=90)))
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    return tmp_path / "x.ckpt", trainer, task


def quiet(folder: Path, **options: Any) -> Trainer:
    names = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    off: dict[str, Any] = dict.fromkeys(names, False)
    return Trainer(accelerator="cpu", devices=1, default_root_dir=folder, **off, **options)


def accuracy_by_names(trainer: Trainer, task: FinetuneTask, module: Any, labels: dict[str, str]) -> float:
    """Compute the accuracy from the names in predictions and a reading of the file with plain Python."""
    predicted: Any = trainer.predict(task, module)
    lines = [line for batch in predicted for line in batch]
    assert len(lines) == len(labels)
    right = sum(bool(line["prediction"] == labels[line["texts"][0]]) for line in lines)
    return right / len(lines)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("labels", "knows_path"),
    [
        (["sadness", "joy"], True),
        (["sadness", "joy"], False),
        (["sadness", "joy", "anger"], False),
        (["joy"], True),
    ],
)
def test_another_file_is_scored_by_label_name_from_python(
    labels: list[str], knows_path: bool, fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    path = rows(tmp_path / "holdout.csv", labels, n=50)
    truth = dict(line.rsplit(",", 1) for line in Path(path).read_text().splitlines()[1:])
    task, trainer = FinetuneTask(decoder=SHAPE), quiet(tmp_path)
    if knows_path:
        trainer.ckpt_path = fitted[0]
        [found] = trainer.test(task, data(path), verbose=False)
    else:
        [found] = trainer.test(task, data(path), ckpt_path=fitted[0], verbose=False)
    expected = accuracy_by_names(trainer, task, data(path), truth)
    assert found["test_holdout_accuracy"] == pytest.approx(expected)
    assert task.evaluated["holdout"]["n_examples"] == 50
    counts = {name: list(truth.values()).count(name) for name in WORDS}
    assert task.evaluated["holdout"]["class_counts"] == counts
    if len(labels) > 1:
        assert expected > 0.6  # the words give the labels away


@pytest.mark.filterwarnings("ignore")
def test_a_file_of_the_same_name_with_fewer_labels_has_the_head_of_the_checkpoint(
    fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    task = FinetuneTask(decoder=SHAPE)
    module = data(rows(tmp_path / "b" / "mood.csv", ["sadness", "joy"]))
    [found] = quiet(tmp_path).test(task, module, ckpt_path=fitted[0], verbose=False)
    assert list(task.evaluated["mood"]["class_counts"]) == list(WORDS)
    assert found["test_mood_accuracy"] > 0.6


@pytest.mark.filterwarnings("ignore")
def test_a_task_that_was_just_trained_scores_another_file(
    fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    _, trainer, task = fitted
    path = tmp_path / "new.csv"
    path.write_text("text\ni am glad 7\n", encoding="utf-8")
    [[line]] = trainer.predict(task, data(str(path)))  # type: ignore[misc]
    assert line["texts"] == ["i am glad 7"]
    assert "target" not in line
    assert list(line["probabilities"]) == list(WORDS)
    assert line["prediction"] == max(line["probabilities"], key=line["probabilities"].get)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("header", ["text", "id,text"])
def test_a_file_without_labels_is_predicted_with_a_checkpoint_given_to_predict(
    header: str, fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    path, texts = tmp_path / "new.csv", [f"i am {word} {i}" for i, word in enumerate(WORDS.values())]
    rows = [text if header == "text" else f"{i},{text}" for i, text in enumerate(texts)]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    task = FinetuneTask(decoder=SHAPE)
    outputs: Any = quiet(tmp_path).predict(task, data(str(path)), ckpt_path=fitted[0])
    lines = {line["texts"][0]: line for batch in outputs for line in batch}
    assert set(lines) == set(texts)
    model: Any = load(fitted[0], device="cpu")
    for text, expected in zip(texts, model.predict(texts), strict=True):
        assert lines[text]["prediction"] == expected.label
        assert lines[text]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    with pytest.raises(ValueError, match="heads of new: not trained"):
        quiet(tmp_path).predict(FinetuneTask(decoder=SHAPE), data(str(path)))


@pytest.mark.filterwarnings("ignore")
def test_a_run_does_not_continue_with_other_labels(
    fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    assert list(read_record(fitted[0])["datasets"]) == ["mood"]
    (tmp_path / "b").mkdir()
    other = data(rows(tmp_path / "b" / "mood.csv", ["joy", "surprise", "sadness"], n=90))
    task = FinetuneTask(decoder=SHAPE, optimizer=AdamW(lr=0.01))
    message = "labels of mood: joy, sadness, surprise; expected anger, joy, sadness, as in the checkpoint"
    with pytest.raises(ValueError, match=message):
        quiet(tmp_path, max_steps=50).fit(task, other, ckpt_path=fitted[0])


@pytest.mark.filterwarnings("ignore")
def test_one_of_two_heads_is_used_alone(tmp_path: Path) -> None:
    seed_everything(0, verbose=False)
    task = FinetuneTask(decoder=SHAPE, optimizer=AdamW(lr=0.01), lm_coef=0.0)
    trainer = quiet(tmp_path, max_steps=2)
    first, second = (rows(tmp_path / f"{name}.csv", list(WORDS), n=60) for name in ("items", "a.b"))
    trainer.fit(task, data(first, second))
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    both = {
        k: v
        for result in trainer.validate(task, data(first, second), verbose=False)
        for k, v in result.items()
    }
    again, trainer = FinetuneTask(decoder=SHAPE), quiet(tmp_path)
    trainer.ckpt_path = tmp_path / "x.ckpt"
    [found] = trainer.validate(again, data(second), verbose=False)
    assert found["val_a_b_accuracy"] == both["val_a_b_accuracy"]
    with pytest.raises(
        ValueError, match=r"dataset new: the checkpoint has no head of this name; .* items, a_b"
    ):
        trainer.validate(again, data(rows(tmp_path / "new.csv", list(WORDS))), verbose=False)


@pytest.mark.filterwarnings("ignore")
def test_a_model_folder_brings_its_heads_to_evaluation(
    fitted: tuple[Path, Trainer, FinetuneTask], tmp_path: Path
) -> None:
    load(fitted[0], device="cpu").save(tmp_path / "model")
    path = rows(tmp_path / "holdout.csv", ["sadness", "joy"], n=50)
    found = []
    for options, ckpt_path in (
        ({"init_from": str(tmp_path / "model")}, None),
        ({"decoder": SHAPE}, fitted[0]),
    ):
        task, trainer = FinetuneTask(**options), quiet(tmp_path)
        trainer.ckpt_path = ckpt_path
        found.append(trainer.test(task, data(path), verbose=False))
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["sadness", "joy", "anger"], "initial head of more: that of mood in "),
        (["sadness", "joy"], "initial head of more: new; .* has mood .classification: anger, joy, sadness"),
    ],
)
def test_training_begins_with_a_head_of_the_same_labels(
    labels: list[str],
    note: str,
    fitted: tuple[Path, Trainer, FinetuneTask],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"train": rows(tmp_path / "more.csv", labels, n=90), "labels": labels}
    task = FinetuneTask(init_from=str(fitted[0]), optimizer=AdamW(lr=0.0), lm_coef=0.0)
    with caplog.at_level("INFO"):
        quiet(tmp_path, max_steps=1).fit(task, data(options))
    assert re.search(note, caplog.text)
    heads = [fitted[2].heads[module_name("mood")], task.heads[module_name("more")]]
    before, now = [dict(head.linear.named_parameters()) for head in heads]  # type: ignore[union-attr]
    if len(labels) == 3:
        order = [list(WORDS).index(label) for label in labels]
        for name, parameter in now.items():
            assert torch.equal(parameter, before[name][order])
    else:
        assert not now["bias"].any()


@pytest.mark.filterwarnings("ignore")
def test_training_begins_with_a_classifier_of_transformers_but_does_not_evaluate_it(tmp_path: Path) -> None:
    labels = ("sadness", "joy", "anger")
    own = classifier("pre", [TrainedDataset(spec("mood", labels=labels))], bias=0.0)
    heads = nn.ModuleDict({module_name("mood"): own.head().module})
    Classifier(own.decoder, own.tokenizer, heads, own.datasets, has_special_tokens=False).save(tmp_path / "m")
    path = rows(tmp_path / "more.csv", list(labels), n=90)
    task = FinetuneTask(init_from=str(tmp_path / "m"), optimizer=AdamW(lr=0.0), lm_coef=0.0)
    module = SupervisedDataModule(path, tokenizer="bytes", n_ctx=24, batch_size=8)
    quiet(tmp_path, max_steps=1).fit(task, module)
    order = [labels.index(label) for label in module.tasks["more"].labels]
    trained: Any = task.heads[module_name("more")]
    before: Any = own.head().module
    assert torch.equal(trained.linear.weight, before.linear.weight[order])
    with pytest.raises(ValueError, match="init_from has none that read start and extract tokens"):
        quiet(tmp_path).validate(FinetuneTask(init_from=str(tmp_path / "m")), module, verbose=False)
