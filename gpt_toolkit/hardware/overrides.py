"""Environment variables that override what this machine reports, so that every machine can run every path."""

from __future__ import annotations

import os

CAPABILITIES = (
    "BF16",
    "FP16",
    "PACKED",
    "ATTENTION_PRODUCTS",
    "FUSED_ADAMW",
    "TRITON",
    "COMPILE",
    "ALLOCATOR",
)
"""Names of the overrides ``GPT_TOOLKIT_<NAME>``."""


class OverrideError(ValueError):
    """An override that cannot be read."""


def override(name: str) -> bool | None:
    """Return the value of a capability's environment variable; None where it is not set."""
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if value not in ("", "0", "1"):
        raise OverrideError(
            f"GPT_TOOLKIT_{name}: {value!r}; expected 0 or 1; unset it to detect the capability"
        )
    return None if not value else value == "1"


def number_override(name: str) -> int | None:
    """Return the value of a number's environment variable; None where it is not set."""
    value = os.environ.get(f"GPT_TOOLKIT_{name}", "")
    if not value:
        return None
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        number = 0
    if number < 1:
        raise OverrideError(
            f"GPT_TOOLKIT_{name}: {value!r}; expected a number above 0; unset it to detect it"
        )
    return number
