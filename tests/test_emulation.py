"""No code path computes in an emulated type unless the user asks for it; native ones are used."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import gpt_toolkit as gt
from gpt_toolkit.backbone import packed_linear
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.lm_eval_model import register
from gpt_toolkit.optim import orthogonalize
from tests.cli.test_tables import TINY as TABLES
from tests.cli.test_tables import InThisProcess
from tests.emulation import EmulatedProductError, MatrixProducts
from tests.evaluation.test_lm_eval_model import harness

__all__ = ["harness"]

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
TYPES = {"bfloat16": BF16, "float16": FP16}

DECODER = [
    *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
]
FEW_STEPS = [
    *("--trainer.max_steps", "2", "--trainer.limit_val_batches", "1", "--trainer.accelerator", "cpu"),
    *("--trainer.devices", "1"),
]
PRETRAIN = [
    *("--config", "storyworld/quickstart", *FEW_STEPS, "--trainer.val_check_interval", "1", *DECODER),
    *("--data.limit_documents", "20", "--data.n_ctx", "64", "--data.batch_size", "2"),
    *("--data.tokenizer", "bytes", "--samples.max_new_tokens", "4"),
]
FINETUNE = ["--config", "text/finetune", *FEW_STEPS, "--data.sets", "rows.csv", "--data.n_ctx", "64"]
BENCHMARKS = ["storyworld:pronouns", "storyworld:summaries"]  # scores, and text that is written
FEW = ["--limit", "2", "--benchmarks", ",".join(BENCHMARKS)]


def answer(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0


def into(folder: str) -> tuple[str, str]:
    return "--trainer.default_root_dir", folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a run ``run``, its model also in half the bytes, examples and prompts."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_TOOLKIT_CACHE", str(folder / "cache"))
        patch.setenv("GPT_TOOLKIT_BF16", "0")
        patch.setenv("GPT_TOOLKIT_FP16", "0")
        patch.chdir(folder)
        rows = "".join(f"row {i} is {'ab'[i % 2]},{'ab'[i % 2]}\n" for i in range(40))
        Path("rows.csv").write_text("text,label\n" + rows, encoding="utf-8")
        Path("prompts.txt").write_text("Mira\nOtto sat\n", encoding="utf-8")
        with MatrixProducts() as products:
            answer("fit", *PRETRAIN, *into("run"))
        assert products.counts[FP32] > 0
        assert products.counts.keys() == {FP32}
        for dtype in TYPES:
            answer("convert", "run/model", dtype, "--dtype", dtype)
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a copy of that folder."""
    folder = tmp_path / "work"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(folder / "cache"))
    monkeypatch.setattr(
        "gpt_toolkit.hardware.precision.slowdown", lambda dtype, device: 25.3
    )  # which multiplies in both types
    monkeypatch.chdir(folder)
    return folder


def choose(monkeypatch: pytest.MonkeyPatch, native: str) -> None:
    for name in ("BF16", "FP16"):
        monkeypatch.setenv(f"GPT_TOOLKIT_{name}", native)


@pytest.fixture
def fp32_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[MatrixProducts]:
    """Simulate a machine with fast fp32 only; products in other types raise."""
    choose(monkeypatch, "0")
    with MatrixProducts() as products:
        yield products
    assert products.counts[FP32] > 0
    assert products.counts.keys() <= {FP32, torch.float64}  # a stored head is folded in float64


# ---------------------------------------------------------------------- the helper

MATRIX = torch.ones(2, 8, 8)
PRODUCTS: dict[str, Callable[[torch.Tensor], object]] = {
    "mm": lambda x: x[0] @ x[1],
    "mm out": lambda x: torch.mm(x[0], x[1], out=torch.empty_like(x[0])),
    "mv": lambda x: x[0] @ x[1, 0],
    "bmm": lambda x: x @ x,
    "matmul": lambda x: torch.matmul(x[None], x[0]),
    "einsum": lambda x: torch.einsum("bij,bjk->bik", x, x),
    "addmm": lambda x: torch.addmm(x[0], x[0], x[1]),
    "addbmm": lambda x: torch.addbmm(x[0], x, x),
    "baddbmm_": lambda x: x.clone().baddbmm_(x, x),
    "linear": lambda x: F.linear(x, x[0], x[0, 0]),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True),
    "convolution": lambda x: F.conv1d(x, x[:, :, :2]),
}


@pytest.mark.parametrize("mode", ["grad", "no_grad", "inference"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_every_kind_of_product_is_recognized(name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "0")
    multiply = PRODUCTS[name]
    modes = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}
    with modes[mode]():
        x = MATRIX.clone()
        with MatrixProducts() as products:
            multiply(x)
            assert products.counts.keys() == {FP32}
            for dtype in (BF16, FP16):
                with pytest.raises(EmulatedProductError):
                    multiply(x.to(dtype))
        choose(monkeypatch, "1")
        with MatrixProducts() as products:
            multiply(x.to(BF16))
        assert products.counts.keys() == {BF16}


def test_products_of_a_backward_pass_and_under_autocast_are_recognized(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(monkeypatch, "0")
    weight = torch.ones(4, 4, requires_grad=True)
    with MatrixProducts() as products:
        F.linear(torch.ones(2, 4), weight).sum().backward()  # type: ignore[no-untyped-call]
        assert products.counts[FP32] == 2
        with torch.autocast("cpu", BF16), pytest.raises(EmulatedProductError):
            F.linear(torch.ones(2, 4), weight)
    loss = F.linear(torch.ones(2, 4).bfloat16(), weight.bfloat16()).sum()
    with MatrixProducts(), pytest.raises(EmulatedProductError):
        loss.backward()  # type: ignore[no-untyped-call]


# ---------------------------------------------------------------------- training


@pytest.mark.parametrize(
    ("optimizer", "model"), [("Muon", None), ("AdamW", None), ("Muon", "bfloat16"), ("AdamW", "float16")]
)
def test_pretraining_is_in_fp32(
    optimizer: str, model: str | None, here: Path, fp32_alone: MatrixProducts
) -> None:
    start = () if model is None else ("--model.init_from", model)
    rates = ["--model.optimizer", optimizer, "--model.optimizer.lr", "1e-3"]
    if optimizer == "Muon":
        rates += ["--model.optimizer.adamw_lr", "1e-3"]
    answer("fit", *PRETRAIN, *into("new"), *start, *rates)
    assert "=== step 2" in Path("new/samples.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "adapters"), [("run/model", False), ("bfloat16", False), ("float16", True)]
)
def test_fine_tuning_testing_and_predicting_are_in_fp32(
    model: str, adapters: bool, here: Path, fp32_alone: MatrixProducts
) -> None:
    lora: list[str] = []
    if adapters:
        pytest.importorskip("peft")
        lora = ["--model.lora.r", "2", "--model.lora.alpha", "4"]
    arguments = [*FINETUNE, "--model.init_from", model, "--model.lm_coef", "0.5", *lora, *into("new")]
    answer("fit", *arguments)
    for verb in ("validate", "test", "predict"):
        answer(verb, *arguments, "--ckpt_path", "best")


def test_a_run_of_a_machine_with_bf16_is_used_in_fp32_on_one_without(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "1")
    with MatrixProducts() as products:
        answer("fit", *PRETRAIN, *into("new"))
    assert products.counts[BF16] > 0
    choose(monkeypatch, "0")
    for verb, *more in (["validate"], ["test"], ["predict"], ["fit", "--trainer.max_steps", 3]):
        with MatrixProducts() as products:
            answer(verb, *PRETRAIN, *into("new"), *more, "--ckpt_path", "last")
        assert products.counts.keys() == {FP32}, verb


def test_the_doctor_tries_steps_in_fp32(here: Path, fp32_alone: MatrixProducts) -> None:
    answer("doctor", *PRETRAIN, *into("new"))
    answer("doctor", *FINETUNE, "--model.init_from", "bfloat16", *into("new"))


# ---------------------------------------------------------------------- a model in use

MODELS = pytest.mark.parametrize("model", ["run/model", "run/checkpoints/best.ckpt", *TYPES])


@MODELS
def test_a_loaded_model_scores_and_writes_in_fp32(
    model: str, here: Path, fp32_alone: MatrixProducts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_linear, "_MIN_BYTES", 1)  # every matrix, as in a large model
    loaded = gt.load(model, device="cpu")
    assert {parameter.dtype for parameter in loaded.decoder.parameters()} == {FP32}
    assert loaded.logits(torch.tensor([[1, 2]])).dtype == FP32
    assert loaded.score("Mira", " sat")
    assert loaded.generate(["Mira", "Otto sat"], max_new_tokens=3)
    assert list(loaded.stream("Mira", max_new_tokens=3, seed=1)) is not None


@MODELS
def test_generate_zero_shot_and_predict_are_in_fp32(
    model: str, here: Path, fp32_alone: MatrixProducts
) -> None:
    answer("generate", model, "--prompt", "Mira", "--max_new_tokens", 3)
    answer("zero-shot", model, *FEW)
    one = ("--trainer.accelerator", "cpu", "--trainer.devices", 1, "--model.init_from", model)
    rows = ("--data.benchmarks", json.dumps(BENCHMARKS), "--data.limit", 2)
    answer("test", "--config", "storyworld/zero_shot", *one, *rows)
    prompts = ("--data.files", "prompts.txt", "--model.max_new_tokens", 3)
    answer("predict", "--config", "text/generate", *one, *prompts)


@pytest.mark.parametrize(
    ("model", "dtype"), [("run/model", "float16"), ("bfloat16", "float32"), ("float16", "bfloat16")]
)
def test_a_conversion_is_compared_in_fp32(
    model: str, dtype: str, here: Path, fp32_alone: MatrixProducts
) -> None:
    answer("convert", model, "new", "--dtype", dtype)


def test_a_report_is_computed_in_fp32(here: Path, fp32_alone: MatrixProducts) -> None:
    shutil.rmtree("run/model")
    shutil.copytree("bfloat16", "run/model")
    sizes = ("--samples", 1, "--max_new_tokens", 4, "--order", 2, "--tokens", 100, "--limit", 1)
    answer("report", "run", *sizes)


@MODELS
def test_the_harness_gets_answers_computed_in_fp32(
    model: str, here: Path, harness: dict[str, Any], fp32_alone: MatrixProducts
) -> None:
    backend: Any = register()(path=model, device="cpu", batch_size=1)
    assert backend._loglikelihood_tokens([(("a", "b"), [1, 2], [3, 4])])
    assert backend.loglikelihood_rolling([SimpleNamespace(args=("Mira sat",))])
    settings = {"until": ["e"], "max_gen_toks": 3, "do_sample": False}
    assert backend.generate_until([SimpleNamespace(args=("Mira", settings))])


def test_the_papers_tables_are_computed_in_fp32(
    here: Path, fp32_alone: MatrixProducts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", InThisProcess)
    answer("tables", *TABLES, "--parts", "table4", "--tasks", "acceptability")


# ---------------------------------------------------------------------- what the user asks for


def warnings_in(err: str) -> list[str]:
    return [line for line in err.splitlines() if "warning" in line or "emulated" in line]


def asked(command: str) -> tuple[Callable[[], None], str]:
    """Return a command that requests bf16, and the option that does."""
    option = "--trainer.precision bf16-mixed" if command in ("fit", "test") else "--dtype"
    runs = {
        "fit": partial(answer, "fit", *PRETRAIN, *into("new"), *option.split()),
        "test": partial(answer, "test", *PRETRAIN, *into("run"), "--ckpt_path", "best", *option.split()),
        "generate": partial(
            answer, "generate", "run/model", "--prompt", "a", "--max_new_tokens", 3, "--dtype", "bfloat16"
        ),
        "zero-shot": partial(answer, "zero-shot", "run/model", *FEW, "--no_store", "--dtype", "bfloat16"),
    }
    return runs[command], option


@pytest.mark.parametrize("command", ["fit", "test", "generate", "zero-shot"])
def test_an_emulated_type_is_computed_in_as_asked_with_one_warning(
    command: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose(monkeypatch, "0")
    run, option = asked(command)
    capsys.readouterr()
    with MatrixProducts(refuses=False) as products:
        run()
    assert products.counts[BF16] > 0
    assert products.emulated
    [warning] = warnings_in(capsys.readouterr().err)
    assert re.match(
        rf"warning: {option}: bfloat16 is emulated on this CPU; matrix products take 25 times as long as in "
        "float32",
        warning,
    )
    shutil.rmtree("new", ignore_errors=True)
    with MatrixProducts(), pytest.raises(EmulatedProductError):
        run()


# ---------------------------------------------------------------------- a machine with bf16


def test_native_bf16_is_what_a_run_and_its_samples_choose(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose(monkeypatch, "1")
    capsys.readouterr()
    with MatrixProducts() as products:
        answer("fit", *PRETRAIN, *into("new"))
        answer("fit", *FINETUNE, "--model.init_from", "run/model")
    assert products.counts[BF16] > products.counts[FP32]
    chosen = "precision: bf16-mixed (this CPU has bf16 instructions); change it by --trainer.precision"
    assert capsys.readouterr().err.splitlines().count(chosen) == 2


def test_native_bf16_is_what_text_is_written_in(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose(monkeypatch, "1")
    capsys.readouterr()
    with MatrixProducts() as products:
        answer("generate", "run/model", "--prompt", "Mira", "--max_new_tokens", 3)
    assert products.counts[BF16] > products.counts[FP32]  # attention to a cache of bf16 is in fp32
    rows = ("--data.files", "prompts.txt", "--model.max_new_tokens", 3, "--model.init_from", "run/model")
    with MatrixProducts() as products:
        answer("predict", "--config", "text/generate", "--trainer.accelerator", "cpu", *rows)
    assert products.counts[BF16] > products.counts[FP32]
    assert warnings_in(capsys.readouterr().err) == []


def test_scores_are_the_same_on_a_machine_with_bf16(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "1")
    with MatrixProducts() as products:
        answer("zero-shot", "run/model", *FEW)
        gt.load("run/model", device="cpu").score("Mira", " sat")
    assert products.counts.keys() == {FP32}


def test_a_model_stored_in_a_native_type_is_loaded_in_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "1")
    for name, dtype in TYPES.items():
        with MatrixProducts() as products:
            gt.load(name, device="cpu").score("Mira", " sat")
        assert products.counts.keys() == {dtype}


def test_muon_orthogonalizes_in_the_fast_type(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, dtype in (("0", FP32), ("1", BF16)):
        choose(monkeypatch, native)
        with MatrixProducts() as products:
            orthogonalize(torch.ones(1, 4, 4))
        assert products.counts.keys() == {dtype}
