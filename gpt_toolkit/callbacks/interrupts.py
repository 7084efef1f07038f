"""Ctrl-C and SIGTERM during training: the first stops after the step, the second at once."""

from __future__ import annotations

import contextlib
import signal
from types import FrameType
from typing import Any

from gpt_toolkit.callbacks.console import say


class Interrupts:
    """Handlers of Ctrl-C and SIGTERM.

    Attributes:
        requested: True after the first signal. The second one raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.requested = False
        self._old_handlers: dict[int, Any] = {}

    def install(self) -> None:
        """Install the handlers, unless this is not the main thread, which alone may handle signals."""
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._old_handlers[number] = signal.signal(number, self._on_signal)
            except ValueError:
                return

    def restore(self) -> None:
        """Restore the handlers from before."""
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._old_handlers.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        with contextlib.suppress(RuntimeError):  # the signal interrupted a write to standard error
            say("\nstopping after this step, to save; once more to stop at once")
