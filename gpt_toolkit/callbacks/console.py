"""The terminal, which bar, samples and messages share: only one writer can keep a bar at its bottom."""

from __future__ import annotations

import logging
import re
import warnings

from gpt_toolkit.progress import CONSOLE as CONSOLE

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say(text: str) -> None:
    """Write lines to standard error, above the bar if there is one.

    What a model wrote is data: brackets and colons are no markup, and control characters, which a model of
    bytes writes too, do not reach the terminal.
    """
    CONSOLE.print(_CONTROLS.sub("\ufffd", text), markup=False, highlight=False, emoji=False, soft_wrap=True)


def quiet_lightning() -> None:
    """Leave out what Lightning says of itself, of its products and of choices that we made on purpose."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*is smaller than the logging interval.*",  # of an epoch; ours counts updates over epochs
        ".*does not have many workers.*",  # windows come from memory-mapped tokens
        ".*GPU available but not used.*",
        ".*recommended to use `self.log.*sync_dist=True.*",  # what we log, all devices have met for
        ".*callbacks used to create the checkpoint.*",  # to test a run needs none of fit's callbacks
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        ".*deprecated and will be removed in jsonargparse.*",
        ".*lr_scheduler.step\\(\\).* before .*optimizer.step.*",  # 16-mixed skips first steps that overflow
    ):
        warnings.filterwarnings("ignore", message)
    ours = logging.getLogger("gpt_toolkit")
    ours.setLevel(logging.INFO)
    if not ours.handlers:
        ours.addHandler(_AboveTheBar())


class _AboveTheBar(logging.Handler):
    """Prints messages where a progress bar does not overwrite them."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))
