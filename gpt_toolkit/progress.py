"""How far reading has come: a bar on a terminal, a line now and then elsewhere, nothing for what is quick."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_QUIET_S = 1.0  # work shorter than this needs no bar
_LINE_EVERY_S = 15.0  # between two lines in a log file


class ReadingProgress:
    """Reports megabytes of text read, their rate and the time left, on standard error.

    Args:
        title: What is being done to the text.
        console: Where to write; standard error if None.
    """

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title = title
        self._console = console or Console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._began = self._last_line = time.monotonic()
        self._n_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def note(self, message: str) -> None:
        """Write a line at once."""
        self._console.print(message, highlight=False, markup=False, soft_wrap=True)

    def advance(self, n_bytes: int, share: float | None) -> None:
        """Report more text.

        Args:
            n_bytes: Bytes of text read since the last call.
            share: How much of the source has been read by now, in [0, 1]; None if unknown.
        """
        self._n_bytes += n_bytes
        now = time.monotonic()
        if (passed := now - self._began) < _QUIET_S:
            return
        rate = f"{self._n_bytes / 1e6:,.0f} MB  {self._n_bytes / 1e6 / passed:.1f} MB/s"
        if not self._console.is_terminal:
            if now - self._last_line >= _LINE_EVERY_S:
                self._last_line = now
                self.note(f"{self._title}: {rate}" + (f"  {share:.0%}" if share is not None else ""))
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(self._title, total=None if share is None else 1.0, rate=rate)
            self._bar.start()
        self._bar.update(self._task, completed=share or 0.0, rate=rate)
