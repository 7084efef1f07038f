"""Classes that a config may name: those of Lightning, torch.optim and this package, and what the user allows.

To name a class in a config is to import its module and to call it, so that a config of unknown origin could
run any code. A class that the user names on the command line is allowed, together with its package.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from jsonargparse import set_parsing_settings

from gpt_toolkit.cli import UsageError

ALLOW = "--allow"
ALLOW_VARIABLE = "GPT_TOOLKIT_ALLOW"
"""Environment variable with packages, divided by commas, that configs may name."""

_LIGHTNING = ("accelerators", "callbacks", "loggers", "plugins", "profilers", "strategies")
_ALLOWED = (
    *("gpt_toolkit", "torch.optim"),
    *(f"lightning.{package}.{part}" for package in ("pytorch", "fabric") for part in _LIGHTNING),
)
_REFUSED = (
    "*",
    "gpt_toolkit.cli",
    "lightning.pytorch.callbacks.lambda_function",  # LambdaCallback calls any function
)
_NAME = r"[^\W\d]\w*"
_DOTTED = re.compile(rf"(?<![\w./\\-])({_NAME})(?:\.{_NAME})+(?![\w./\\-])")


def allow_imports(arguments: Sequence[str]) -> list[str]:
    """Restrict the classes that configs may name, for the rest of the process.

    If the user allows any, the current folder is searched for them after the installed packages.

    Args:
        arguments: The command line after the verb.

    Returns:
        The arguments without ``--allow``.

    Raises:
        UsageError: If what is allowed is not the name of a package or class.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(ALLOW, action="append", default=[], nargs="?", const="", dest="allowed")
    found, rest = parser.parse_known_args(arguments)
    given = [*os.environ.get(ALLOW_VARIABLE, "").split(","), *",".join(found.allowed).split(",")]
    allowed = [name for name in map(str.strip, given) if name]
    for name in allowed:
        if not re.fullmatch(rf"{_NAME}(\.{_NAME})*", name) or name.split(".")[0] == "jsonargparse":
            raise UsageError(f"{ALLOW} {name}: expected the name of a package or class, such as my_package")
    allowed += _named(rest)
    set_parsing_settings(import_path_denylist=list(_REFUSED), import_path_allowlist=[*_ALLOWED, *allowed])
    if allowed and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return rest


def _named(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the dotted names in arguments, which may be classes, and the packages of the user's own."""
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        for match in () if os.path.lexists(value) else _DOTTED.finditer(value):
            root = match[1]
            if root in ("gpt_toolkit", "lightning", "torch", "jsonargparse"):
                continue  # has code that a config must not reach
            yield match[0]
            if root not in sys.stdlib_module_names:
                yield root
