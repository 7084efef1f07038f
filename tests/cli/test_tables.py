import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.cli import main

PRETRAIN = (
    "--model.decoder.n_layer 1 --model.decoder.n_head 2 --model.decoder.n_embd 16 --data.n_ctx 64 "
    "--data.tokenizer bytes --data.limit_documents 40 --data.batch_size 2 --trainer.max_steps 2 "
    "--trainer.val_check_interval 1 --trainer.limit_val_batches 1 --trainer.accelerator cpu "
    "--samples.max_new_tokens 0 --checkpoints.keep_every_n_steps 1"
)
FINETUNE = (
    "--data.train_rows 8 --data.val_rows 8 --data.batch_size 4 --trainer.max_steps 2 "
    "--trainer.limit_test_batches 2 --trainer.accelerator cpu"
)
TINY = ["--budget", "quick", "--pretrain", PRETRAIN, "--finetune", FINETUNE, "--output", "out"]


class InThisProcess:
    """A process whose command lines were already run in this process."""

    def __init__(self, arguments: list[str], **options: Any) -> None:
        codes = (main(line) for line in json.loads(arguments[-1]))
        self.code = next((code for code in codes if code), 0)

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def poll(self) -> int:
        return self.code


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_run_end_to_end_and_made_again_without_a_run(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", InThisProcess)
    asked = [*TINY, "--parts", "table4", "--tasks", "acceptability"]
    assert main(["tables", *asked]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert "3 runs; 3 to be done" in said.err
    assert "Table 4: classification and similarity: Storyworld counterparts" in said.out
    assert "backbone of 1 x 16" in said.out
    content = json.loads(Path("out/tables.json").read_text(encoding="utf-8"))
    runs = {(run["variant"], run["seed"]): run["metrics"] for run in content["storyworld_runs"]}
    assert runs.keys() == {("full", 0), ("no_pretraining", 0)}
    [ours, theirs, difference] = content["tables"]["comparison"]["rows"]["acceptability (matthews)"]
    assert ours["mean"] == pytest.approx(100 * runs["full", 0]["acceptability_matthews"])
    assert difference["mean"] == pytest.approx(ours["mean"] - theirs["mean"])
    assert Path("out/tables.md").read_text(encoding="utf-8").startswith("## Table 4")
    assert not list(Path("out").rglob("*.partial"))

    def none(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing was to be run")

    monkeypatch.setattr(subprocess, "Popen", none)
    assert main(["tables", *asked]) == 0
    assert "; 0 to be done" in capsys.readouterr().err


def test_without_starting_runs_every_gap_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", *TINY, "--no_start", "--tasks", "sentiment,reading"]) == 0
    said = capsys.readouterr().out
    assert "the backbone does not exist yet" in said
    assert "not run, or not done: pre-trained, with aux LM: sentiment (accuracy), reading (accuracy)" in said
    assert "no checkpoints of pre-training" in said
    assert Path("out/figure2.png").read_bytes().startswith(b"\x89PNG")


def test_the_papers_tables_alone_need_no_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--tasks", "none", "--output", "out"]) == 0
    said = capsys.readouterr().out
    assert "the paper's GPT-1" in said
    assert "Storyworld" not in said
    assert not Path("out/figure2.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--parts table6", "--parts: no table6; expected names of table2, table3"),
        ("--tasks snli", "--tasks: no snli; expected names of entailment"),
        ("--parts ,", "--parts: no names"),
        ("--seeds 0", "--seeds: 0; expected a number"),
        ("--model m --pretrain x", "--pretrain: given with --model"),
        ("--runs elsewhere", "--runs: elsewhere; expected an existing folder"),
    ],
)
def test_a_wrong_request_is_refused_before_a_run(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    assert main(["tables", "--output", "out", *shlex.split(arguments)]) == 1
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_folder_of_something_else_or_of_other_settings_is_left_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").mkdir()
    Path("out/thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["tables", "--tasks", "none", "--output", "out"]) == 1
    assert "has other files; expected runs" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["thesis.txt"]

    assert main(["tables", "--tasks", "none", "--output", "other"]) == 0
    assert main(["tables", "--tasks", "none", "--output", "other", "--budget", "quick"]) == 1
    assert "budget standard there, quick now" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_command_runs_in_processes_of_its_own(here: Path) -> None:
    arguments = ["tables", *TINY, "--tasks", "acceptability", "--seeds", "2"]
    done = subprocess.run([sys.executable, "-m", "gpt_toolkit", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = json.loads(Path("out/tables.json").read_text(encoding="utf-8"))
    assert len(content["storyworld_runs"]) == 6  # three variants, two seeds
    assert content["tables"]["figure2_right"]["columns"][:2] == ["1", "2"]
