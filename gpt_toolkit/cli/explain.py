"""What is wrong with a command line or a config, in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class UsageError(Exception):
    """The command line or a config says something that does not exist."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the nearest name, or all of them."""
    known = sorted(set(names))
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        return f": did you mean {near[0]}?"
    return f"; there are {', '.join(known)}" if known and len(known) < 30 else ""


def explain(message: str, options: Iterable[str], classes: Iterable[str]) -> str:
    """jsonargparse's message, which can fill a page, as one line.

    Args:
        message: As it was raised; nested types repeat the whole value at each level.
        options: Dotted names of all options there are, without ``init_args``.
        classes: Names of all classes that a config can name.
    """
    where = [part for part in re.findall(r'[Pp]arser key "([\w.]+)"', message) if part]
    prefix = ".".join(dict.fromkeys(where))
    if unknown := re.search(
        r"(?:[Uu]nrecognized arguments: -*|Option '|accept option '|Key ')([\w.]+)", message
    ):
        name = unknown[1].replace("init_args.", "")
        full = name if name.startswith(f"{prefix}.") or not prefix else f"{prefix}.{name}"
        return f"no option {full}{_nearest_option(full, options)}"
    if unknown := re.search(r"dot import path string: ([\w.]+)", message):
        return f"{prefix}: no class {unknown[1]}{nearest(unknown[1], classes)}"
    if missing := re.search(r"required: ([\w., ]+?)(?: -|$)", _one_line(message)):
        return f"{prefix}: a value is needed for {missing[1]}"
    if wrong := re.search(r"Expected an? (?:<class ')?([\w.\[\], ]+?)'?>?\. Got value: (\S+)", message):
        return f"{prefix}: expected {wrong[1]}, got {wrong[2]!r}"
    return re.split(r" Given value type:", _one_line(message))[0]


def _nearest_option(name: str, options: Iterable[str]) -> str:
    """The nearest option to a dotted name, one that differs as early as the name does first."""
    parts = name.split(".")
    known = [option.split(".") for option in options]
    for depth, part in enumerate(parts):
        here = {option[depth] for option in known if len(option) > depth and option[:depth] == parts[:depth]}
        if part not in here:
            if near := difflib.get_close_matches(part, here, n=1, cutoff=0.5):
                return f": did you mean {'.'.join([*parts[:depth], near[0], *parts[depth + 1 :]])}?"
            return f"; there are {', '.join(sorted(here))}" if here else ""
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
