import io

import pytest
from rich.console import Console

from gpt_toolkit.progress import ReadingProgress


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


def shown(clock: Clock, terminal: bool, seconds: float, share: float | None = 0.5) -> str:
    out = io.StringIO()
    with ReadingProgress("Text", Console(file=out, force_terminal=terminal, width=100)) as reading:
        for _ in range(10):
            clock.now += seconds / 10
            reading.advance(5_000_000, share)
    return out.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_quick_shows_nothing(terminal: bool, clock: Clock) -> None:
    assert shown(clock, terminal, 0.9) == ""


def test_a_terminal_gets_a_bar_with_rate(clock: Clock) -> None:
    text = shown(clock, True, 5)
    assert "50 MB  10.0 MB/s" in text
    assert "Text" in text
    assert "MB/s" in shown(clock, True, 5, None)


def test_a_log_file_gets_a_line_now_and_then(clock: Clock) -> None:
    assert shown(clock, False, 5) == ""
    assert shown(clock, False, 40).splitlines() == [
        "Text: 20 MB  1.2 MB/s  50%",
        "Text: 40 MB  1.2 MB/s  50%",
    ]
    assert shown(clock, False, 20, None).splitlines() == ["Text: 40 MB  2.5 MB/s"]
