"""Progress of long work: a bar on a terminal, a line every 15 seconds elsewhere, nothing for short work."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

CONSOLE = Console(stderr=True)
"""Standard error, shared by bars and messages: a bar stays at the bottom only if all write here."""

_SHORT_SECONDS = 1.0  # shorter work shows nothing
_LINE_SECONDS = 15.0  # between two lines in a log file
_BAR_SECONDS = 0.1  # between two updates of a bar


def output_console() -> Console:
    """Return a console for tables on standard output; a file or a pipe has no edge at which lines wrap."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


class ProgressBar:
    """Progress of one piece of work, on standard error.

    Use it as a context manager. Count with :meth:`advance`, or give a text of your own to :meth:`show`.

    Attributes:
        title: Name of the work; may change while it runs.

    Args:
        title: Name of the work.
        unit: Unit of :meth:`advance`. ``bytes`` are shown as MB and MB/s, any other unit as a number.
        total: Number of units, if known.
        console: Console to write to; default: the shared one.
        line_seconds: Seconds between two lines where no terminal is attached.
        enabled: Whether anything is shown; False on all ranks but the first.
    """

    def __init__(
        self,
        title: str,
        *,
        unit: str = "bytes",
        total: int | None = None,
        console: Console | None = None,
        line_seconds: float = _LINE_SECONDS,
        enabled: bool = True,
    ) -> None:
        self.title = title
        self._unit, self._total, self._enabled = unit, total, enabled
        self._console = console or CONSOLE
        self._wait = _BAR_SECONDS if self._console.is_terminal else line_seconds
        self._start = self._last_shown = time.monotonic()
        self._n_done = 0
        self._fraction: float | None = None
        self._first: tuple[float, float] | None = None  # time and fraction of the first call of advance
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the bar; it stays on the terminal as it was shown last."""
        if self._bar is not None:
            if self._n_done:
                self.show(self._counted(), self._fraction)
            self._bar.stop()
            self._bar = None

    def note(self, message: str) -> None:
        """Print a line above the bar at once."""
        self._console.print(message, highlight=False, markup=False, soft_wrap=True)

    def advance(self, n: int = 1, fraction: float | None = None) -> None:
        """Count finished units and show them when it is time.

        Args:
            n: Units finished since the last call.
            fraction: Fraction of the whole work that is finished by now, in [0, 1], if ``total`` is unknown.
        """
        self._n_done += n
        if fraction is None and self._total:
            fraction = min(1.0, self._n_done / self._total)
        self._fraction = fraction
        if self._first is None and fraction is not None:
            self._first = (time.monotonic(), fraction)
        if self.is_due:
            self.show(self._counted(), fraction)

    @property
    def is_due(self) -> bool:
        """True if the work is long and the last update old, so that :meth:`show` should be called."""
        now = time.monotonic()
        return self._enabled and now - self._start >= _SHORT_SECONDS and now - self._last_shown >= self._wait

    def show(self, text: str, fraction: float | None = None) -> None:
        """Show a text now: next to the bar, or as a line. Check :attr:`is_due` before building it.

        Args:
            text: State of the work.
            fraction: Fraction of the work that is finished, in [0, 1]; None if unknown.
        """
        if not self._enabled:
            return
        self._last_shown = time.monotonic()
        if not self._console.is_terminal:
            self.note(f"{self.title}: {text}" if self.title else text)
            return
        if self._bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[text]}", markup=False),
            )
            self._bar = Progress(*columns, console=self._console)
            self._task = self._bar.add_task(self.title, text=text)
            self._bar.start()
        total = None if fraction is None else 1.0
        self._bar.update(
            self._task, description=self.title, text=text, total=total, completed=fraction or 0.0
        )

    def _counted(self) -> str:
        now = time.monotonic()
        if self._unit == "bytes":
            mb = self._n_done / 1e6
            parts = [f"{mb:,.0f} MB", f"{mb / max(now - self._start, 1e-9):.1f} MB/s"]
        else:
            total = f" of {self._total:,}" if self._total else ""
            parts = [f"{self._n_done:,}{total} {self._unit}"]
        if self._fraction is not None and self._first is not None:
            parts.append(f"{self._fraction:.0%}")
            first_time, first_fraction = self._first  # resumed work does not begin at 0
            if self._fraction > first_fraction:
                speed = (self._fraction - first_fraction) / max(now - first_time, 1e-9)
                parts.append(f"{format_duration((1 - self._fraction) / speed)} left")
        return "  ".join(parts)


def format_duration(seconds: float) -> str:
    """Return ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
