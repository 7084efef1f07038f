import re
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit import progress as progress_module
from gpt_toolkit.callbacks import ProgressLine, Throughput, throughput
from gpt_toolkit.callbacks import console as console_module
from gpt_toolkit.callbacks.console import count
from tests.small_runs import Run


class Clock:
    """A clock that only the run moves: one second per step, one hour per validation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        for name in ("monotonic", "perf_counter"):
            monkeypatch.setattr(f"gpt_toolkit.callbacks.console.time.{name}", lambda: self.now)


class Seconds(Callback):
    """Callback that moves the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_before_optimizer_step(self, *_: Any) -> None:
        self.clock.now += 1

    def on_validation_batch_end(self, *_: Any) -> None:
        self.clock.now += 3600


@pytest.mark.parametrize(
    ("number", "text"),
    [(7_936, "7,936"), (850_000, "0.8 M"), (124_439_808, "124.4 M"), (1_557_611_200, "1,557.6 M")],
)
def test_count_writes_millions_where_they_say_something(number: int, text: str) -> None:
    assert count(number) == text


def test_lines_hold_step_losses_speed_and_time_left(
    fit: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Clock(monkeypatch)
    monkeypatch.setattr(throughput, "peak_flops", lambda *_: 1e9)
    progress = ProgressLine(every_seconds=2)
    losses: list[float] = []
    fit(callbacks=[Throughput(), progress, Seconds(time)], losses=losses, limit_val_batches=0)
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert first == "decoder: 11,216 parameters, context 32, vocabulary 257; CPU 32-true; 8 steps"
    lines = [line for line in lines if line.startswith("step")]
    rate = "0.0392 GFLOP/s (4%)"  # 512 tokens x (6 x (11,216 - 32 x 16) + 12 x 2 x 16 x 32)
    # 16 windows of 32 tokens a second; a line of a step holds the loss of that step
    assert lines == [
        f"step {step}/8  loss {losses[step - 1]:.3f}  512 tokens/s  {rate}  left 0:0{8 - step}"
        for step in (2, 4, 6, 8)
    ]
    memory = r"peak memory \d+\.\d\d GiB"
    assert re.fullmatch(
        rf"speed: 512 tokens/s  {re.escape(rate)}  a step 1 s, 95% within 1 s  {memory}", last
    )


def test_tokens_per_second_leave_validation_out_and_time_left_does_not(
    fit: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Clock(monkeypatch)
    fit(
        callbacks=[Throughput(), ProgressLine(every_seconds=0), Seconds(time)],
        batch_size=4,
        accumulate=4,
        val_check_interval=16,
        check_val_every_n_epoch=None,
        limit_val_batches=1,
    )
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("step")]
    assert len(lines) >= 8
    assert all("  512 tokens/s" in line for line in lines)
    fifth = next(line for line in lines if line.startswith("step 5/8"))
    assert re.search(r"loss \d\.\d{3}  val \d\.\d{3}  512 tokens/s  .*  left 36:03$", fifth)


def test_a_terminal_gets_a_bar_that_other_lines_do_not_break(
    fit: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    terminal = Console(stderr=True, force_terminal=True, width=120)
    for module in (console_module, progress_module):
        monkeypatch.setattr(module, "CONSOLE", terminal)
    time = Clock(monkeypatch)

    class Says(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 4:
                console_module.say("a sample")

    progress = ProgressLine()
    fit(callbacks=[progress, Says(), Seconds(time)], limit_val_batches=0)
    said = capsys.readouterr().err
    assert "━" in said
    assert "step 8/8" in said
    assert re.search(r"\r\x1b\[2Ka sample", said)  # the bar's line is cleared first
    assert progress._bar is None
    assert said.endswith("\x1b[?25h")  # the cursor is back


def test_the_bar_ends_when_a_run_fails(
    fit: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr(progress_module, "CONSOLE", Console(stderr=True, force_terminal=True))
    time = Clock(monkeypatch)

    class Fails(Callback):
        def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 3:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(callbacks=[ProgressLine(), Fails(), Seconds(time)])
    said = capsys.readouterr().err
    assert "step 3/8" in said
    assert said.endswith("\x1b[?25h")  # the cursor is back


def test_what_is_said_is_neither_markup_nor_control(capsys: pytest.CaptureFixture[str]) -> None:
    console_module.say("[bold]a[/bold] :smile: \x1b[2J\x07\ttab " + "long " * 40)
    said = capsys.readouterr().err
    assert said.startswith("[bold]a[/bold] :smile: \ufffd[2J\ufffd")
    assert len(said.splitlines()) == 1
