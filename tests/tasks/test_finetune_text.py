"""Datasets whose answer is text: the loss on it, generated answers, and labels as next tokens."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer, seed_everything
from torch.nn import functional as F

from gpt_toolkit.batches import IGNORE_INDEX, SupervisedBatch, TaskSpec
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks import FinetuneTask
from gpt_toolkit.tokenizers import load_tokenizer
from tests.tasks.test_finetune import SPECS, batch_of, loader, rows_of

BYTES = load_tokenizer("bytes")
END = BYTES.end_of_text
TEXTS = {
    "copy": TaskSpec("copy", "text", (), 1, ("exact_match", "token_f1", "rouge"), max_new_tokens=4),
    "label": TaskSpec("label", "text", ("no", "yes"), 1, ("accuracy",), ("odd", "even"), max_new_tokens=4),
}
ROWS = [("ab", "cat"), ("abcdef", "x"), ("a", "hat on"), ("bcd", "dog")]


def text_batch(name: str, *, training: bool) -> SupervisedBatch:
    """Make examples of input, `` =`` and answer; in evaluation only the prompt counts."""
    sequences, begins = [], []
    for i, (question, words) in enumerate(ROWS):
        answer = TEXTS[name].labels[i % 2] if TEXTS[name].labels else words
        prompt = [END, *BYTES.encode(f"{question} =")]
        sequences.append([*prompt, *BYTES.encode(f" {answer}"), END] if training else prompt)
        begins.append(len(prompt) - 1)
    width = max(map(len, sequences)) + 3
    ids = torch.zeros(len(ROWS), 1, width, dtype=torch.int64)
    labels = torch.full_like(ids, IGNORE_INDEX)
    for i, (sequence, begin) in enumerate(zip(sequences, begins, strict=True)):
        ids[i, 0, : len(sequence)] = torch.tensor(sequence)
        labels[i, 0, begin : len(sequence) - 1] = torch.tensor(sequence[begin + 1 :], dtype=torch.int64)
    return {
        "task": name,
        "input_ids": ids,
        "labels": labels,
        "lengths": torch.tensor([[len(sequence)] for sequence in sequences]),
        "target": torch.arange(len(ROWS)) % 2 if TEXTS[name].labels else torch.zeros(len(ROWS)).long(),
        "has_target": torch.ones(len(ROWS), dtype=torch.bool),
        "examples": torch.arange(len(ROWS)),
        "subsets": torch.arange(len(ROWS)) % 2 if TEXTS[name].subsets else torch.full((len(ROWS),), -1),
        "references": [] if training or TEXTS[name].labels else [[words, "the"] for _, words in ROWS],
        "texts": [],
        "step_examples": len(ROWS),
    }


class TextsDataModule(LightningDataModule):
    """Two datasets of text and one with a head, in turn."""

    vocabulary, n_ctx, plan, n_special_tokens, steps_per_epoch = BYTES, 32, "rows", 3, 3
    tasks = TEXTS | {"tone": SPECS["tone"]}

    def train_dataloader(self) -> Any:
        tone = batch_of("tone", rows_of("tone", 4), 4)
        return loader([*(text_batch(name, training=True) for name in TEXTS), tone])

    def val_dataloader(self) -> Any:
        tone = batch_of("tone", rows_of("tone", 4), 4)
        return [*(loader([text_batch(name, training=False)]) for name in TEXTS), loader([tone])]

    test_dataloader = predict_dataloader = val_dataloader


@pytest.fixture
def fitted(tmp_path: Path) -> tuple[Trainer, FinetuneTask]:
    seed_everything(0, verbose=False)
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 16}
    task = FinetuneTask(decoder=shape, optimizer=AdamW(lr=0.05), lm_coef=0.25, clf_pdrop=0.0)
    trainer = Trainer(
        max_steps=3,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(task, TextsDataModule())
    return trainer, task


@pytest.mark.parametrize("name", TEXTS)
def test_the_loss_is_each_answers_mean_whatever_the_weight_of_the_auxiliary_loss(
    name: str, fitted: tuple[Trainer, FinetuneTask]
) -> None:
    _, task = fitted
    batch, decoder = text_batch(name, training=True), task.built_backbone
    losses = []
    for ids, labels in zip(batch["input_ids"][:, 0], batch["labels"][:, 0], strict=True):
        due = labels != IGNORE_INDEX
        logits = decoder(ids[None])[0] @ decoder.wte.weight.T
        losses.append(F.cross_entropy(logits[due], labels[due]))
    torch.testing.assert_close(task.training_step(batch, 0), torch.stack(losses).mean(), rtol=1e-5, atol=1e-6)


def test_answers_are_written_greedily_and_judged(fitted: tuple[Trainer, FinetuneTask]) -> None:
    _, task = fitted
    decoder = task.eval().built_backbone
    answers = []
    for question, _ in ROWS:
        ids = [END, *BYTES.encode(f"{question} =")]
        begin = len(ids)
        with torch.no_grad():
            while len(ids) == begin or (len(ids) < begin + 4 and ids[-1] != END):
                scores = decoder(torch.tensor([ids]))[0, -1] @ decoder.wte.weight.T
                ids.append(int(scores[: BYTES.vocab_size].argmax()))
        answers.append(BYTES.decode([i for i in ids[begin:] if i != END]).strip())
    batch = text_batch("copy", training=False)
    lines = task.predict_step(batch, 0)
    assert [line["prediction"] for line in lines] == answers
    assert lines[0]["references"] == ["cat", "the"]
    batch["references"] = [[answers[0]], ["no such"], [], ["no such", answers[3]]]
    batch["has_target"][2] = False
    task._reset()
    task.validation_step(batch, 0)
    found = task.metrics_of("copy").compute(with_interval=False)
    # the third row has no answer that would be right, and is not judged
    assert found["copy_exact_match"] == pytest.approx(200 / 3)
    assert int(task.metrics_of("copy").whole["examples"].compute()) == 3


def test_a_label_is_the_one_whose_words_are_the_likeliest(fitted: tuple[Trainer, FinetuneTask]) -> None:
    _, task = fitted
    decoder = task.eval().built_backbone
    expected = []
    for question, _ in ROWS:
        prompt = [END, *BYTES.encode(f"{question} =")]
        scores = []
        for word in TEXTS["label"].labels:
            answer = [*BYTES.encode(f" {word}"), END]
            with torch.no_grad():
                logits = decoder(torch.tensor([[*prompt, *answer]]))[0] @ decoder.wte.weight.T
            log_p = logits[len(prompt) - 1 : -1, : BYTES.vocab_size].log_softmax(dim=1)
            scores.append(log_p.gather(1, torch.tensor(answer)[:, None]).sum())
        expected.append(torch.stack(scores))
    found = task._logits(TEXTS["label"], text_batch("label", training=False))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-4)
    lines = task.predict_step(text_batch("label", training=False), 0)
    assert [line["prediction"] for line in lines] == [("no", "yes")[int(e.argmax())] for e in expected]
    assert [line["subset"] for line in lines] == ["odd", "even"] * 2


def test_sets_of_text_and_of_heads_are_scored_side_by_side(fitted: tuple[Trainer, FinetuneTask]) -> None:
    trainer, task = fitted
    [*found] = trainer.test(task, trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    metrics = {name: value for result in found for name, value in result.items()}
    accuracies = metrics["test_label_accuracy"] + metrics["test_tone_accuracy"]
    expected = (metrics["test_copy_exact_match"] / 100 + accuracies) / 3
    assert metrics["test_score"] == pytest.approx(expected)
    assert {"test_copy_token_f1", "test_copy_rouge", "test_label_odd_accuracy"} <= metrics.keys()


def test_a_run_of_free_text_alone_logs_no_loss_of_classes(fitted: tuple[Trainer, FinetuneTask]) -> None:
    trainer, task = fitted
    data = trainer.datamodule  # type: ignore[attr-defined]
    data.tasks = {"copy": TEXTS["copy"]}
    data.test_dataloader = lambda: loader([text_batch("copy", training=False)])
    [found] = trainer.test(task, data, verbose=False)
    assert "test_loss" not in found
    assert found["test_score"] == found["test_copy_exact_match"] / 100
