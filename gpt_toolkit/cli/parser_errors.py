"""One-line explanations of the parser's errors, with hints to the options that were meant."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from gpt_toolkit.cli.options import CHOICES, owners
from gpt_toolkit.suggestions import close_names, nearest

MAX_MESSAGE = 300
"""Characters of a message that no rule explains; tuned here: about three lines of a terminal."""

MAX_HINTS = 3
"""Longest list of options that may be meant; tuned here."""

NO_CONFIG = (
    "no config: expected a model and data; add --config NAME, such as storyworld/quickstart or text/own"
)

_CONFIGS = {
    "CorpusDataModule": "text/own",
    "SupervisedDataModule": "text/finetune",
    "ZeroShotDataModule": "storyworld/zero_shot",
    "PromptsDataModule": "text/generate",
}
"""Configs for a first try, by their DataModule."""

_NOT_IMPORTED = "(?:No module named|module '|cannot import)"
"""Beginnings of Python's messages about imports."""


def explain_error(error: Exception) -> str:
    """Return a parser's error as one line."""
    classes = {option: [kind.__name__ for kind in kinds] for option, kinds in CHOICES.items()}
    return explain(str(error), owners(), classes)


def suggest_config(names: Iterable[str]) -> str:
    """Return a message about a command without a config.

    Args:
        names: Dotted names of the options that were typed.
    """
    data = [name for name in names if name.startswith("data.") and name in owners()]
    for kind, config in _CONFIGS.items():
        if data and all(kind in owners()[name] for name in data):
            return f"no config: expected a model and training settings; add --config {config}"
    return NO_CONFIG


def explain(message: str, options: Mapping[str, Sequence[str]], classes: Mapping[str, Iterable[str]]) -> str:
    """Return a message of jsonargparse, which can fill a page, as one line.

    The patterns are those of version 4.53. A message that matches none is shortened.

    Args:
        message: Message of the error; nested types repeat the whole value at each level.
        options: Classes that have each option, by its dotted name without ``init_args``.
        classes: Names of the classes that an option can select, by the option's name.
    """
    keys = list(re.finditer(r'arser key "([\w.]+)"', message))
    prefix = ".".join(dict.fromkeys(key[1] for key in keys))
    about = f"{prefix}: " if prefix else ""
    innermost = message[keys[-1].end() :] if keys else message
    if word := re.search(r"unrecognized arguments: (?!-)(\S+)", message):
        return f"{word[1]!r} follows no option; options begin with --"
    if unknown := re.search(r"(?:unrecognized arguments: -+|ption ')([\w.]+)", message):
        name = unknown[1].replace("init_args.", "")
        return unknown_option(f"{prefix}.{name}" if prefix else name, options)
    if refused := re.search(r"Importing '([\w.]+)' is not allowed", message):
        root = refused[1].partition(".")[0]
        is_own = root not in ("gpt_toolkit", "lightning", "torch", *sys.stdlib_module_names)
        expected = "a class of Lightning, torch.optim or gpt_toolkit"
        advice = f"add --allow {root if is_own else refused[1]} if you trust it"
        return f"{about}{refused[1]} is not allowed in a config; expected {expected}; {advice}"
    if unknown := re.search(r"dot import path string: ([\w.]+)", message):
        return f"{about}no class {unknown[1]}{nearest(unknown[1], classes.get(prefix, ()))}"
    given = re.search(r"Given value: (.+)", innermost)
    got = f", got {given[1]!r}" if given else ""
    if reason := re.search(rf"given class_path '(.+)':\s+({_NOT_IMPORTED}.+)", message):
        where = "an installed package, or of a module in the current folder"
        return f"{about}{reason[1]} cannot be imported: {reason[2]}; expected a class of {where}"
    if other := re.search(r"Import path .*does not correspond to (a subclass of \w+)", message):
        return _short(f"{about}expected {other[1]}{got}")
    if missing := re.search(r"required: ([\w., ]+?)(?: -|$)", _one_line(message)):
        if not prefix:  # fit.data, fit.model
            return "the config has no model or no data; add --config NAME, such as text/own"
        return f"{about}a value is needed for {missing[1]}"
    if wrong := re.search(r"Expected an? (.+?)\. Got value: (.+)", innermost):
        return _short(f"{about}expected {_readable(wrong[1])}, got {wrong[2]!r}")
    if own := re.search(r"^ *- (?!Expected|Parser key|Option|Does not|Problem)(\S.*)$", message, re.M):
        return _short(own[1])  # raised by a constructor
    if union := re.search(r"Subtypes: \[(.+)\]\n", innermost):
        return _short(f"{about}expected {_readable(union[1])}{got}")
    return _short(_one_line(message))


def unknown_option(name: str, options: Mapping[str, Sequence[str]]) -> str:
    """Return a message about an option that does not exist, with the options that may be meant.

    Args:
        name: Dotted name.
        options: Classes that have each option, by its dotted name.
    """
    if name in options:
        return (
            f"no option {name} of the class that is chosen; it is an option of {' and '.join(options[name])}"
        )
    parts = name.split(".")
    if len(parts) == 1 and (meant := nested_options(name, options)):
        return f"no option {name}: did you mean {' or '.join(meant)}?"
    known = [option.split(".") for option in options]
    for depth, part in enumerate(parts):
        here = {option[depth] for option in known if len(option) > depth and option[:depth] == parts[:depth]}
        if part not in here:
            if close := close_names(part, here):
                meant_name = ".".join([*parts[:depth], close[0], *parts[depth + 1 :]])
                return f"no option {name}: did you mean {meant_name}?"
            return f"no option {name}; there are {', '.join(sorted(here))}" if here else f"no option {name}"
    return f"no option {name}; it is a group of options, such as {_first_below(name, options)}"


def _first_below(name: str, options: Iterable[str]) -> str:
    return next(option for option in options if option.startswith(f"{name}."))


def nested_options(name: str, options: Iterable[str]) -> list[str]:
    """Return the full names of the options that a short name may stand for, the likeliest first.

    A short name is the last part of a full one (``lr``), one of its words (``epochs`` of ``max_epochs``), its
    initials (``bs`` of ``batch_size``, and the reverse), or almost one of these.
    """
    leaves: dict[str, list[str]] = {}
    for option in options:
        leaves.setdefault(option.rpartition(".")[2], []).append(option)
    name = name.replace("-", "_")
    exact = leaves.get(name, [])
    if exact:  # and options of the run, such as seed_everything
        top = [leaf for leaf in leaves if leaf in leaves[leaf] and name in leaf.split("_")]
        return [*top, *exact][:MAX_HINTS]
    for is_meant in (_is_short_form, lambda leaf, name: name in leaf.split("_")):
        if found := [option for leaf, full in leaves.items() if is_meant(leaf, name) for option in full]:
            return found[:MAX_HINTS]
    if close_names(name, (leaf for leaf in leaves if leaf in leaves[leaf])):
        return []  # a typo in an option of the run
    return [option for leaf in close_names(name, leaves, cutoff=0.7) for option in leaves[leaf]][:MAX_HINTS]


def _is_short_form(leaf: str, name: str) -> bool:
    return name in (_initials(leaf), f"{leaf}s") or leaf in (_initials(name), f"{name}s")


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_")) if "_" in name else name


def _readable(types: str) -> str:
    """Return Python's notation of types without classes and modules."""
    types = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", types)
    types = re.sub(r"typing\.Literal\[(.+?)\]", r"\1", types)
    return types.replace("NoneType", "null")


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} ..."


def _one_line(text: str) -> str:
    return " ".join(text.split())
