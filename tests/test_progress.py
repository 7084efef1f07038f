import io

import pytest
from rich.console import Console

from gpt_toolkit.progress import ProgressBar, format_duration


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gpt_toolkit.progress.time", clock)
    return clock


def console(out: io.StringIO, *, terminal: bool) -> Console:
    return Console(file=out, force_terminal=terminal, width=100)


def reading(clock: Clock, terminal: bool, seconds: float, fractions: list[float | None]) -> str:
    out = io.StringIO()
    with ProgressBar("Text", console=console(out, terminal=terminal)) as bar:
        for fraction in fractions:
            clock.now += seconds / len(fractions)
            bar.advance(5_000_000, fraction)
    return out.getvalue()


TENTHS: list[float | None] = [i / 10 for i in range(1, 11)]
UNKNOWN: list[float | None] = [None] * 10


@pytest.mark.parametrize("terminal", [False, True])
def test_short_work_shows_nothing(terminal: bool, clock: Clock) -> None:
    assert reading(clock, terminal, 0.9, TENTHS) == ""


def test_a_terminal_gets_a_bar_with_the_speed_and_ends_with_the_last_state(clock: Clock) -> None:
    text = reading(clock, True, 5, TENTHS)
    assert "Text" in text
    assert "50 MB  10.0 MB/s  100%" in text
    assert "50 MB  10.0 MB/s" in reading(clock, True, 5, UNKNOWN)


def test_a_log_file_gets_a_line_every_15_seconds(clock: Clock) -> None:
    assert reading(clock, False, 5, TENTHS) == ""
    assert reading(clock, False, 40, TENTHS).splitlines() == [
        "Text: 20 MB  1.2 MB/s  40%  0:24 left",
        "Text: 40 MB  1.2 MB/s  80%  0:08 left",
    ]
    assert reading(clock, False, 20, UNKNOWN).splitlines() == ["Text: 40 MB  2.5 MB/s"]


def test_counted_units_show_their_number_and_the_current_title(clock: Clock) -> None:
    out = io.StringIO()
    with ProgressBar("", unit="requests", total=40, console=console(out, terminal=False)) as bar:
        for title in ("lambada", "cbt_cn"):
            bar.title = title
            clock.now += 20
            bar.advance(10)
    assert out.getvalue().splitlines() == [
        "lambada: 10 of 40 requests  25%",
        "cbt_cn: 20 of 40 requests  50%  0:40 left",
    ]


def test_a_text_of_the_caller_is_shown_at_once_or_when_it_is_due(clock: Clock) -> None:
    out = io.StringIO()
    with ProgressBar("", console=console(out, terminal=False), line_seconds=3) as bar:
        for step in range(8):
            clock.now += 1
            if bar.is_due:
                bar.show(f"step {step}", step / 8)
        bar.show("the end", 1.0)
    assert out.getvalue().splitlines() == ["step 2", "step 5", "the end"]


def test_a_bar_that_is_not_enabled_shows_notes_alone(clock: Clock) -> None:
    out = io.StringIO()
    with ProgressBar("Text", console=console(out, terminal=True), enabled=False) as bar:
        clock.now += 100
        bar.advance(1)
        bar.show("all")
        bar.note("waiting [for] another process")
    assert out.getvalue() == "waiting [for] another process\n"


@pytest.mark.parametrize(("seconds", "text"), [(3, "0:03"), (125.4, "2:05"), (3723, "1:02:03")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
