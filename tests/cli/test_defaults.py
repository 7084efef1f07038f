"""Precision of a run on the command line: detected, overridden, resumed, refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace as UntypedNamespace

from gpt_toolkit.cli import defaults
from gpt_toolkit.cli.configs import shipped_configs
from gpt_toolkit.cli.defaults import resolve_precision, training_device
from tests.commands import Said, Tell

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
        ("bf17", r"trainer\.precision: expected 64, 32, 16, .*, got 'bf17'"),
        (
            "16-mixed",
            r"trainer\.precision: 16-mixed; 16-mixed needs a GPU; use --trainer\.precision 32-true",
        ),
        ("16", r"trainer\.precision: 16; 16-mixed needs a GPU; .*"),
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
