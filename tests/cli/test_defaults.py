"""Precision of a run on the command line: detected, overridden, resumed, refused."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace as UntypedNamespace

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import defaults
from gpt_toolkit.cli.defaults import resolve_precision, take_from_model, training_device
from gpt_toolkit.cli.shipped_configs import shipped_configs
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers import load_tokenizer
from tests.commands import Said, Tell, assert_refused

Namespace: Any = UntypedNamespace
RUN = ("--config", "tiny.yaml")


@pytest.fixture(autouse=True)
def only_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a CPU with fast products in fp32 only."""
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    monkeypatch.setattr("gpt_toolkit.hardware.precision.slowdown", lambda dtype, device: 25.3)


def lines_about_precision(said: Said) -> list[str]:
    return [line for line in said.err.splitlines() if "precision" in line]


def saved_precision() -> str:
    config = yaml.safe_load(Path("runs/tiny/config.yaml").read_text(encoding="utf-8"))
    return str(config["trainer"]["precision"])


@pytest.mark.parametrize(
    ("native", "chosen", "reason"),
    [
        ("0", "32-true", "this CPU has no bf16 instructions"),
        ("1", "bf16-mixed", "this CPU has bf16 instructions"),
    ],
)
def test_the_machine_chooses_says_why_and_the_run_keeps_it(
    native: str, chosen: str, reason: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", native)
    said = tell("fit", *RUN)
    assert said.code == 0
    assert lines_about_precision(said) == [
        f"precision: {chosen} ({reason}); change it by --trainer.precision"
    ]
    assert f"CPU {chosen};" in said.err
    assert saved_precision() == chosen
    again = tell("validate", "--config", "runs/tiny/config.yaml", "--ckpt_path", "best")
    assert (again.code, lines_about_precision(again)) == (0, [])  # the run's own file says it


def test_a_slow_precision_is_trained_in_as_asked_with_one_warning_that_gives_the_factor(tell: Tell) -> None:
    said = tell("fit", *RUN, "--trainer.precision", "bf16-mixed")
    assert said.code == 0
    assert lines_about_precision(said) == [
        "warning: --trainer.precision bf16-mixed: bfloat16 is emulated on this CPU; matrix products take 25 "
        "times as long as in float32; use --trainer.precision 32-true"
    ]
    assert saved_precision() == "bf16-mixed"


def test_a_native_precision_needs_no_words(tell: Tell) -> None:
    said = tell("fit", *RUN, "--trainer.precision", "32")
    assert (said.code, lines_about_precision(said)) == (0, [])


def test_doctor_ends_with_a_warning_and_the_faster_precision(tell: Tell) -> None:
    said = tell("doctor", *RUN, "--trainer.precision", "bf16-mixed")
    assert said.code == 0
    assert "all is well" not in said.out
    assert re.search(
        r"\n1 warning:\n  1\. --trainer\.precision bf16-mixed: bfloat16 is emulated on this CPU; "
        r".* 25 times .*; use --trainer\.precision 32-true\n$",
        said.out,
    )
    assert lines_about_precision(said) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("bf17", r"--trainer\.precision: expected 64, 32, 16, .*, got 'bf17'"),
        (
            "16-mixed",
            r"trainer\.precision: 16-mixed; expected one that a CPU has; use --trainer\.precision 32-true",
        ),
        ("16", r"trainer\.precision: 16; expected one that a CPU has; .*"),
    ],
)
def test_a_precision_that_is_unknown_or_not_to_be_had_is_refused_in_a_line(
    value: str, message: str, tell: Tell
) -> None:
    said = tell("fit", *RUN, "--trainer.precision", value)
    assert said.code == 2
    assert re.fullmatch(rf"gpt-toolkit: {message}\n", said.err), said.err
    assert not Path("runs").exists()


# ---------------------------------------------------------------------- resuming


def test_a_resumed_run_stays_in_its_precision_where_that_is_fast(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")
    assert tell("fit", *RUN, "--trainer.max_steps", "4", "--trainer.precision", "32-true").code == 0
    said = tell("fit", *RUN, "--ckpt_path", "last")
    assert said.code == 0
    assert lines_about_precision(said) == [
        "precision: 32-true (as the checkpoint was trained); change it by --trainer.precision"
    ]
    assert saved_precision() == "32-true"


def test_a_run_from_a_faster_machine_resumes_in_what_this_one_has_and_says_so(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")
    assert tell("fit", *RUN, "--trainer.max_steps", "4").code == 0
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    said = tell("fit", *RUN, "--ckpt_path", "last")
    assert said.code == 0
    assert lines_about_precision(said) == [
        "precision: 32-true (this CPU has no bf16 instructions; the checkpoint was trained in bf16-mixed); "
        "change it by --trainer.precision"
    ]
    assert "the checkpoint was trained in bf16-mixed; this run continues in 32-true\n" in said.err


def test_another_precision_on_resume_is_the_users_choice_and_is_reported(tell: Tell) -> None:
    assert tell("fit", *RUN, "--trainer.max_steps", "4").code == 0
    said = tell("fit", *RUN, "--ckpt_path", "last", "--trainer.precision", "bf16-mixed")
    assert said.code == 0
    assert "the checkpoint was trained in 32-true; this run continues in bf16-mixed\n" in said.err


# ---------------------------------------------------------------------- other devices


def settings(task: str = "PretrainTask", **trainer: Any) -> Any:
    given = {"precision": None, "accelerator": "auto", "plugins": None, "strategy": "auto", "devices": "auto"}
    return Namespace(
        trainer=Namespace(**{**given, **trainer}),
        model=Namespace(class_path=f"gpt_toolkit.tasks.{task}"),
        ckpt_path=None,
    )


@pytest.fixture
def an_old_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setattr(defaults, "default_device", lambda: gpu)
    monkeypatch.setattr("gpt_toolkit.hardware.precision._cuda_is_native", lambda name: name == "FP16")
    monkeypatch.setattr("gpt_toolkit.hardware.precision.device_name", lambda device: "Tesla T4")
    for name in ("GPT_TOOLKIT_BF16", "GPT_TOOLKIT_FP16"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, "16-mixed"),
        ({"accelerator": "gpu"}, "16-mixed"),
        ({"strategy": "ddp", "devices": 2}, "16-mixed"),
        ({"strategy": Namespace(class_path="ModelParallelStrategy")}, "32-true"),
        ({"strategy": Namespace(class_path="lightning.pytorch.strategies.ModelParallelStrategy")}, "32-true"),
        ({"accelerator": "cpu"}, "32-true"),
        ({"plugins": [Namespace(class_path="lightning.pytorch.plugins.MixedPrecision")]}, None),
        ({"accelerator": "tpu"}, None),
        ({"precision": "32-true"}, "32-true"),
    ],
    ids=str,
)
def test_an_older_gpu_trains_in_16_mixed_unless_something_speaks_against_it(
    how: dict[str, Any], expected: str | None, an_old_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how.get("accelerator") == "cpu":
        monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    chosen = settings(**how)
    resolve_precision(chosen)
    assert chosen.trainer.precision == expected


@pytest.mark.parametrize("task", ["ZeroShotTask", "GenerateTask"])
def test_tasks_that_score_and_write_compute_in_the_type_of_their_weights(task: str, an_old_gpu: None) -> None:
    chosen = settings(task)
    resolve_precision(chosen)
    assert chosen.trainer.precision == "32-true"


def test_an_accelerator_that_is_not_here_is_the_trainers_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "default_device", lambda: torch.device("cpu"))
    assert training_device(settings(accelerator="gpu").trainer) is None
    assert training_device(settings().trainer) == torch.device("cpu")


def test_no_shipped_config_fixes_what_the_machine_decides() -> None:
    for path in shipped_configs().rglob("*.yaml"):
        assert "precision" not in (yaml.safe_load(path.read_text(encoding="utf-8")).get("trainer") or {}), (
            path
        )


# ---------------------------------------------------------------------- context length


@pytest.fixture
def save_model(place: Path) -> Callable[[int], None]:
    """Return a function that saves a tiny model with a context length as ``model``."""

    def save(n_ctx: int) -> None:
        shape = DecoderConfig(vocab_size=257, n_ctx=n_ctx, n_layer=1, n_head=1, n_embd=8)
        LanguageModel(Decoder(shape), load_tokenizer("bytes")).save("model")

    return save


def data_of(kind: str, **given: Any) -> Any:
    return Namespace(class_path=f"gpt_toolkit.{kind}", init_args=Namespace(tokenizer=None, **given))


@pytest.mark.parametrize(
    ("kind", "of_model", "given", "taken"),
    [
        ("SupervisedDataModule", 128, None, 128),
        ("SupervisedDataModule", 1024, None, 512),
        ("SupervisedDataModule", 1024, 600, 600),
        ("ZeroShotDataModule", 1024, None, 1024),
    ],
)
def test_an_open_context_length_is_the_models(
    kind: str, of_model: int, given: int | None, taken: int, save_model: Callable[[int], None]
) -> None:
    save_model(of_model)
    model = Namespace(init_args=Namespace(init_from="model"))
    chosen = Namespace(data=data_of(kind, n_ctx=given), model=model, ckpt_path=None)
    take_from_model(chosen)
    assert chosen.data.init_args.n_ctx == taken


@pytest.mark.parametrize(("decoder", "taken"), [({"n_ctx": 64}, 64), ("gpt2", 512), ("gpt-nano", None)])
def test_without_a_model_the_context_length_is_the_decoders(decoder: Any, taken: int | None) -> None:
    model = Namespace(init_args=Namespace(init_from=None, decoder=decoder))
    chosen = Namespace(data=data_of("SupervisedDataModule", n_ctx=None), model=model, ckpt_path=None)
    take_from_model(chosen)
    assert chosen.data.init_args.n_ctx == taken


def test_fine_tuning_takes_the_context_of_a_run_that_is_named_by_its_folder(tell: Tell) -> None:
    rows = "".join(f"good {i},a\nbad {i},b\n" for i in range(40))
    Path("rows.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    assert tell("fit", *RUN, "--trainer.max_steps", 1).code == 0  # context 32
    small = ("--trainer.max_epochs", 1, "--trainer.accelerator", "cpu", "--data.sets", "rows.csv")
    said = tell("fit", "--config", "text/finetune", "--model.init_from", "runs/tiny", *small)
    assert said.code == 0, said.err
    assert "context 32" in said.err
    config = yaml.safe_load(Path("runs/finetune/config.yaml").read_text(encoding="utf-8"))
    assert config["data"]["init_args"]["n_ctx"] == 32


def test_fine_tuning_without_a_model_names_the_option(tell: Tell) -> None:
    Path("rows.csv").write_text("text,label\ngood one,a\nbad one,b\n", encoding="utf-8")
    said = tell("fit", "--config", "text/finetune", "--data.sets", "rows.csv")
    assert_refused(said, r"model: none; expected --model\.init_from MODEL .*, or --model\.decoder NAME", 2)


def test_a_checkpoint_is_evaluated_with_shorter_windows_but_not_with_longer_ones(tell: Tell) -> None:
    precision = ("--trainer.precision", "32-true")
    tell("fit", *RUN, *precision)
    short = tell("predict", *RUN, *precision, "--ckpt_path", "best", "--data.n_ctx", 8)
    assert short.code == 0, short.err
    lines = Path("runs/tiny/predictions.jsonl").read_text(encoding="utf-8").splitlines()
    windows = [json.loads(line) for line in lines]
    model = load("runs/tiny", device="cpu")
    for before, window in pairwise(windows):
        assert len(window["ids"]) <= 8
        inputs = torch.tensor([[before["ids"][-1], *window["ids"][:-1]]])
        losses = torch.nn.functional.cross_entropy(
            model.logits(inputs)[0], torch.tensor(window["ids"]), reduction="none"
        )
        torch.testing.assert_close(losses, torch.tensor(window["nll"]), rtol=0, atol=1e-4)
    long = tell("validate", *RUN, "--ckpt_path", "best", "--data.n_ctx", 64)
    assert_refused(long, r"--data\.n_ctx: 64; expected at most 32, .*; lower data\.n_ctx", 1)


# ---------------------------------------------------------------------- a budget of minutes


def test_a_limited_run_keeps_its_steps_in_its_config_and_for_every_seed(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([3.0, 0.001])  # the second seed would find a faster machine
    monkeypatch.setattr("gpt_toolkit.callbacks.budget.seconds_of_a_step", lambda *_: next(seconds))
    limits = ("--trainer.max_steps", "30", "--budget.minutes", "0.6", "--trainer.val_check_interval", "5")
    said = tell("fit", *RUN, *limits, "--seeds", "2")
    assert said.code == 0, said.err
    assert (
        said.err.count("budget: 30 steps of 3 s would take about 1:30 on this machine; training 10 steps")
        == 1
    )
    for seed in (0, 1):
        saved = yaml.safe_load(Path(f"runs/tiny/seed-{seed}/config.yaml").read_text(encoding="utf-8"))
        assert saved["trainer"]["max_steps"] == 10
        assert (saved.get("budget") or {}).get("minutes") is None


def test_doctor_says_what_a_budget_leaves_of_a_run(tell: Tell) -> None:
    said = tell("doctor", *RUN, "--trainer.max_steps", "1000000", "--budget.minutes", "0.1")
    assert re.search(r"limited to about [\d,]+ steps by budget\.minutes 0\.1; null trains all\n", said.out), (
        said.out
    )


@pytest.mark.parametrize("value", ["0", "-3"])
def test_a_budget_without_minutes_is_refused(value: str, tell: Tell) -> None:
    said = tell("fit", *RUN, "--budget.minutes", value)
    assert said.code != 0
    assert "budget.minutes" in said.err
    assert "Traceback" not in said.err
