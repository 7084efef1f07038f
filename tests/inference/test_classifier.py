"""A fine-tuned model in use: the predictions of its Trainer, without one."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lightning.pytorch import Trainer, seed_everything

import gpt_toolkit as gt
from gpt_toolkit import FinetuneTask, SupervisedDataModule
from gpt_toolkit.cli.run_folder import save_model
from gpt_toolkit.inference.classifier import Classifier
from gpt_toolkit.optim import AdamW

WORDS = ("glad", "gloomy", "furious", "calm")


def write_csv(path: Path, header: str, row: Callable[[Random, int], str], n: int = 40) -> str:
    random = Random(path.name)
    path.write_text("\n".join([header, *(row(random, i) for i in range(n))]) + "\n", encoding="utf-8")
    return str(path)


def words(random: Random) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(1, 12)))


def write_files(folder: Path) -> list[Any]:
    """Write a dataset of each kind; return their descriptions."""

    def pair(random: Random, i: int) -> str:
        return f"{words(random)} {i},{words(random)},{random.choice('ab')}"

    def one_of(labels: list[Any]) -> Callable[[Random, int], str]:
        return lambda random, i: f"{words(random)} {i},{random.choice(labels)}"

    def question(random: Random, i: int) -> str:
        texts = [f"{words(random)} {i}", "who?", *(words(random) for _ in range(3))]
        return ",".join([*texts, random.choice("ABC")])

    mood = write_csv(folder / "mood.csv", "text,label", one_of(["up", "down"]))
    nli = write_csv(folder / "nli.csv", "premise,hypothesis,label", pair)
    same = write_csv(folder / "same.csv", "text_a,text_b,label", pair)
    grade = write_csv(folder / "grade.csv", "text,score", one_of([0, 0.5, 2]))
    quiz = write_csv(folder / "quiz.csv", "passage,question,A,B,C,answer", question)
    return [mood, nli, {"train": same, "kind": "similarity"}, grade, quiz]


Run = tuple[Trainer, FinetuneTask, SupervisedDataModule]


def run_of(folder: Path, sets: list[Any], **options: Any) -> Run:
    """Fine-tune a tiny decoder for a few steps and write its run's folder."""
    seed_everything(0, verbose=False)
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 16, **options}
    task = FinetuneTask(decoder=shape, optimizer=AdamW(lr=0.01))
    data = SupervisedDataModule(sets, tokenizer="bytes", n_ctx=48, batch_size=8)
    names = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    off: dict[str, Any] = dict.fromkeys(names, False)
    trainer = Trainer(accelerator="cpu", devices=1, max_steps=6, default_root_dir=folder, **off)
    trainer.fit(task, data)
    trainer.save_checkpoint(folder / "checkpoints" / "last.ckpt")
    save_model(folder)
    return trainer, task, data


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_every_kind_of_head_predicts_what_the_trainer_predicts(norm: str, tmp_path: Path) -> None:
    trainer, task, data = run_of(tmp_path, write_files(tmp_path), norm=norm)
    outputs: Any = trainer.predict(task, data)
    lines = [line for loader in outputs for batch in loader for line in batch]
    assert {line["dataset"] for line in lines} == {"mood", "nli", "same", "grade", "quiz"}
    for source in (tmp_path, tmp_path / "checkpoints" / "last.ckpt"):
        model: Any = gt.load(source, device="cpu")
        assert isinstance(model, gt.Classifier)
        for name in model.heads:
            expected = [line for line in lines if line["dataset"] == name]
            found = model.predict([tuple(line["texts"]) for line in expected], head=name, batch_size=3)
            for line, prediction in zip(expected, found, strict=True):
                is_grade = name == "grade"
                label = pytest.approx(line["prediction"], abs=1e-4) if is_grade else line["prediction"]
                assert prediction.label == label
                assert prediction.probabilities == pytest.approx(line["probabilities"], abs=1e-5)
                assert prediction.probability == max(prediction.probabilities.values())


@pytest.mark.filterwarnings("ignore")
def test_a_classifier_says_what_it_was_trained_for_and_refuses_other_examples(tmp_path: Path) -> None:
    run_of(tmp_path, write_files(tmp_path))
    model: Any = gt.load(tmp_path, device="cpu")
    assert repr(model).splitlines() == [
        "Classifier of GPT-2, 2 layers, n_embd 16, context 48",
        "  mood: class, down | up",
        "  nli: class, a | b",
        "  same: class of two texts in any order, a | b",
        "  grade: grade from 0 to 2",
        "  quiz: multiple choice, 3 answers",
    ]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"examples": "glad"}, "head: none given; expected one of mood, nli, same, grade, quiz"),
        ({"examples": "glad", "head": "moods"}, "no head 'moods': did you mean mood"),
        ({"examples": ("a", "b"), "head": "mood"}, "example 0: 2 texts; expected 1, as in training on mood"),
        ({"examples": ["a", " \n"], "head": "mood"}, "example 1: an empty text; expected words"),
        ({"examples": "a", "head": "same"}, "example 0: 1 texts; expected 2, as in training on same"),
        ({"examples": ("d", "q", "a"), "head": "quiz"}, "3 texts; expected document and question"),
        ({"examples": ("", "", "a", "b"), "head": "quiz"}, "example 0: an empty text"),
    ]
    for arguments, message in refused:
        with pytest.raises(ValueError, match=message):
            model.predict(**arguments)
    assert model.predict([], head="mood") == []
    four = model.predict(("", "who?", "he", "she", "it", "they"), head="quiz")
    assert list(four.probabilities) == ["0", "1", "2", "3"]
    swapped = [model.predict(pair, head="same").probabilities for pair in (("x", "y z"), ("y z", "x"))]
    assert swapped[0] == pytest.approx(swapped[1], abs=1e-6)
    assert model.predict(" glad\r\n", head="mood") == model.predict("glad", head="mood")


@pytest.mark.filterwarnings("ignore")
def test_a_model_whose_answers_are_text_stays_a_language_model(tmp_path: Path) -> None:
    seed_everything(0, verbose=False)
    path = write_csv(tmp_path / "sums.csv", "input,target", lambda r, i: f"{i} plus {i},{2 * i}")
    run_of(tmp_path, [path])
    model = gt.load(tmp_path, device="cpu")
    assert not isinstance(model, Classifier)
    assert model.notes == ("fine-tuned to answer in text: sums",)
    assert repr(model) == "LanguageModel of GPT-2, 2 layers, n_embd 16, context 48"
    assert list(model.datasets) == ["sums"]
