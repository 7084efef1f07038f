"""The terminal, which bar, samples and messages share: only one writer can keep a bar at its bottom."""

from __future__ import annotations

import re

from rich.console import Console

CONSOLE = Console(stderr=True)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say(text: str) -> None:
    """Write lines to standard error, above the bar if there is one.

    What a model wrote is data: brackets and colons are no markup, and control characters, which a model of
    bytes writes too, do not reach the terminal.
    """
    CONSOLE.print(_CONTROLS.sub("\ufffd", text), markup=False, highlight=False, emoji=False, soft_wrap=True)
