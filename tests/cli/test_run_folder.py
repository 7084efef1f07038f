"""A run is its folder: found after it moved, continued by further steps, unchanged by a refused command."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.run_folder import take_more_steps
from tests.commands import CONFIG, Tell, assert_refused, metrics

RUN = ("--config", "tiny.yaml")


def saved(run: str = "runs/tiny") -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(Path(run, "config.yaml").read_text(encoding="utf-8"))
    return config


def loss(text: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith("val_loss")]
    return float(line.split()[1])


# ---------------------------------------------------------------------- a folder that moved


def test_a_moved_run_is_the_one_next_to_its_config(tell: Tell) -> None:
    assert tell("fit", *RUN).code == 0
    Path("runs/tiny").rename("kept")
    assert tell("fit", *RUN, "--trainer.max_steps", 4).code == 0  # another run where the first one was
    moved = tell("validate", "--config", "kept/config.yaml", "--ckpt_path", "best")
    there = tell("validate", *RUN, "--ckpt_path", "kept/checkpoints/best.ckpt")
    assert loss(moved.out) == loss(there.out)
    assert moved.err == "checkpoint: kept/checkpoints/best.ckpt, step 8\n"
    assert Path("kept/validate.json").is_file()
    new = tell("validate", "--config", "runs/tiny/config.yaml", "--ckpt_path", "best")
    assert new.err == "checkpoint: runs/tiny/checkpoints/best.ckpt, step 4\n"
    assert loss(new.out) > loss(moved.out)


def test_a_moved_run_continues_where_it_lies_now(tell: Tell) -> None:
    tell("fit", *RUN)
    Path("runs/tiny").rename("kept")
    said = tell("fit", "--config", "kept/config.yaml", "--ckpt_path", "last", "--trainer.max_steps", "+3")
    assert said.code == 0
    assert [int(row["step"]) for row in metrics("kept")] == list(range(1, 12))
    assert saved("kept")["trainer"]["default_root_dir"] == "kept"
    assert not Path("runs/tiny").exists()


@pytest.mark.parametrize("option_comes_first", [True, False])
def test_a_folder_that_is_given_wins_over_the_place_of_the_config(
    option_comes_first: bool, tell: Tell
) -> None:
    tell("fit", *RUN)
    shutil.copytree("runs/tiny", "copy")
    option, config = ("--trainer.default_root_dir", "copy"), ("--config", "runs/tiny/config.yaml")
    said = tell(
        "validate", *((*option, *config) if option_comes_first else (*config, *option)), "--ckpt_path", "best"
    )
    assert said.err == "checkpoint: copy/checkpoints/best.ckpt, step 8\n"
    assert Path("copy/validate.json").is_file()
    assert not Path("runs/tiny/validate.json").exists()


def test_a_config_without_a_run_next_to_it_names_its_folder_itself(tell: Tell) -> None:
    Path("config.yaml").write_text(CONFIG + "\n", encoding="utf-8")
    assert tell("fit", "--config", "config.yaml", "--trainer.max_steps", 1).code == 0
    assert Path("runs/config/checkpoints").is_dir()


# ---------------------------------------------------------------------- continuing


def test_a_saved_config_continues_by_a_number_of_further_steps(tell: Tell) -> None:
    tell("fit", *RUN)
    before = saved()
    assert before["trainer"]["check_val_every_n_epoch"] is None
    said = tell(
        "fit", "--config", "runs/tiny/config.yaml", "--ckpt_path", "last", "--trainer.max_steps", "+4"
    )
    assert said.code == 0
    assert "12 steps, 8 of them done" in said.err
    assert "checkpoint: runs/tiny/checkpoints/last.ckpt, step 8\n" in said.err
    assert "changed since the checkpoint: trainer.max_steps 8 -> 12\n" in said.err
    rates = {int(row["step"]): float(row["lr"]) for row in metrics()}
    assert rates[9] == pytest.approx(0.01 * (1 - 8 / 12), rel=1e-6)
    assert saved() == before | {"trainer": before["trainer"] | {"max_steps": 12, "max_epochs": -1}}


def test_further_steps_end_a_run_of_epochs(tell: Tell) -> None:
    end = ("--trainer.max_steps", -1, "--trainer.max_epochs", 1, "--trainer.val_check_interval", 100)
    assert tell("fit", *RUN, *end).code == 0
    done = int(metrics()[-1]["step"])
    config = ("--config", "runs/tiny/config.yaml", "--ckpt_path", "last")
    assert tell("fit", *config, "--trainer.max_steps=+2").code == 0
    assert int(metrics()[-1]["step"]) == done + 2


def test_every_verb_reads_a_saved_config(tell: Tell) -> None:
    tell("fit", *RUN)
    for verb in ("validate", "test", "predict"):
        assert tell(verb, "--config", "runs/tiny/config.yaml", "--ckpt_path", "best").code == 0
    assert tell("prepare", "--config", "runs/tiny/config.yaml").code == 0


def test_relative_steps_need_a_checkpoint_and_a_number() -> None:
    assert take_more_steps(["--trainer.max_steps", "+30", "--x", "+1"]) == (30, ["--x", "+1"])
    assert take_more_steps(["--trainer.max_steps", "30"]) == (None, ["--trainer.max_steps", "30"])
    with pytest.raises(UsageError, match=r"trainer\.max_steps: \+x; expected a number of steps, such as"):
        take_more_steps(["--trainer.max_steps=+x"])
    with pytest.raises(UsageError, match=r"trainer\.max_epochs: \+1; expected all epochs of the run"):
        take_more_steps(["--trainer.max_epochs", "+1"])


def test_further_steps_without_a_checkpoint_are_refused(tell: Tell) -> None:
    message = (
        r"trainer\.max_steps: \+5; expected a checkpoint to whose steps these are added; add --ckpt_path last"
    )
    assert_refused(tell("fit", *RUN, "--trainer.max_steps", "+5"), message, 2)


# ---------------------------------------------------------------------- a refused command changes nothing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model.decoder.n_embd", "8"],
            r"decoder: n_embd is 16 in the checkpoint, 8 in this run; expected",
        ),
        (["--data.n_ctx", "16"], r"data: .* n_ctx=16 .*; expected .* n_ctx=32 .*accept_new_plan true"),
        (["--data.batch_size", "8"], r"data: .*windows_per_step=8.*; expected .*windows_per_step=16"),
        (
            ["--model.optimizer", "Muon", "--model.optimizer.adamw_lr", "0.1"],
            r"model\.optimizer: Muon; expected AdamW",
        ),
        (
            ["--checkpoints.monitor", "val_acuracy"],
            r"checkpoints\.monitor: val_acuracy; expected a metric that",
        ),
        (["--samples.top_p", "7"], "top_p"),
        (
            ["--trainer.check_val_every_n_epoch", "1", "--trainer.val_check_interval", "100"],
            "val_check_interval",
        ),
        (["--trainer.strategy", "ddpp"], r"trainer\.strategy: ddpp; .*\(did you mean ddp\?\)"),
    ],
)
def test_a_refused_resume_leaves_the_folder_as_it_was(arguments: list[str], message: str, tell: Tell) -> None:
    tell("fit", *RUN)
    files = sorted(path for path in Path("runs/tiny").rglob("*") if path.is_file())
    before = {path: path.read_bytes() for path in files}
    config = ("--config", "runs/tiny/config.yaml", "--ckpt_path", "last", "--trainer.max_steps", "+4")
    said = tell("fit", *config, *arguments)
    assert said.code in (1, 2)
    last = said.err.splitlines()[-1]
    assert last.startswith("gpt-toolkit: ")
    assert re.search(message, last), last
    after = {path: path.read_bytes() for path in before}
    assert after == before
    assert tell("validate", "--config", "runs/tiny/config.yaml", "--ckpt_path", "best").code == 0


@pytest.mark.parametrize("name", ["notes.txt", "empty.ckpt", "runs/tiny/model", "tiny.pt"])
def test_what_is_not_a_checkpoint_is_refused_by_name(name: str, tell: Tell) -> None:
    tell("fit", *RUN)
    Path("notes.txt").write_text("not a checkpoint", encoding="utf-8")
    Path("empty.ckpt").touch()
    torch.save({"weight": 1}, "tiny.pt")
    said = tell("validate", *RUN, "--ckpt_path", name)
    assert_refused(
        said, rf"--ckpt_path {name}: not a checkpoint; expected a \.ckpt that gpt-toolkit fit wrote", 1
    )


# ---------------------------------------------------------------------- the monitored metric


def test_an_unknown_metric_is_refused_before_the_first_step(tell: Tell) -> None:
    said = tell("fit", *RUN, "--checkpoints.monitor", "val_accuracy")
    assert said.code == 1
    assert said.err.splitlines()[-1] == (
        "gpt-toolkit: --checkpoints.monitor: val_accuracy; expected a metric that this run logs: "
        "val_bits_per_byte, val_loss, val_perplexity"
    )
    assert not Path("runs/tiny/config.yaml").exists()
    assert not Path("runs/tiny/checkpoints").exists()


def test_another_metric_on_resume_looks_for_its_own_best(tell: Tell) -> None:
    tell("fit", *RUN, "--trainer.max_steps", 4)
    assert tell("fit", *RUN, "--ckpt_path", "last", "--checkpoints.monitor", "val_perplexity").code == 0
    said = tell("validate", *RUN, "--ckpt_path", "best")
    assert said.err.startswith("checkpoint: runs/tiny/checkpoints/best.ckpt, step 8\n")


def test_a_run_without_validation_names_the_checkpoint_that_it_has(tell: Tell) -> None:
    said = tell("fit", *RUN, "--trainer.limit_val_batches", 0, "--samples.max_new_tokens", 0)
    assert said.out.endswith("next: gpt-toolkit test --config runs/tiny/config.yaml --ckpt_path last\n")
