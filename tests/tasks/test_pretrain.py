"""Pre-training runs: equal for every division and after a resume, and protected against wrong plans."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.nn import functional as F
from torch.utils.data import DataLoader

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.tasks import PretrainTask
from tests.small_runs import Run


class SaveAt(Callback):
    """Callback that saves a checkpoint in the middle of the epoch, where ours are saved too."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step and not self.path.exists():
            trainer.save_checkpoint(self.path, weights_only=False)


def weights(task: PretrainTask) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.state_dict().items() if "backbone" in name}


def test_the_loss_falls_and_ends_below_the_first(fit: Run) -> None:
    losses: list[float] = []
    fit(losses=losses, max_steps=30, total_steps=30)
    assert losses[0] == pytest.approx(math.log(257), abs=0.15)
    assert losses[-1] < 0.75 * losses[0]


def test_accumulated_micro_batches_give_the_same_losses_as_one_batch(fit: Run) -> None:
    whole: list[float] = []
    parts: list[float] = []
    _, one = fit(losses=whole)
    _, four = fit(losses=parts, batch_size=4, accumulate=4)
    assert len(whole) == 8
    assert parts == pytest.approx(whole, rel=1e-6)
    for (name, a), b in zip(weights(one).items(), weights(four).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_ends_in_the_same_bits(
    fit: Run, tmp_path: Path, dropout: float, accumulate: int
) -> None:
    drops = {"embd_pdrop": dropout, "attn_pdrop": dropout, "resid_pdrop": dropout}
    kind = {"decoder": drops, "batch_size": 16 // accumulate, "accumulate": accumulate}
    path = tmp_path / "middle.ckpt"
    unbroken: list[float] = []
    resumed: list[float] = []
    _, first = fit(losses=unbroken, callbacks=[SaveAt(3, path)], **kind)
    _, second = fit(losses=resumed, ckpt_path=path, **kind)
    assert resumed == unbroken[3:]
    for (name, a), b in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(a, b), name


def test_a_resume_across_epochs_and_validations_ends_in_the_same_bits(fit: Run, tmp_path: Path) -> None:
    kind = {
        "batch_size": 8,
        "accumulate": 2,
        "max_steps": 40,
        "total_steps": 40,
        "val_check_interval": 5,
        "check_val_every_n_epoch": None,
    }
    path = tmp_path / "middle.ckpt"
    unbroken: list[float] = []
    resumed: list[float] = []
    trainer, first = fit(losses=unbroken, callbacks=[SaveAt(17, path)], **kind)
    assert trainer.current_epoch >= 2
    _, second = fit(losses=resumed, ckpt_path=path, **kind)
    assert resumed == unbroken[17:]
    for (name, a), b in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(a, b), name


def test_dropout_makes_a_difference_and_follows_the_seed(fit: Run) -> None:
    drops = {"resid_pdrop": 0.3}
    runs: list[list[float]] = [[], [], []]
    fit(losses=runs[0], decoder=drops, max_steps=3)
    fit(losses=runs[1], decoder=drops, max_steps=3)
    fit(losses=runs[2], max_steps=3)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_validation_is_the_mean_over_every_token_of_the_split(fit: Run) -> None:
    trainer, task = fit(max_steps=4)
    [metrics] = trainer.validate(task, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    nats, count = 0.0, 0
    datamodule: CorpusDataModule = trainer.datamodule  # type: ignore[attr-defined]
    stream = torch.from_numpy(
        datamodule.cache.tokens("val").windows(
            np.zeros(1, dtype=np.int64), len(datamodule.cache.tokens("val"))
        )
    )[0]
    for start in range(0, len(stream) - 1, 32):
        inputs, labels = stream[start : start + 32][: len(stream) - 1 - start], stream[start + 1 : start + 33]
        with torch.no_grad():
            logits = task.built_backbone.logits(task.built_backbone(inputs[None]))[0]
        nats += float(F.cross_entropy(logits, labels, reduction="sum"))
        count += len(labels)
    assert count == len(stream) - 1
    assert metrics["val_loss"] == pytest.approx(nats / count, rel=1e-5)
    assert metrics["val_perplexity"] == pytest.approx(math.exp(nats / count), rel=1e-5)
    text = datamodule.cache.n_bytes("val")
    assert metrics["val_bits_per_byte"] == pytest.approx(nats / text / math.log(2), rel=1e-5)


def test_predictions_hold_the_loss_of_each_token(fit: Run) -> None:
    trainer, task = fit(max_steps=2)
    outputs: Any = trainer.predict(task, datamodule=trainer.datamodule)  # type: ignore[attr-defined]
    [metrics] = trainer.test(task, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    losses = [loss for lines in outputs for line in lines for loss in line["nll"]]
    assert sum(losses) / len(losses) == pytest.approx(metrics["val_loss"], rel=1e-5)


def test_a_sample_goes_on_from_its_prompt_and_repeats(fit: Run) -> None:
    _, task = fit(max_steps=2)
    kind = {"max_new_tokens": 8, "temperature": 1.0, "top_k": 0}
    first = task.write_sample("Mira", **kind)  # type: ignore[arg-type]
    assert first is not None
    assert first.startswith("Mira")
    assert first == task.write_sample("Mira", **kind)  # type: ignore[arg-type]


def test_under_fsdp_no_sample_is_tried(fit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, task = fit(max_steps=1)
    monkeypatch.setattr(PretrainTask, "sharded_root", lambda self: object())
    assert task.write_sample("Mira", max_new_tokens=3, temperature=1.0, top_k=0) is None


def test_init_from_takes_the_weights_and_begins_at_step_zero(fit: Run, tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    _, first = fit(callbacks=[SaveAt(8, path)])
    losses: list[float] = []
    trainer, second = fit(max_steps=1, losses=losses, task={"init_from": str(path)})
    assert trainer.global_step == 1
    assert losses[0] < 5.0
    del first, second
    with pytest.raises(ValueError, match="n_embd 8 against 16"):
        fit(max_steps=1, decoder={"n_embd": 8}, task={"init_from": str(path)})
    saved = torch.load(path, weights_only=True)
    saved["gpt_toolkit"]["tokenizer"]["tokenizer.json"] += " "
    torch.save(saved, path)
    with pytest.raises(ValueError, match="trained with another tokenizer than the data's"):
        fit(max_steps=1, task={"init_from": str(path)})


# ---------------------------------------------------------------------- what is refused


def test_another_data_plan_is_refused_unless_accepted(fit: Run, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    fit(callbacks=[SaveAt(3, path)])
    with pytest.raises(ValueError, match=r"^data: '.*windows_per_step=8.*; expected '.*windows_per_step=16"):
        fit(ckpt_path=path, batch_size=8)
    trainer, _ = fit(ckpt_path=path, batch_size=8, task={"accept_new_plan": True})
    assert trainer.global_step == 8


def test_a_checkpoint_of_another_decoder_is_refused(fit: Run, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    fit(callbacks=[SaveAt(3, path)])
    with pytest.raises(ValueError, match="decoder: n_layer is 2 in the checkpoint, 1 in this run; expected"):
        fit(ckpt_path=path, decoder={"n_layer": 1})


def test_a_checkpoint_of_another_tokenizer_is_refused(fit: Run, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    fit(callbacks=[SaveAt(3, path)])
    saved = torch.load(path, weights_only=True)
    saved["gpt_toolkit"]["fingerprint"] = "of another"
    torch.save(saved, path)
    with pytest.raises(ValueError, match="tokenizer of the data: 49ac553c4f8043d8; expected of another, as"):
        fit(ckpt_path=path)


def test_a_checkpoint_of_another_task_or_program_is_refused(fit: Run, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    fit(callbacks=[SaveAt(3, path)])
    saved = torch.load(path, weights_only=True)
    torch.save(saved | {"gpt_toolkit": saved["gpt_toolkit"] | {"task": "FinetuneTask"}}, path)
    with pytest.raises(ValueError, match="task: RecordingTask; expected FinetuneTask, as in the checkpoint"):
        fit(ckpt_path=path)
    del saved["gpt_toolkit"]
    torch.save(saved, path)
    with pytest.raises(ValueError, match="not written by gpt_toolkit"):
        fit(ckpt_path=path)


def test_a_decoder_too_small_for_the_data_is_refused(fit: Run) -> None:
    with pytest.raises(ValueError, match="tokenizer: 257 token ids; expected at most 100, the decoder's"):
        fit(decoder={"vocab_size": 100})
    with pytest.raises(ValueError, match=r"data\.n_ctx: 32; expected at most 16"):
        fit(decoder={"n_ctx": 16})


def test_training_without_an_optimizer_or_an_end_says_so() -> None:
    with pytest.raises(ValueError, match="optimizer: none; expected one for training"):
        PretrainTask({"n_layer": 1}).configure_optimizers()
    task = PretrainTask({"n_layer": 1})
    task._trainer = Trainer(max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(ValueError, match=r"set trainer\.max_steps"):
        task.total_steps()


def test_a_datamodule_without_a_needed_attribute_is_refused() -> None:
    task = PretrainTask({"n_layer": 1, "n_head": 1, "n_embd": 8})
    task._trainer = Trainer(max_steps=1, accelerator="cpu", logger=False, enable_checkpointing=False)
    task._trainer.datamodule = LightningDataModule()  # type: ignore[attr-defined]
    task._trainer.datamodule.n_ctx = 8  # type: ignore[attr-defined]
    message = "LightningDataModule: no vocabulary; expected vocabulary, n_ctx,"
    with pytest.raises(ValueError, match=message):
        task.resolve_decoder()


class ThirtyLines(LightningDataModule):
    """A user's own DataModule: vocabulary, n_ctx, plan, and batches of the required form."""

    def __init__(self, vocabulary: Any) -> None:
        super().__init__()
        self.vocabulary, self.n_ctx, self.plan = vocabulary, 8, "mine"

    def train_dataloader(self) -> DataLoader[Any]:
        ids = torch.arange(9).repeat(4, 1)
        batch = {"input_ids": ids[:, :-1], "labels": ids[:, 1:], "step_targets": 32, "bytes_per_token": 1.0}
        return DataLoader([batch] * 3, batch_size=None)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*have no `val_dataloader`")
def test_any_datamodule_with_the_right_batches_will_do(tmp_path: Path) -> None:
    from gpt_toolkit.optim import AdamW
    from gpt_toolkit.tokenizers import load_tokenizer

    task = PretrainTask({"n_layer": 1, "n_head": 1, "n_embd": 8}, AdamW(lr=0.01))
    trainer = Trainer(
        max_steps=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        log_every_n_steps=1,
    )
    trainer.fit(task, datamodule=ThirtyLines(load_tokenizer("bytes")))
    assert trainer.global_step == 3
    assert task.built_backbone.config == DecoderConfig(257, 8, 1, 1, 8)
    assert isinstance(task.built_backbone, Decoder)
