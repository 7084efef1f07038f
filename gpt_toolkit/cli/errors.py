"""What is wrong with a command line or a config, in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_LONGEST = 300
"""Characters of a message that none of the rules below knows; ours: about three lines of a terminal."""


class UsageError(Exception):
    """The command line or a config says something that does not exist."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the nearest name, or all of them."""
    known = sorted(set(names))
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        return f": did you mean {near[0]}?"
    return f"; there are {', '.join(known)}" if known and len(known) < 30 else ""


def explain(message: str, options: Iterable[str], classes: Mapping[str, Iterable[str]]) -> str:
    """What a parser of jsonargparse has to say, which can fill a page, as one line.

    Args:
        message: As it was raised; nested types repeat the whole value at each level.
        options: Dotted names of all options there are, without ``init_args``.
        classes: Names of the classes that an option can name, by the option's name.
    """
    keys = list(re.finditer(r'[Pp]arser key "([\w.]+)"', message))
    prefix = ".".join(dict.fromkeys(key[1] for key in keys))
    about = f"{prefix}: " if prefix else ""
    innermost = message[keys[-1].end() :] if keys else message
    if unknown := re.search(
        r"(?:[Uu]nrecognized arguments: |Option '|accept option '|Key ')(-*)([\w.]+)", message
    ):
        if "nrecognized" in unknown[0] and not unknown[1]:
            return f"{unknown[2]!r} follows no option; options begin with --"
        name = unknown[2].replace("init_args.", "")
        full = name if name.startswith(f"{prefix}.") or not prefix else f"{prefix}.{name}"
        return no_option(full, options)
    if unknown := re.search(r"dot import path string: ([\w.]+)", message):
        return f"{about}no class {unknown[1]}{nearest(unknown[1], classes.get(prefix, ()))}"
    if missing := re.search(r"required: ([\w., ]+?)(?: -|$)", _one_line(message)):
        if not prefix:  # fit.data, fit.model
            return "there is no model or no data: name a config by --config, such as text/own"
        return f"{about}a value is needed for {missing[1]}"
    if wrong := re.search(r"Expected an? (.+?)\. Got value: (.+)", innermost):
        return _short(f"{about}expected {_readable(wrong[1])}, got {wrong[2]!r}")
    if own := re.search(r"^ *- (?!Expected|Parser key|Option|Does not|Key|Problem)(\S.*)$", message, re.M):
        return _short(own[1])  # what a constructor raised
    if union := re.search(r"Subtypes: \[(.+)\]\n", innermost):
        given = re.search(r"Given value: (?:NestedArg\(.*val=(.+)\)|(.+))", innermost)
        got = f", got {(given[1] or repr(given[2]))}" if given else ""
        return _short(f"{about}expected {_readable(union[1])}{got}")
    return _short(_one_line(message))


def no_option(name: str, options: Iterable[str]) -> str:
    """That there is no such option, and the nearest one that differs as early as the name does first."""
    parts = name.split(".")
    known = [option.split(".") for option in options]
    for depth, part in enumerate(parts):
        here = {option[depth] for option in known if len(option) > depth and option[:depth] == parts[:depth]}
        if part not in here:
            if near := difflib.get_close_matches(part, here, n=1, cutoff=0.5):
                meant = ".".join([*parts[:depth], near[0], *parts[depth + 1 :]])
                return f"no option {name}: did you mean {meant}?"
            return f"no option {name}; there are {', '.join(sorted(here))}" if here else f"no option {name}"
    return f"no option {name} of the class that is chosen there"


def _readable(types: str) -> str:
    """Python's writing of types as a config's reader would say it."""
    types = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", types)
    types = re.sub(r"typing\.Literal\[(.+?)\]", r"\1", types)
    types = re.sub(r"\b(?:\w+\.)+(?=\w)", "", types)
    return types.replace("NoneType", "null")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _one_line(text: str) -> str:
    return " ".join(text.split())
