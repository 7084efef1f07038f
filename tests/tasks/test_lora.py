"""Low-rank adapters: trained weights, checkpoints, and unsupported combinations."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.optim import AdamW, Linear
from gpt_toolkit.tasks import FinetuneTask
from gpt_toolkit.tasks.lora import LoRA
from gpt_toolkit.tokenizers import load_tokenizer
from tests.tasks.test_finetune import SHAPE, RowsDataModule, batch_of, logits, rows_of

SETTINGS = LoRA(r=2, alpha=6.0)
NAMES = ("tone", "next")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Make a model folder whose weights, biases included, differ from every initialization."""
    seed_everything(7, verbose=False)
    decoder = Decoder(DecoderConfig.from_fields({**SHAPE, "vocab_size": 257, "n_ctx": 32}))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    return tmp_path / "model"


Train = Callable[..., tuple[Trainer, FinetuneTask]]


@pytest.fixture
def finetune(model: Path, tmp_path: Path) -> Train:
    """Fine-tune the model with adapters; keyword arguments go to the task."""
    pytest.importorskip("peft")

    def run(
        *, steps: int = 3, ckpt_path: Path | None = None, strategy: Any = "auto", **arguments: Any
    ) -> tuple[Trainer, FinetuneTask]:
        seed_everything(0, verbose=False)
        task = FinetuneTask(
            **{
                "optimizer": AdamW(lr=0.02, weight_decay=0.1),
                "schedule": Linear(),
                "init_from": str(model),
                "lora": SETTINGS,
                **arguments,
            }
        )
        task.total_steps = lambda: 6  # type: ignore[method-assign]
        trainer = Trainer(
            max_steps=steps,
            accelerator="cpu",
            devices=1,
            strategy=strategy,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            default_root_dir=tmp_path / "run",
        )
        trainer.ckpt_path = ckpt_path
        data = RowsDataModule(NAMES, batch_size=6, n_batches=8)
        data.batches = data.batches[0 if ckpt_path is None else 3 :]  # as a resumed run does
        trainer.fit(task, data, weights_only=True)
        return trainer, task

    return run


def hidden_logits(task: FinetuneTask, ids: Tensor) -> Tensor:
    with torch.no_grad():
        backbone = task.eval().built_backbone
        return backbone.logits(backbone(ids))


IDS = torch.tensor([[256, 72, 105, 257, 33, 258, 7, 259]])


def test_before_the_first_step_the_model_is_as_it_was(model: Path, finetune: Train) -> None:
    _, task = finetune(optimizer=AdamW(lr=0.0))
    theirs = load(model, device="cpu")
    ids = IDS[:, :3]
    torch.testing.assert_close(hidden_logits(task, ids)[..., :257], theirs.logits(ids), rtol=0, atol=1e-6)


def test_adapters_heads_and_the_marks_are_trained_and_nothing_else(model: Path, finetune: Train) -> None:
    _, task = finetune(freeze_layers=1)
    before = load(model, device="cpu").decoder.state_dict()
    backbone = task.built_backbone.state_dict()
    assert not [name for name in backbone if "h.0." in name and "lora" in name]
    for name, tensor in backbone.items():
        plain = name.replace(".base_layer", "").replace(".token_adapter", "")
        if plain in before:
            assert torch.equal(tensor[: len(before[plain])], before[plain]), name
    trained = {name for name, parameter in task.named_parameters() if parameter.requires_grad}
    parts = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert trained == {
        "backbone.wte.token_adapter.trainable_tokens_delta.default",
        *(f"backbone.h.1.{part}.lora_{side}.default.weight" for part in parts for side in "AB"),
        *(f"heads.dataset_{name}.linear.{kind}" for name in NAMES for kind in ("weight", "bias")),
    }
    for name in trained:
        if "lora_B" in name:
            assert bool(task.state_dict()[name].any()), f"{name} is as it began"
    marks = task.state_dict()["backbone.wte.token_adapter.trainable_tokens_delta.default"]
    base = task.state_dict()["backbone.wte.token_adapter.base_layer.weight"]
    assert not torch.isclose(marks, base[257:]).all(dim=1).any()


def test_a_checkpoint_is_read_as_the_merged_model(finetune: Train, tmp_path: Path) -> None:
    trainer, task = finetune()
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    merged = load(tmp_path / "last.ckpt", device="cpu")
    assert merged.decoder.state_dict().keys() == Decoder(merged.decoder.config).state_dict().keys()
    torch.testing.assert_close(merged.logits(IDS), hidden_logits(task, IDS), rtol=0, atol=1e-5)
    adapted: Any = task.built_backbone.h[0].attn.c_attn  # type: ignore[union-attr]
    own = adapted.base_layer.weight + adapted.get_delta_weight("default")
    torch.testing.assert_close(
        merged.decoder.state_dict()["h.0.attn.c_attn.weight"], own.detach(), rtol=0, atol=1e-6
    )


def test_transformers_loads_the_merged_folder_with_equal_logits(finetune: Train, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    trainer, task = finetune()
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    load(tmp_path / "last.ckpt", device="cpu").save(tmp_path / "merged")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        torch.testing.assert_close(theirs(IDS).logits, hidden_logits(task, IDS), rtol=0, atol=1e-5)


@pytest.fixture
def command(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a command line on a custom labeled file."""
    pytest.importorskip("peft")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    rows = "".join(f"row {i} is {'ab'[i % 2]},{'ab'[i % 2]}\n" for i in range(60))
    Path("rows.csv").write_text(f"text,label\n{rows}", encoding="utf-8")

    def run(verb: str, *options: object) -> int:
        common = ["--config", "text/finetune", "--model.init_from", str(model), "--data.sets", "rows.csv"]
        common += ["--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.precision", "32-true"]
        common += ["--data.n_ctx", "32", "--data.batch_size", "8", "--model.schedule", "Constant"]
        common += ["--model.schedule.warmup_steps", "0"]
        common += ["--model.lora.r", "2", "--model.lora.alpha", "6", "--model.lora.dropout", "0.2"]
        common += ["--model.lora.targets", "[c_attn,mlp.c_proj]"]
        return main([verb, *common, *map(str, options)])

    return run


def test_a_run_that_is_cut_goes_on_to_equal_bits(command: Callable[..., int]) -> None:
    assert command("fit", "--trainer.max_steps", 6, "--trainer.default_root_dir", "whole") == 0
    assert command("fit", "--trainer.max_steps", 3) == 0
    assert command("fit", "--trainer.max_steps", 6, "--ckpt_path", "last") == 0
    ours, theirs = (
        torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True) for run in ("runs/finetune", "whole")
    )
    assert [name for name in theirs["state_dict"] if "lora_A" in name]
    for name, tensor in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][name], tensor), name
    for number, state in theirs["optimizer_states"][0]["state"].items():
        for key, tensor in state.items():
            assert torch.equal(ours["optimizer_states"][0]["state"][number][key], tensor), (number, key)


def test_a_run_is_tested_predicted_written_as_a_model_and_generates(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("fit", "--trainer.max_steps", 4, "--trainer.val_check_interval", 2) == 0
    assert "lora: 658 of 11,922 parameters are trained" in capsys.readouterr().err
    merged = load("runs/finetune/checkpoints/best.ckpt", device="cpu")
    folder = load("runs/finetune/model", device="cpu")
    torch.testing.assert_close(folder.logits(IDS), merged.logits(IDS), rtol=0, atol=0)
    kept = ("--config", "runs/finetune/config.yaml", "--ckpt_path", "best")
    assert main(["test", *kept]) == 0
    assert "val_rows_accuracy" in capsys.readouterr().out
    assert main(["predict", *kept]) == 0
    assert Path("runs/finetune/predictions.jsonl").is_file()
    capsys.readouterr()
    written = ("--prompt", "row", "--max_new_tokens", "3", "--seed", "0")
    assert main(["generate", "runs/finetune/checkpoints/best.ckpt", *written]) == 0
    from_checkpoint = capsys.readouterr().out
    assert main(["generate", "runs/finetune/model", *written]) == 0
    assert capsys.readouterr().out == from_checkpoint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.lora.rank", "4"], "no option --model.lora.rank"),
        (["--model.lora.r", "many"], "model.lora.r: expected int, got 'many'"),
        (["--model.lora.alpha", "-2"], "--model.lora.alpha: -2.0; expected more than 0"),
    ],
)
def test_a_wrong_setting_is_answered_in_one_line(
    options: list[str], message: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("fit", *options) in (1, 2)
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_checkpoint_is_tested_without_the_model_that_it_began_with(finetune: Train, tmp_path: Path) -> None:
    trainer, task = finetune()
    path = tmp_path / "last.ckpt"
    trainer.save_checkpoint(path)
    rows = rows_of("tone", 5)
    again = FinetuneTask(lora=SETTINGS)
    trainer.ckpt_path = path
    trainer.test(again, trainer.datamodule, verbose=False, weights_only=True)  # type: ignore[attr-defined]
    torch.testing.assert_close(logits(again, "tone", rows), logits(task, "tone", rows), rtol=0, atol=0)


def test_another_run_can_begin_with_the_merged_model(finetune: Train, tmp_path: Path) -> None:
    trainer, task = finetune()
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    expected = hidden_logits(task, IDS)
    for lora in (None, LoRA(r=3, alpha=1.0, targets=["mlp.c_proj"])):
        _, second = finetune(
            init_from=str(tmp_path / "first.ckpt"), lora=lora, optimizer=AdamW(lr=0.0, weight_decay=0.0)
        )
        torch.testing.assert_close(hidden_logits(second, IDS), expected, rtol=0, atol=1e-5)


def test_lower_layers_adapters_learn_more_slowly(finetune: Train) -> None:
    trainer, task = finetune(layer_decay=0.5, schedule=None, optimizer=AdamW(lr=0.01))
    groups = trainer.optimizers[0].param_groups
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    named = {name: rates[id(p)] for name, p in task.named_parameters() if p.requires_grad}
    assert named["heads.dataset_tone.linear.weight"] == 0.01
    assert named["backbone.h.1.attn.c_attn.lora_A.default.weight"] == 0.01
    assert named["backbone.h.0.mlp.c_fc.lora_B.default.weight"] == 0.005
    assert named["backbone.wte.token_adapter.trainable_tokens_delta.default"] == 0.0025


def test_the_gradients_are_those_of_the_low_rank_sum(finetune: Train) -> None:
    """Apply the chain rule to W + s B A: dB = s dW Aᵀ and dA = s Bᵀ dW, with dW of the merged model."""
    _, task = finetune(clf_pdrop=0.0)
    batch = batch_of("tone", rows_of("tone", 4), 4)
    task.zero_grad()
    task.training_step(batch, 0).backward()  # type: ignore[no-untyped-call]
    adapted: Any = task.built_backbone.h[0].attn.c_attn  # type: ignore[union-attr]
    a, b = adapted.lora_A.default.weight, adapted.lora_B.default.weight
    base, s = adapted.base_layer.weight, SETTINGS.alpha / SETTINGS.r
    ours = a.grad.clone(), b.grad.clone()
    with torch.no_grad():
        base.add_(s * b @ a)
        low = b.clone()
        b.zero_()
    base.requires_grad_(True)
    task.training_step(batch, 0).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(ours[1], s * base.grad @ a.T, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours[0], s * low.T @ base.grad, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------------- what does not go


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transfer_layers": 1}, "lora, transfer_layers: both given; expected one, because lora"),
        ({"freeze_layers": 2}, "lora: all 2 blocks are frozen; expected at least one to adapt"),
        (
            {"lora": LoRA(r=2, alpha=1.0, targets=["c_atn"])},
            "'c_atn' is not a linear map .* c_attn, c_fc, c_proj",
        ),
        ({"init_from": None, "decoder": SHAPE}, "lora: given without a model; expected pre-trained"),
    ],
)
def test_what_adapters_do_not_go_with_is_refused(
    arguments: dict[str, Any], message: str, finetune: Train
) -> None:
    with pytest.raises(ValueError, match=message):
        finetune(**arguments)


def test_a_sharded_model_is_refused(finetune: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTER_PORT", "LOCAL_RANK"):  # which the strategy sets for good
        monkeypatch.setenv(name, "0")
        monkeypatch.delenv(name)
    try:
        with pytest.raises(ValueError, match="lora: given with a sharded model; expected one device or"):
            finetune(strategy=ModelParallelStrategy())
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r": 0, "alpha": 1.0}, "LoRA: r: 0; expected 1 or more"),
        ({"r": 2, "alpha": -1.0}, r"LoRA: alpha: -1\.0; expected more than 0"),
        ({"r": 2, "alpha": 1.0, "dropout": 1.0}, r"LoRA: dropout: 1\.0; expected a probability below 1"),
        ({"r": 2, "alpha": 1.0, "targets": []}, "LoRA: targets: empty; expected at least one of c_attn"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LoRA(**settings)


def test_a_checkpoint_of_other_adapters_is_refused(finetune: Train, tmp_path: Path) -> None:
    trainer, _ = finetune()
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    for lora, here in ((None, "none"), (LoRA(r=3, alpha=6.0), "'r': 3")):
        with pytest.raises(ValueError, match=f"lora: .*{here}.*; expected .*'r': 2.*init_from"):
            finetune(lora=lora, ckpt_path=tmp_path / "last.ckpt")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setattr("gpt_toolkit.tasks.lora.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'gpt-toolkit\[lora\]'"):
        FinetuneTask(lora=SETTINGS)
