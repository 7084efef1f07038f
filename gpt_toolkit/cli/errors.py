"""Errors of usage, and the nearest existing name for a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable

from gpt_toolkit.suggestions import did_you_mean


class UsageError(Exception):
    """Error of a command line or a config that names something that does not exist."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message: the nearest name, or all of them if they are few."""
    known = sorted(set(names))
    if hint := did_you_mean(name, known):
        return f": {hint}"
    return f"; there are {', '.join(known)}" if known and len(known) < 30 else ""
