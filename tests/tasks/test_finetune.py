import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.batches import IGNORE_INDEX, SupervisedBatch, TaskSpec
from gpt_toolkit.callbacks import CheckpointWriter
from gpt_toolkit.checkpoints.stored_heads import module_name
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks import FinetuneTask
from gpt_toolkit.tokenizers import load_tokenizer

START, DELIMITER, EXTRACT = 257, 258, 259
SHAPE = {"n_layer": 2, "n_head": 2, "n_embd": 16}
SPECS = {
    "tone": TaskSpec(
        "tone", "classification", ("bad", "good"), 1, ("accuracy", "matthews"), ("long", "short")
    ),
    "same": TaskSpec("same", "similarity", ("no", "yes"), 1, ("f1", "accuracy")),
    "near": TaskSpec("near", "graded", ("0", "1", "2"), 1, ("pearson", "spearman")),
    "next": TaskSpec("next", "multiple_choice", (), 3, ("accuracy",)),
}


def rows_of(name: str, n: int, seed: int = 0) -> list[tuple[list[list[int]], float]]:
    """Make random examples: sequences with special tokens, and targets that one token determines."""
    draw = torch.Generator().manual_seed(seed)

    def text() -> list[int]:
        return torch.randint(1, 256, (int(torch.randint(2, 7, (), generator=draw)),), generator=draw).tolist()

    rows: list[tuple[list[list[int]], float]] = []
    for _ in range(n):
        a, b, c = text(), text(), text()
        target: float = int(torch.randint(0, 2, (), generator=draw))
        if name == "tone":
            a[0] = 65 + int(target)
            sequences = [[START, *a, EXTRACT]]
        elif name in ("same", "near"):
            if target:
                b = a
            target = target * 1.5 if name == "near" else target
            sequences = [[START, *x, DELIMITER, *y, EXTRACT] for x, y in ((a, b), (b, a))]
        else:
            target = int(torch.randint(0, 3, (), generator=draw))
            answers = [text() for _ in range(3)]
            answers[int(target)][0] = 42
            sequences = [[START, *c, DELIMITER, *answer, EXTRACT] for answer in answers]
        rows.append((sequences, target))
    return rows


def batch_of(
    name: str, rows: Sequence[tuple[list[list[int]], float]], step_examples: int, width: int = 24
) -> SupervisedBatch:
    ids = torch.zeros(len(rows), len(rows[0][0]), width, dtype=torch.int64)
    labels = torch.full_like(ids, IGNORE_INDEX)
    lengths = torch.tensor([[len(s) for s in sequences] for sequences, _ in rows])
    for i, (sequences, _) in enumerate(rows):
        for j, s in enumerate(sequences):
            ids[i, j, : len(s)] = torch.tensor(s)
            labels[i, j, : len(s) - 1] = torch.tensor(s[1:])
    graded = SPECS[name].kind == "graded"
    return {
        "task": name,
        "input_ids": ids,
        "labels": labels,
        "lengths": lengths,
        "target": torch.tensor([t for _, t in rows], dtype=torch.float32 if graded else torch.int64),
        "has_target": torch.ones(len(rows), dtype=torch.bool),
        "examples": torch.arange(len(rows)),
        "subsets": torch.arange(len(rows)) % 3 - 1 if SPECS[name].subsets else torch.full((len(rows),), -1),
        "references": [],
        "texts": [],
        "step_examples": step_examples,
    }


def loader(batches: list[SupervisedBatch]) -> DataLoader[Any]:
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


class RowsDataModule(LightningDataModule):
    """Ready batches of several datasets, in turn."""

    steps_per_epoch = 8

    def __init__(self, names: Sequence[str], batch_size: int, n_batches: int, accumulate: int = 1) -> None:
        super().__init__()
        self.vocabulary, self.n_ctx, self.plan, self.n_special_tokens = load_tokenizer("bytes"), 32, "rows", 3
        self.tasks = {name: SPECS[name] for name in names}
        self.batches = [
            batch_of(name, rows_of(name, batch_size, seed), batch_size * accumulate)
            for seed, name in enumerate(list(names) * n_batches)
        ][:n_batches]

    def train_dataloader(self) -> Any:
        return loader(self.batches)

    def val_dataloader(self) -> Any:
        return [loader([batch_of(name, rows_of(name, 9, 99), 9)]) for name in self.tasks]

    test_dataloader = predict_dataloader = val_dataloader


Train = Callable[..., tuple[Trainer, FinetuneTask]]


@pytest.fixture
def finetune(tmp_path: Path) -> Train:
    """Fine-tune a tiny decoder without dropout; keyword arguments go to the task."""

    def run(
        names: Sequence[str] = tuple(SPECS),
        *,
        steps: int = 4,
        batch_size: int = 6,
        accumulate: int = 1,
        lr: float = 0.0,
        n_batches: int = 8,
        ckpt_path: Path | None = None,
        callbacks: Sequence[Callback] = (),
        **arguments: Any,
    ) -> tuple[Trainer, FinetuneTask]:
        seed_everything(0, verbose=False)
        task = FinetuneTask(
            **{"decoder": SHAPE, "optimizer": AdamW(lr=lr, weight_decay=0.0), "clf_pdrop": 0.0, **arguments}
        )
        trainer = Trainer(
            max_steps=steps,
            accumulate_grad_batches=accumulate,
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=any(isinstance(callback, CheckpointWriter) for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            log_every_n_steps=1,
            default_root_dir=tmp_path / "run",
            callbacks=list(callbacks),
        )
        data = RowsDataModule(names, batch_size, n_batches, accumulate)
        trainer.fit(task, data, ckpt_path=ckpt_path, weights_only=True)
        return trainer, task

    return run


def by_the_equations(task: FinetuneTask, batch: SupervisedBatch) -> tuple[Tensor, Tensor]:
    """Compute mean L1 and mean L2 of GPT-1 eqs. 1, 3 and 4, example by example and without padding."""
    spec, decoder = SPECS[batch["task"]], task.built_backbone
    l1, l2 = [], []
    for ids, lengths, target in zip(batch["input_ids"], batch["lengths"], batch["target"], strict=True):
        states, own = [], []
        for row, length in zip(ids, lengths.tolist(), strict=True):
            hidden = decoder(row[None, :length])[0]  # (T, D)
            logits = hidden @ decoder.wte.weight.T
            own.append(F.cross_entropy(logits[:-1], row[1:length]))
            states.append(hidden[-1])
        linear: Any = task.heads[module_name(spec.name)].linear
        if spec.kind == "multiple_choice":
            scores = torch.stack([linear(state)[0] for state in states])
        else:
            scores = linear(sum(states))
        log_p = scores.log_softmax(dim=0)
        if spec.kind == "graded":
            low = min(math.floor(float(target)), len(log_p) - 2)
            l2.append(-(log_p[low] * (low + 1 - target) + log_p[low + 1] * (target - low)))
        else:
            l2.append(-log_p[int(target)])
        l1.append(torch.stack(own).mean())
    return torch.stack(l1).mean(), torch.stack(l2).mean()


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("lm_coef", [0.0, 0.5])
def test_the_loss_and_its_gradients_are_those_of_the_equations(
    name: str, lm_coef: float, finetune: Train
) -> None:
    trainer, task = finetune([name], steps=1, lm_coef=lm_coef)
    batch = trainer.datamodule.batches[0]  # type: ignore[attr-defined]
    task.zero_grad()
    loss = task.training_step(batch, 0)
    loss.backward()  # type: ignore[no-untyped-call]
    ours = {key: p.grad.clone() for key, p in task.named_parameters() if p.grad is not None}
    task.zero_grad()
    l1, l2 = by_the_equations(task, batch)
    expected = l2 + lm_coef * l1
    expected.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    theirs = {key: p.grad for key, p in task.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys()
    for key, gradient in theirs.items():
        torch.testing.assert_close(ours[key], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(trainer.callback_metrics["train_loss"], expected.detach(), rtol=1e-5, atol=0)


def test_micro_batches_add_up_to_the_same_step(finetune: Train) -> None:
    rows = rows_of("tone", 12)
    trainer, task = finetune(["tone"], steps=1, batch_size=12)
    whole = task.training_step(batch_of("tone", rows, 12), 0)
    parts = [task.training_step(batch_of("tone", rows[i : i + 4], 12), i // 4) for i in (0, 4, 8)]
    torch.testing.assert_close(sum(parts), whole, rtol=1e-6, atol=1e-6)
    assert trainer.accumulate_grad_batches == 1


def test_the_order_of_two_texts_is_of_no_consequence(finetune: Train) -> None:
    _, task = finetune(["same"], steps=1)
    rows = rows_of("same", 5)
    swapped = [(sequences[::-1], target) for sequences, target in rows]
    for a, b in zip(logits(task, "same", rows), logits(task, "same", swapped), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_the_order_of_answers_does_not_change_their_scores(finetune: Train) -> None:
    _, task = finetune(["next"], steps=1)
    rows = rows_of("next", 5)
    turned = [([s[2], s[0], s[1]], target) for s, target in rows]
    torch.testing.assert_close(
        logits(task, "next", turned), logits(task, "next", rows)[:, [2, 0, 1]], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("name", SPECS)
def test_padding_leaves_scores_as_they_are(name: str, finetune: Train) -> None:
    _, task = finetune([name], steps=1)
    rows = rows_of(name, 5)
    together = logits(task, name, rows, width=32)
    alone = torch.cat([logits(task, name, [row]) for row in rows])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
    batch = batch_of(name, rows, 5)
    padding = torch.arange(batch["input_ids"].shape[2]) >= batch["lengths"][..., None]
    batch["input_ids"][padding] = 7
    with torch.no_grad():
        torch.testing.assert_close(task._class_logits(SPECS[name], batch), together, rtol=0, atol=1e-6)


def logits(task: FinetuneTask, name: str, rows: Any, width: int = 24) -> Tensor:
    with torch.no_grad():
        return task.eval()._class_logits(SPECS[name], batch_of(name, rows, len(rows), width))


def test_it_learns_every_kind_of_set_at_once(finetune: Train) -> None:
    trainer, task = finetune(steps=120, batch_size=16, lr=5e-3, n_batches=120, lm_coef=0.0)
    [*found] = trainer.test(task, trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    metrics = found[0]
    assert metrics["test_tone_accuracy"] == 1.0
    assert metrics["test_next_accuracy"] > 0.6
    assert metrics["test_loss"] < 0.7
    firsts = ("tone_accuracy", "same_f1", "near_pearson", "next_accuracy")
    assert metrics["test_score"] == pytest.approx(sum(metrics[f"test_{name}"] for name in firsts) / 4)
    assert 0.0 <= metrics["test_tone_long_accuracy"] <= 1.0
    interval = 1.96 * math.sqrt(metrics["test_next_accuracy"] * (1 - metrics["test_next_accuracy"]) / 9)
    assert metrics["test_next_accuracy_interval"] == pytest.approx(interval, rel=1e-4)


def test_predictions_name_the_answer_of_each_row(finetune: Train) -> None:
    trainer, task = finetune(steps=2)
    outputs: Any = trainer.predict(task, trainer.datamodule)  # type: ignore[attr-defined]
    lines = [line for set_outputs in outputs for batch in set_outputs for line in batch]
    assert [line["example"] for line in lines] == list(range(9)) * 4
    tone, same, near, following = (lines[i * 9] for i in range(4))
    assert tone["prediction"] in ("bad", "good")
    assert tone["target"] in ("bad", "good")
    assert same["dataset"] == "same"
    assert 0.0 <= near["prediction"] <= 2.0
    assert following["prediction"] in (0, 1, 2)
    assert list(following["probabilities"]) == ["0", "1", "2"]
    assert list(near["probabilities"]) == ["0", "1", "2"]
    assert list(tone["probabilities"]) == ["bad", "good"]
    assert sum(following["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)


def test_a_row_without_target_is_predicted_but_not_judged(finetune: Train) -> None:
    _, task = finetune(["near", "tone"], steps=1)
    for name in ("near", "tone"):
        batch = batch_of(name, rows_of(name, 4), 4)
        batch["has_target"][1:] = False
        task._reset()
        task.validation_step(batch, 0)
        assert int(task.metrics_of(name).whole["examples"].compute()) == 1
        assert ["target" in line for line in task.predict_step(batch, 0)] == [True, False, False, False]


# ---------------------------------------------------------------------- from a pre-trained model


@pytest.fixture
def pretrained(tmp_path: Path) -> tuple[Path, Decoder]:
    seed_everything(7, verbose=False)
    tokenizer = load_tokenizer("bytes")
    fields = {**SHAPE, "vocab_size": 257, "n_ctx": 32, "resid_pdrop": 0.1}
    from gpt_toolkit.backbone import DecoderConfig

    decoder = Decoder(DecoderConfig.from_fields(fields))
    LanguageModel(decoder, tokenizer).save(tmp_path / "model")
    return tmp_path / "model", decoder


def test_it_begins_with_the_model_and_new_marks(pretrained: tuple[Path, Decoder], finetune: Train) -> None:
    folder, decoder = pretrained
    _, task = finetune(["tone"], steps=1, decoder=None, init_from=str(folder))
    config = task.built_backbone.config
    assert (config.vocab_size, config.n_ctx, config.resid_pdrop) == (260, 32, 0.1)
    ours, theirs = task.built_backbone.state_dict(), decoder.state_dict()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name][: len(tensor)], tensor), name
    marks = ours["wte.weight"][257:]
    assert 0.005 < float(marks.std()) < 0.04  # N(0, 0.02)


@pytest.mark.parametrize(("layers", "kept"), [(0, []), (1, ["h.0."]), (2, ["h.0.", "h.1.", "ln_f"])])
def test_only_the_first_layers_are_transferred(
    layers: int, kept: list[str], pretrained: tuple[Path, Decoder], finetune: Train
) -> None:
    folder, decoder = pretrained
    with torch.no_grad():
        for parameter in decoder.parameters():  # biases and gains too must be told from fresh ones
            parameter.add_(0.125)
    LanguageModel(decoder, load_tokenizer("bytes")).save(folder, overwrite=True)
    _, task = finetune(["tone"], steps=1, decoder=None, init_from=str(folder), transfer_layers=layers)
    ours = task.built_backbone.state_dict()
    for name, tensor in decoder.state_dict().items():
        transferred = name.startswith(("wte", "wpe", *kept))
        assert torch.equal(ours[name][: len(tensor)], tensor) is transferred, name


def test_frozen_layers_stay_and_the_others_move(pretrained: tuple[Path, Decoder], finetune: Train) -> None:
    folder, decoder = pretrained
    _, task = finetune(["tone"], steps=2, lr=0.01, decoder=None, init_from=str(folder), freeze_layers=1)
    ours = task.built_backbone.state_dict()
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(ours[name][: len(tensor)], tensor) is name.startswith("h.0."), name


def test_lower_layers_learn_more_slowly(finetune: Train) -> None:
    trainer, task = finetune(["tone"], steps=1, lr=0.01, layer_decay=0.5)
    rates = {
        id(parameter): group["lr"]
        for group in trainer.optimizers[0].param_groups
        for parameter in group["params"]
    }
    named = {name: rates[id(parameter)] for name, parameter in task.named_parameters()}
    assert named["heads.dataset_tone.linear.weight"] == 0.01
    assert named["backbone.ln_f.weight"] == 0.01
    assert named["backbone.h.1.mlp.c_fc.weight"] == 0.01
    assert named["backbone.h.0.ln_1.bias"] == 0.005
    assert named["backbone.wte.weight"] == named["backbone.wpe.weight"] == 0.0025


def test_dropout_of_answers_is_shared_by_a_question() -> None:
    from gpt_toolkit.backbone.heads import MultipleChoiceHead

    torch.manual_seed(0)
    head = MultipleChoiceHead(64, clf_pdrop=0.5)
    states = torch.randn(3, 1, 64).expand(3, 4, 64)
    scores = head(states)
    assert torch.equal(scores, scores[:, :1].expand(3, 4))
    assert not torch.equal(scores, head(states))


def test_a_checkpoint_gives_back_task_and_language_model(finetune: Train, tmp_path: Path) -> None:
    trainer, task = finetune(steps=2, lr=0.01)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again = FinetuneTask(optimizer=AdamW(lr=0.0), clf_pdrop=0.0)
    data = trainer.datamodule  # type: ignore[attr-defined]
    path = tmp_path / "last.ckpt"
    trainer.ckpt_path = path
    found = trainer.test(again, data, verbose=False, weights_only=True)
    trainer.ckpt_path = None
    expected = trainer.test(task, data, verbose=False)
    assert found == expected
    for name, tensor in task.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert load(tmp_path / "last.ckpt").decoder.config == task.built_backbone.config


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lm_coef": -1.0}, r"FinetuneTask: lm_coef: -1\.0; expected 0 or more"),
        ({"clf_pdrop": 1.0}, r"FinetuneTask: clf_pdrop: 1\.0; expected a probability below 1"),
        ({"layer_decay": 0.0}, r"FinetuneTask: layer_decay: 0\.0; expected more than 0 and at"),
        ({"freeze_layers": 3}, "freeze_layers: 3; expected at most 2, the layers of the decoder"),
        ({"transfer_layers": 5}, "transfer_layers: 5; expected at most 2, the layers of the"),
        ({"decoder": None}, r"decoder: none; expected --model\.decoder NAME, or"),
        ({"decoder": {**SHAPE, "n_ctx": 16}}, r"data\.n_ctx: 32; expected at most 16, the decoder's context"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], message: str, finetune: Train) -> None:
    with pytest.raises(ValueError, match=message):
        finetune(["tone"], **arguments)


def test_a_correlation_of_equal_predictions_is_0_and_a_part_without_rows_has_no_metric(
    finetune: Train,
) -> None:
    _, task = finetune(["near", "tone"], steps=1)
    task._reset()
    near, tone = task.metrics_of("near"), task.metrics_of("tone")
    near.update(torch.full((4,), 1.5), torch.tensor([0.0, 1.0, 2.0, 0.5]), torch.full((4,), -1))
    assert near.compute(with_interval=False) == {"near_pearson": 0.0, "near_spearman": 0.0}
    assert tone.compute(with_interval=True) == {}
    short = torch.tensor([tone.spec.subsets.index("short")])
    tone.update(torch.tensor([1]), torch.tensor([1]), short)
    assert not [name for name in tone.compute(with_interval=True) if name.startswith("tone_long")]


@pytest.mark.parametrize("verb", ["validate", "test", "predict"])
def test_heads_that_were_never_trained_are_not_judged(
    verb: str, pretrained: tuple[Path, Decoder], finetune: Train
) -> None:
    trainer, _ = finetune(["tone"], steps=1)
    task = FinetuneTask(init_from=str(pretrained[0]))
    with pytest.raises(ValueError, match="heads of tone: not trained, because init_from has none that read"):
        getattr(trainer, verb)(task, RowsDataModule(["tone"], 4, 1))


# ---------------------------------------------------------------------- resumed with other settings


class Rates(Callback):
    """Learning rates of the first update, by parameter."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        self.of = self.of or {name: rates[id(p)] for name, p in pl_module.named_parameters()}


@pytest.mark.filterwarnings("ignore:.*dataloader is not resumable")
def test_a_resumed_learning_rate_is_scaled_by_layer(
    finetune: Train, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer, _ = finetune(["tone"], steps=2, lr=0.01, layer_decay=0.5)
    trainer.save_checkpoint(path := tmp_path / "stopped.ckpt")
    rates = Rates()
    with caplog.at_level("INFO", "gpt_toolkit"):
        finetune(["tone"], lr=0.001, layer_decay=0.5, lm_coef=0.1, ckpt_path=path, callbacks=[rates])
    assert {rate for name, rate in rates.of.items() if name.startswith("heads.")} == {0.001}
    assert rates.of["backbone.h.0.ln_1.bias"] == 0.0005
    assert rates.of["backbone.wte.weight"] == 0.00025
    [line] = [message for message in caplog.messages if message.startswith("changed")]
    assert line.endswith(
        "model.optimizer.lr 0.01 -> 0.001, trainer.max_steps 2 -> 4, model.lm_coef 0.5 -> 0.1"
    )


@pytest.mark.parametrize("change", [{"layer_decay": 0.5}, {"freeze_layers": 1}])
def test_groups_of_parameters_do_not_change_on_resume(
    change: dict[str, Any], finetune: Train, tmp_path: Path
) -> None:
    trainer, _ = finetune(["tone"], steps=2)
    trainer.save_checkpoint(path := tmp_path / "stopped.ckpt")
    [name] = change
    with pytest.raises(
        ValueError, match=rf"^model\.{name}: {change[name]}; expected .*; restore it, or begin"
    ):
        finetune(["tone"], ckpt_path=path, **change)


@pytest.mark.parametrize("monitor", ["val_tone_accuracy", "val_score", "val_loss"])
def test_a_metric_that_is_logged_can_be_monitored(monitor: str, finetune: Train, tmp_path: Path) -> None:
    writer = CheckpointWriter(monitor=monitor)
    finetune(["tone"], callbacks=[writer], n_batches=4)
    assert writer.best is not None


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        (
            "val_accuracy",
            "val_accuracy; expected a metric that .* logs: val_loss, val_score, val_tone_",
        ),
        ("val_tune_accuracy", "val_tune_accuracy; expected a metric"),
        ("val_tone_acuracy", r"val_tone_acuracy; .* \(did you mean val_tone_accuracy\?\)"),
    ],
)
def test_a_metric_that_is_not_logged_is_refused(monitor: str, message: str, finetune: Train) -> None:
    with pytest.raises(ValueError, match=rf"^checkpoints\.monitor: {message}"):
        finetune(["tone"], callbacks=[CheckpointWriter(monitor=monitor)], n_batches=4)
