"""Two processes of a run: one dies, is stopped or has a bad step, and the other one acts accordingly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from gpt_toolkit.tasks import PretrainTask
from tests.commands import Tell, losses, metrics, place, tell
from tests.faults.faulty_ranks import install

__all__ = ["place", "tell"]

ONE = ["--config", "tiny.yaml", "--trainer.precision", "32-true"]
TWO = [*ONE, "--trainer.strategy", "ddp", "--trainer.devices", "2", "--data.batch_size", "8"]


def on_two(faults: list[dict[str, Any]], *arguments: str) -> tuple[int, str]:
    """Run a command on two ranks; return its exit code and standard error.

    Standard error ends when all processes that write to it have ended.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.faulty_ranks", json.dumps(faults), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


def pid(rank: int) -> str:
    return Path(f"pid-{rank}").read_text()


def lines(text: str) -> list[str]:
    """Return the lines of the toolkit's own errors."""
    return [line for line in text.splitlines() if line.startswith("gpt-toolkit: ")]


def test_a_killed_rank_ends_the_others_with_one_line(place: Path) -> None:
    killed = {"rank": 1, "hook": "training_step", "step": 3, "signals": ["SIGKILL"]}
    code, err = on_two([killed], "fit", *TWO)
    assert code == 1
    assert lines(err) == [
        f"gpt-toolkit: rank 1 (process {pid(1)}) ended with SIGKILL; the other ranks end, too; run the same "
        "command again, fit with --ckpt_path last"
    ]
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_killed_first_rank_ends_the_others_with_one_line(place: Path) -> None:
    killed = {"rank": 0, "hook": "training_step", "step": 3, "signals": ["SIGKILL"]}
    code, err = on_two([killed], "fit", *TWO, "--data.num_workers", "1")  # those processes end, too
    assert code == -9
    [line] = lines(err)
    assert f"rank 0 (process {pid(0)}) ended; the other ranks end, too" in line
    assert "Traceback" not in err


@pytest.mark.parametrize("ranks", [[0], pytest.param([1], marks=pytest.mark.slow)])
def test_a_signal_to_one_rank_saves_and_stops_all(ranks: list[int], tell: Tell) -> None:
    stopped = [{"rank": rank, "hook": "training_step", "step": 4, "signals": ["SIGTERM"]} for rank in ranks]
    code, err = on_two(stopped, "fit", *TWO)
    assert code == 130
    assert "saved at step 5: runs/tiny/checkpoints/last.ckpt\n" in err
    assert err.count("stopping after this step") == 1
    assert "Traceback" not in err
    assert lines(err) == []
    assert tell("fit", *ONE, "--ckpt_path", "last").code == 0
    assert tell("fit", *ONE, "--trainer.default_root_dir", "whole").code == 0
    assert losses("runs/tiny") == pytest.approx(losses("whole"), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["training_step", "validation_step"])
def test_a_second_signal_stops_all_at_once(hook: str, place: Path) -> None:
    twice = [{"rank": rank, "hook": hook, "step": 4, "signals": ["SIGINT", "SIGINT"]} for rank in (0, 1)]
    code, err = on_two(twice, "fit", *TWO, "--checkpoints.every_n_steps", "2")
    assert code == 130
    assert "Traceback" not in err
    assert lines(err) == []
    assert {path.name for path in Path("runs/tiny/checkpoints").iterdir()} <= {"last.ckpt", "best.ckpt"}


@pytest.mark.slow
def test_a_signal_during_a_validation_of_two_ranks_saves_after_it(tell: Tell) -> None:
    code, err = on_two(
        [{"rank": 1, "hook": "validation_step", "step": 4, "signals": ["SIGINT"]}], "fit", *TWO
    )
    assert code == 130
    assert "saved at step 4: runs/tiny/checkpoints/last.ckpt\n" in err
    assert [row["step"] for row in metrics() if row["val_loss"]] == ["4"]
    assert tell("fit", *ONE, "--ckpt_path", "last").code == 0
    assert [row["step"] for row in metrics() if row["val_loss"]] == ["4", "8"]


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [[0], [0, 1]])
def test_a_signal_ends_an_evaluation_on_two_ranks(ranks: list[int], tell: Tell) -> None:
    assert tell("fit", *ONE).code == 0
    stopped = [{"rank": rank, "hook": "test_step", "step": 0, "signals": ["SIGTERM"]} for rank in ranks]
    code, err = on_two(stopped, "test", *TWO, "--ckpt_path", "last")
    assert code == 130
    assert "Traceback" not in err
    assert not Path("runs/tiny/test.json").exists()


def spikes(run: str) -> list[tuple[int, str, int | None]]:
    text = Path(run, "spikes.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    return [(event["step"], event["action"], event.get("restored_step")) for event in events]


@pytest.mark.slow
@pytest.mark.parametrize("action", ["rewind", "skip", "stop"])
def test_a_loss_that_is_not_finite_on_one_rank_has_one_effect_on_all(
    action: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"hook": "training_step", "step": 4, "nan": True}
    options = ["--checkpoints.every_n_steps", "3", "--trainer.val_check_interval", "8"]
    options += ["--spikes.action", action]
    code, err = on_two([{"rank": 1, **bad}], "fit", *TWO, *options)
    monkeypatch.setattr(PretrainTask, "training_step", PretrainTask.training_step)  # undone at the end
    install(bad, PretrainTask)
    assert tell("fit", *ONE, *options, "--trainer.default_root_dir", "one").code == code
    assert code == (1 if action == "stop" else 0)
    assert spikes("runs/tiny") == spikes("one") == [(5, action, 3 if action == "rewind" else None)]
    assert losses("runs/tiny") == pytest.approx(losses("one"), rel=1e-6, nan_ok=True)
    assert len(lines(err)) == (action == "stop")


@pytest.mark.slow
def test_a_second_run_on_two_ranks_in_the_same_folder_is_refused_in_one_line(place: Path) -> None:
    with FileLock("runs/tiny/run.lock"):
        code, err = on_two([], "fit", *TWO)
    assert code == 1
    [line] = lines(err)
    assert "runs/tiny: used by another process that trains" in line
    assert "Traceback" not in err
    assert not Path("runs/tiny/checkpoints").exists()
