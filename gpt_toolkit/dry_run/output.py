"""How the doctor prints: a part of the report at a time, and a word while something takes long."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gpt_toolkit.callbacks.console import CONSOLE, say


def duration_shown(seconds: float) -> str:
    """``1.23 s`` or ``45.6 ms``."""
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{1000 * seconds:,.1f} ms"


def size(n_bytes: float) -> str:
    """Format a number of bytes: ``1.54 GB`` or ``23.0 MB``."""
    return f"{n_bytes / 1e9:,.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def section(title: str, lines: Iterable[str]) -> None:
    """A part of the report; without a title it goes on with the one before."""
    for number, line in enumerate(lines):
        print(f"{title if number == 0 else '':11} {line}".rstrip(), flush=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what takes a while."""
    if CONSOLE.is_terminal:
        with CONSOLE.status(f"{what} ..."):
            yield
    else:
        say(f"{what} ...")
        yield


@contextmanager
def remarks_collected(found: list[str]) -> Iterator[None]:
    """Collect what the data modules say of what they read, for the report."""

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record))

    ours = logging.getLogger("gpt_toolkit")
    others, ours.handlers = ours.handlers, [Collecting()]
    try:
        yield
    finally:
        ours.handlers = others
