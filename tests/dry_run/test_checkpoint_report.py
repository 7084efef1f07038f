"""``gpt-toolkit doctor --ckpt``: a checkpoint, and the data that its run has read."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.cli import main
from tests.commands import CONFIG, Tell, assert_refused
from tests.small_runs import TEXT

LAST = Path("runs/tiny/checkpoints/last.ckpt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a run, once for all tests, and return the folder that it lies in."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_TOOLKIT_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        Path("corpus.txt").write_text(TEXT, encoding="utf-8")
        Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
        options = ("--trainer.max_steps", "4", "--trainer.precision", "32-true")
        assert main(["fit", "--config", "tiny.yaml", *options]) == 0
    return folder


@pytest.fixture
def run(trained: Path, tell: Tell) -> Tell:
    """Copy the run to the current folder and return a function that runs commands there."""
    shutil.copytree(trained / "runs", "runs")
    return tell


def change(**fields: Any) -> None:
    content = torch.load(LAST, weights_only=True)
    content["gpt_toolkit"].update(fields)
    torch.save(content, LAST)


def test_a_run_that_read_two_texts_is_described_without_a_config(run: Tell) -> None:
    Path("corpus.txt").write_text(TEXT.replace("sat", "stood"), encoding="utf-8")
    more = ("--ckpt_path", "last", "--model.accept_new_plan", "true", "--trainer.max_steps", "+2")
    assert run("fit", "--config", "runs/tiny/config.yaml", *more).code == 0
    Path("tiny.yaml").unlink()
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    for place in ("runs/tiny", LAST):
        said = run("doctor", "--ckpt", place)
        assert (said.code, said.err) == (0, "")
        plans = [line.split() for line in said.out.splitlines() if "tokens=" in line]
        first, second = (plan[-5].removeprefix("tokens=") for plan in plans)
        assert first != second
        for line in (
            f"checkpoint  {LAST}\n            PretrainTask, step 6\n",
            f"torch {torch.__version__}, Lightning ",
            "trained in 32-true; initial weights: random\n",
            "decoder     7,936 parameters: vocab_size 257, n_ctx 32, n_layer 1,",
            "read        steps 1 to 4: tokens=",
            f"corpus.txt, fingerprint {first}: 64 windows of 32 tokens, 0.44 epochs of 147\n",
            "            steps 5 to 6: tokens=",
            f"corpus.txt, fingerprint {second}: 32 windows of 32 tokens, 0.21 epochs of 155\n",
        ):
            assert line in said.out, f"{line}\n{said.out}"
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_bad_steps_and_what_a_rewind_undid_are_listed(run: Tell) -> None:
    content = torch.load(LAST, weights_only=True)
    event = {"reason": "loss nan", "loss": "nan", "gradient_norm": "nan"}
    content["callbacks"]["Spikes"]["events"] = [
        {**event, "step": 2, "action": "skip"},
        {**event, "step": 4, "action": "rewind", "restored_step": 1},
    ]
    torch.save(content, LAST)
    out = run("doctor", "--ckpt", "runs/tiny").out
    assert "bad steps   step 2: loss nan; its update was left out\n" in out
    assert "step 4: loss nan; its update was left out, and those of steps 2 to 3 were undone\n" in out


def test_other_arguments_examine_a_run_as_well(run: Tell) -> None:
    said = run("doctor", "--ckpt", "runs/tiny", "--config", "no.yaml")
    assert "checkpoint  " in said.out
    assert "no.yaml" in said.err
    assert said.code == 2


def test_what_is_no_checkpoint_is_refused_in_a_line(run: Tell) -> None:
    assert_refused(run("doctor", "--ckpt"), "--ckpt without a value; expected a checkpoint", 2)
    for place in ("runs/other", "corpus.txt/x", "."):
        assert_refused(run("doctor", "--ckpt", place), f"--ckpt: {place}; expected a checkpoint, or", 1)
    assert_refused(run("doctor", "--ckpt", "corpus.txt"), r"corpus\.txt: damaged \(", 1)
    content = bytearray(LAST.read_bytes())
    content[len(content) // 2] ^= 1
    LAST.write_bytes(content)
    assert_refused(run("doctor", "--ckpt", LAST), r"last\.ckpt: damaged \(", 1)


@pytest.mark.parametrize(
    "ledger",
    [3, [3], [{}], [{"first_step": "a", "last_step": 1}], [{"first_step": 1, "last_step": 2, "plan": ""}]],
    ids=str,
)
def test_a_ledger_of_another_form_is_refused_in_a_line(ledger: Any, run: Tell) -> None:
    change(ledger=ledger)
    said = run("doctor", "--ckpt", "runs/tiny")
    assert said.code == 1
    assert "last.ckpt: its record of the run is damaged" in said.err


def test_a_checkpoint_without_a_ledger_and_with_control_characters_is_described(run: Tell) -> None:
    content = torch.load(LAST, weights_only=True)
    del content["gpt_toolkit"]["ledger"]
    content["gpt_toolkit"]["init_from"] = "\x1b[2Jmodel\n"
    torch.save(content, LAST)
    said = run("doctor", "--ckpt", "runs/tiny")
    assert "read        nothing: no step was trained" in said.out
    assert "initial weights: ?[2Jmodel?\n" in said.out
