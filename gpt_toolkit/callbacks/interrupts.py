"""Ctrl-C and SIGTERM: the first ends the work in order, in training after the step; the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gpt_toolkit.callbacks.console import say

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SECONDS_TO_END = 2.0
"""Time for the clean-up of files and the terminal after the second signal."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM act as Ctrl-C, and let a second signal of either kind end the process within 2 seconds.

    It then ends with exit code 130 also if it waits for another process in compiled code, where Python cannot
    raise an exception.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    reader, writer = socket.socketpair()  # Windows accepts no pipe here
    writer.setblocking(False)
    ended = threading.Event()
    old = _set_handlers(signal.default_int_handler)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_end_after_second, args=(reader, ended), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        for number, handler in old.items():
            signal.signal(number, handler)
        writer.close()
        watch.join()
        reader.close()


class EvaluationSignals(Callback):
    """Callback that lets SIGTERM stop an evaluation as Ctrl-C does.

    Lightning's handler only notes the signal. With several processes it also sends a message to the others,
    within the handler, and waits forever if they wait for another message.
    """

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handler, unless this is a validation during training."""
        if trainer.state.fn != "fit" and threading.current_thread() is threading.main_thread():
            _set_handlers(signal.default_int_handler)

    on_test_start = on_predict_start = on_validation_start


def _set_handlers(handler: Any) -> dict[int, Any]:
    """Set the handler of both signals, unless they are ignored, as in the background of a shell."""
    numbers = [number for number in _STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in numbers}


def _end_after_second(reader: socket.socket, ended: threading.Event) -> None:
    """End the process after its second signal; the system writes a byte for each one it delivers."""
    n_signals = 0
    while n_signals < 2:
        received = reader.recv(1)
        if not received:
            return
        n_signals += received[0] in _STOP_SIGNALS
    if not ended.wait(_SECONDS_TO_END):
        os._exit(130)


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
        with contextlib.suppress(ValueError):
            self._old_handlers = _set_handlers(self._on_signal)

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
