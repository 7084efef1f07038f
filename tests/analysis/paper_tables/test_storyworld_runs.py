import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.analysis.paper_tables import storyworld_runs
from gpt_toolkit.analysis.paper_tables.catalog import BUDGETS, PARTS, TABLES
from gpt_toolkit.analysis.paper_tables.catalog import TASKS as STORYWORLD_TASKS
from gpt_toolkit.analysis.paper_tables.storyworld_runs import (
    LOG,
    Finetuning,
    Run,
    checkpoints_of,
    command_lines,
    plan_finetunings,
    pretraining,
    run_all,
)

TASKS = list(STORYWORLD_TASKS)


def test_each_run_is_planned_once_and_all_tasks_of_a_seed_before_the_next() -> None:
    found = plan_finetunings(PARTS, TASKS, 3, n_layer=4)
    assert max(Counter(found).values()) == 1
    assert [which.seed for which in found] == sorted(which.seed for which in found)
    variants = Counter(which.variant for which in found if which.seed == 0)
    layers = {f"layers_{k}": 2 for k in range(4)}  # for two tasks; all four are the full transfer
    assert variants == {"full": 7, "no_pretraining": 7, "no_aux": 7, **layers}


def test_a_part_alone_takes_only_its_own_runs() -> None:
    assert plan_finetunings(["table3"], TASKS, 1, 4) == [
        Finetuning("endings", "full", 0),
        Finetuning("reading", "full", 0),
        Finetuning("endings", "no_pretraining", 0),
        Finetuning("reading", "no_pretraining", 0),
    ]
    figure = plan_finetunings(["figure2"], TASKS, 1, 1)
    assert {which.task for which in figure if which.variant == "full"} == {
        *("entailment", "acceptability", "sentiment", "reading")
    }
    assert [which.task for which in figure if which.variant == "layers_0"] == ["entailment", "reading"]
    assert plan_finetunings(list(TABLES), [], 3, 4) == []


def test_a_larger_budget_is_reckoned_to_take_longer() -> None:
    for task in TASKS:
        times = [BUDGETS[name].seconds[task] for name in ("quick", "standard", "full")]
        assert times == sorted(times)
    assert BUDGETS["full"].finetune_arguments("reading") == []
    assert BUDGETS["quick"].finetune_arguments("reading")[-2:] == ["--data.train_rows", "320"]


def test_checkpoints_are_spread_over_the_steps_that_are_asked_for() -> None:
    def kept_every(*extra: str) -> str:
        fit = pretraining(Path("out"), BUDGETS["quick"], extra).fit
        return fit[fit.index("--checkpoints.keep_every_n_steps") + 1]

    assert kept_every() == "50"
    assert kept_every("--data.n_ctx", "64", "--trainer.max_steps", "1200") == "200"
    assert kept_every("--trainer.max_steps=3") == "1"


def test_the_checkpoints_of_a_models_run_are_found_from_its_folder_or_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "step-0000050.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    assert checkpoints_of(str(tmp_path / "model")) == {50: checkpoint}
    assert checkpoints_of(str(tmp_path / "checkpoints" / "best.ckpt")) == {50: checkpoint}
    assert checkpoints_of("gpt2") == {}


TEST = ("test", "--ckpt_path", "best")


def a_run(folder: Path) -> Run:
    return Run("a run", folder, ("--config", "x"), (TEST,), ("test.json",), ("checkpoints", "model"))


def test_a_new_run_is_trained_and_tested(tmp_path: Path) -> None:
    assert command_lines(a_run(tmp_path / "run")) == [("fit", "--config", "x"), TEST]


def test_a_run_without_a_whole_state_begins_anew(tmp_path: Path) -> None:
    partial = tmp_path / "run" / "checkpoints" / "last.ckpt.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"half")
    assert command_lines(a_run(tmp_path / "run")) == [("fit", "--config", "x"), TEST]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_stopped_run_goes_on_and_a_trained_one_is_only_tested(tmp_path: Path) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.parent.mkdir(parents=True)
    last.write_bytes(b"")
    assert command_lines(a_run(tmp_path / "run")) == [
        ("fit", "--config", "x", "--ckpt_path", "last"),
        TEST,
    ]
    (tmp_path / "run" / "model").mkdir()
    assert command_lines(a_run(tmp_path / "run")) == [TEST]


def test_only_the_missing_files_of_a_run_without_training_are_made(tmp_path: Path) -> None:
    run = Run("scores", tmp_path, then=(("a",), ("b",)), results=("a.json", "b.json"))
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    assert command_lines(run) == [("b",)]


WRITES = """
import pathlib, sys
folder = pathlib.Path({folder!r})
(folder / "checkpoints").mkdir()
(folder / "test.json").write_text('{{"metrics": {{"test_score": 0.625}}}}')
print("arguments", sys.argv[1])
"""


def test_what_is_done_is_not_done_again_and_leaves_only_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path / "run")
    monkeypatch.setattr(storyworld_runs, "_SCRIPT", WRITES.format(folder=str(run.folder)))
    run_all([run])
    assert run.is_done
    assert sorted(path.name for path in run.folder.iterdir()) == [LOG, "test.json"]
    assert json.dumps([["fit", "--config", "x"], list(TEST)]) in (run.folder / LOG).read_text()
    said = capsys.readouterr().err
    assert f"run 1 of 1: a run; left about 0:00; progress in {run.folder / LOG}" in said
    assert "run 1 of 1: a run: test score 62.5" in said
    run_all([run])
    said = capsys.readouterr().err
    assert "1 of 1 runs are done already" in said
    assert "run 1" not in said


def test_a_failed_run_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storyworld_runs, "_SCRIPT", "import sys; print('the disk is full'); sys.exit(1)")
    with pytest.raises(ChildProcessError, match=r"a run: exit code 1 \(the disk is full\); expected 0"):
        run_all([a_run(tmp_path / "run")])


def test_a_run_that_leaves_no_result_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storyworld_runs, "_SCRIPT", "pass")
    with pytest.raises(ChildProcessError, match=r"a run: no test\.json; expected these files after the run"):
        run_all([a_run(tmp_path / "run")])


STOPS = """
import os, signal, sys
def save(*_):
    print("saved")
    sys.exit(130)
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
signal.signal(signal.SIGTERM, save)
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""


def test_an_interruption_reaches_the_run_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path / "run")
    monkeypatch.setattr(storyworld_runs, "_SCRIPT", STOPS)
    with pytest.raises(KeyboardInterrupt):
        run_all([run])
    assert "saved" in (run.folder / LOG).read_text()
    assert not run.is_done


OUTLIVES = """
import os, signal, sys
fifo = open(sys.argv[1].split("|")[1], "w")
print(os.getpid(), file=fifo, flush=True)
while True:
    signal.pause()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    parent = f"""
from pathlib import Path
from gpt_toolkit.analysis.paper_tables import storyworld_runs
storyworld_runs._SCRIPT = {OUTLIVES!r}
storyworld_runs.command_lines = lambda run: "[|{fifo}|]"
folder = Path({str(tmp_path)!r})
storyworld_runs.run_all([storyworld_runs.Run("a run", folder, results=("test.json",))])
"""
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process, fifo.open() as file:
        assert int(file.readline()) != process.pid
        process.kill()
        assert file.read() == ""  # returns when the run has ended


class Interrupted:
    """A process that ends after an interruption of this one; the console of Windows interrupts both."""

    def __init__(self) -> None:
        self.answers = iter([KeyboardInterrupt, 130])
        self.signals: list[int] = []

    def poll(self) -> int:
        answer = next(self.answers)
        if answer is KeyboardInterrupt:
            raise KeyboardInterrupt
        return int(answer)  # type: ignore[call-overload, no-any-return]

    def send_signal(self, number: int) -> None:
        self.signals.append(number)


@pytest.mark.parametrize(("platform", "expected"), [("linux", [signal.SIGTERM]), ("win32", [])])
def test_an_interruption_is_handed_on_where_the_console_does_not(
    platform: str, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    process: Any = Interrupted()
    (tmp_path / LOG).touch()
    assert storyworld_runs._wait(process, tmp_path / LOG, "a run") == 130
    assert process.signals == expected
