"""Messages on the terminal, above the progress bar, and which of Lightning's are left out."""

from __future__ import annotations

import logging
import re
import warnings

from gpt_toolkit.progress import CONSOLE

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say(text: str) -> None:
    """Write lines to standard error, above a progress bar.

    The text may be a model's: brackets and colons are not interpreted as markup, and control characters,
    which a model of bytes also writes, do not reach the terminal.
    """
    CONSOLE.print(_CONTROLS.sub("\ufffd", text), markup=False, highlight=False, emoji=False, soft_wrap=True)


def quiet_lightning() -> None:
    """Silence Lightning's messages about itself and about choices that are made on purpose here."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*is smaller than the logging interval.*",  # the interval here counts updates over epochs
        ".*does not have many workers.*",  # windows come from memory-mapped tokens
        ".*GPU available but not used.*",
        ".*recommended to use `self.log.*sync_dist=True.*",  # logged values are already reduced over devices
        ".*callbacks used to create the checkpoint.*",  # testing a run needs none of the callbacks of fit
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        ".*deprecated and will be removed in jsonargparse.*",
        ".*lr_scheduler.step\\(\\).* before .*optimizer.step.*",  # 16-mixed skips first steps that overflow
    ):
        warnings.filterwarnings("ignore", message)
    logger = logging.getLogger("gpt_toolkit")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(_AboveTheBar())


class _AboveTheBar(logging.Handler):
    """Handler that prints messages where a progress bar does not overwrite them."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))
