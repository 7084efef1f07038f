import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.analysis.paper_tables import run as running
from gpt_toolkit.analysis.paper_tables.plan import Run
from gpt_toolkit.analysis.paper_tables.run import LOG, command_lines, run_all

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
(folder / "test.json").write_text("{{}}")
print("arguments", sys.argv[1])
"""


def test_what_is_done_is_not_done_again_and_leaves_only_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path / "run")
    monkeypatch.setattr(running, "_SCRIPT", WRITES.format(folder=str(run.folder)))
    run_all([run], lambda run: "well")
    assert run.is_done
    assert sorted(path.name for path in run.folder.iterdir()) == [LOG, "test.json"]
    assert json.dumps([["fit", "--config", "x"], list(TEST)]) in (run.folder / LOG).read_text()
    assert "run 1 of 1: a run: well; left about 0:00" in capsys.readouterr().err
    run_all([run], lambda run: "again")
    said = capsys.readouterr().err
    assert "1 of 1 runs are done already" in said
    assert "again" not in said


def test_a_failed_run_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_SCRIPT", "import sys; print('the disk is full'); sys.exit(1)")
    with pytest.raises(ChildProcessError, match=r"a run: .* exit code 1: the disk is full"):
        run_all([a_run(tmp_path / "run")], lambda run: "")


def test_a_run_that_leaves_no_result_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_SCRIPT", "pass")
    with pytest.raises(ChildProcessError, match=r"left no test\.json"):
        run_all([a_run(tmp_path / "run")], lambda run: "")


STOPS = """
import os, signal, sys
def save(*_):
    print("saved")
    sys.exit(130)
signal.signal(signal.SIGINT, save)
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""


def test_an_interruption_reaches_the_run_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path / "run")
    monkeypatch.setattr(running, "_SCRIPT", STOPS)
    with pytest.raises(KeyboardInterrupt):
        run_all([run], lambda run: "")
    assert "saved" in (run.folder / LOG).read_text()
    assert not run.is_done


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


@pytest.mark.parametrize(("platform", "expected"), [("linux", [signal.SIGINT]), ("win32", [])])
def test_an_interruption_is_handed_on_where_the_console_does_not(
    platform: str, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    process: Any = Interrupted()
    (tmp_path / LOG).touch()
    assert running._wait(process, tmp_path / LOG, "a run") == 130
    assert process.signals == expected
