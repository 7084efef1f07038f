"""Ctrl-C and SIGTERM end every long command with exit code 130, a second one at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.callbacks.interrupts import interruptible
from gpt_toolkit.data.pretraining import text_files
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.tasks import PretrainTask
from tests.commands import Tell

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def send_in(owner: Any, name: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a function send this process a signal first."""
    method = getattr(owner, name)

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        os.kill(os.getpid(), number)
        return method(*args, **kwargs)

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_command_which_can_be_repeated(
    number: signal.Signals, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    run = ("--config", "tiny.yaml")
    commands: list[tuple[Any, str, tuple[object, ...]]] = [
        (text_files.FileCorpus, "chunks", ("prepare", *run)),
        (PretrainTask, "configure_model", ("fit", *run, "--trainer.default_root_dir", "other")),
        (PretrainTask, "validation_step", ("validate", *run, "--ckpt_path", "last")),
        (PretrainTask, "predict_step", ("predict", *run, "--ckpt_path", "last")),
        (ZeroShotTask, "test_step", ("zero-shot", "runs/tiny/model", "--benchmarks", "storyworld:last_word")),
    ]
    for owner, name, command in commands:
        with monkeypatch.context() as patch:
            send_in(owner, name, number, patch)
            said = tell(*command)
        assert said.code == 130, said
        assert "Traceback" not in said.err
        assert "gpt-toolkit: " not in said.err
        assert [signal.getsignal(each) for each in SIGNALS] == before
        if command[0] == "prepare":
            assert tell(*command).code == 0
            assert tell("fit", *run).code == 0
    assert not Path("other/checkpoints").exists()
    assert not Path("runs/tiny/validate.json").exists()
    assert not Path("runs/tiny/predictions.jsonl").exists()


def test_a_signal_that_a_shell_has_turned_off_stays_off() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals are sent to another thread")
def test_a_second_signal_ends_a_process_that_waits_in_compiled_code() -> None:
    # As in a collective of a lost rank: another thread receives the signals, and the main one never returns.
    code = (
        "import os, signal, time\n"
        "from gpt_toolkit.callbacks.interrupts import interruptible\n"
        "with interruptible():\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(600)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], timeout=300, env=environment, check=False)
    assert done.returncode == 130
