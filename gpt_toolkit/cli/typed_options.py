"""Names of typed options and files in messages about their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpt_toolkit.suggestions import did_you_mean_file

_MISSING = re.compile(r"no file|no folder|no such|not found|not exist|neither a file")
"""Parts of messages about a path that does not exist."""


def typed_options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield option and value of each option on a command line; the value is "" if it is missing."""
    for place, argument in enumerate(arguments):
        if argument.startswith("--"):
            option, equals, value = argument.partition("=")
            option = option.removesuffix("+")  # adds to a list
            following = arguments[place + 1] if place + 1 < len(arguments) else ""
            yield option, value if equals else "" if following.startswith("--") else following


def name_options(message: str, arguments: Sequence[str]) -> str:
    """Return a message that names the option that was typed, and the file that may be meant.

    Args:
        message: Message of an error: about a setting such as ``data.n_ctx``, or about its value.
        arguments: The command line after the verb.
    """
    message = _suggest_file(message, arguments)
    options = list(typed_options(arguments))
    if any(re.search(rf"{re.escape(option)}(?![\w.])", message) for option, _ in options):
        return message
    for option, _ in options:
        key = option[2:].replace("init_args.", "")
        if message.startswith(f"no option {key}"):
            message = message.replace(f"no option {key}", f"no option --{key}", 1)
            return re.sub(r"(?<=did you mean )(?=\w)|(?<= or )(?=[\w.]+\?$)", "--", message)
        if re.match(rf"{re.escape(key)}(?![\w.])", message):
            return f"--{message}"
    for option, value in options:
        leaf = option.rpartition(".")[2].removeprefix("--")
        is_setting = value and option != "--config"  # whose messages begin with the file
        has_value = is_setting and re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", message)
        if has_value and (_is_path(value) or re.search(rf"\b{re.escape(leaf)}\b", message)):
            message = re.sub(rf"^(?:[A-Z]\w+: )?(?:{re.escape(leaf)}: )?", "", message)  # class and argument
            return f"{option}: {message}"
    return message


def _is_path(value: str) -> bool:
    return "/" in value or bool(Path(value).suffix)


def _suggest_file(message: str, arguments: Sequence[str]) -> str:
    """Return a message about a path that does not exist with the nearest that does."""
    if not _MISSING.search(message) or "did you mean" in message:
        return message
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("--") else argument
        if value and value in message and (hint := did_you_mean_file(value)):
            return message + hint
    return message
