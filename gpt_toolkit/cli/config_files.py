"""Config files, by path or by the name of a shipped one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import jsonargparse
import yaml

from gpt_toolkit.callbacks import CheckpointWriter
from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.run_folder import CONFIG, RUN_FOLDER, take_option
from gpt_toolkit.cli.shipped_configs import find_config
from gpt_toolkit.cli.typed_options import typed_options
from gpt_toolkit.yaml_files import BoundError, check_yaml, read_text, read_yaml


def resolve_configs(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Replace config names by their paths, and let the config of a run name the folder that it lies in.

    Returns:
        The arguments, and the first config, which names the run.

    Raises:
        UsageError: If a config does not exist, or a config or a value is not valid YAML.
    """
    resolved: list[str] = []
    first: Path | None = None
    run: Path | None = None
    value_follows = False
    for before, argument in pairwise(["", *arguments]):
        option, equals, value = argument.partition("=")
        _check_value(*((option, value) if equals else (before, argument)))
        if value_follows or (equals and option in ("--config", "-c")):
            path = find_config(argument if value_follows else value)
            _check_yaml(path)
            first, run = first or path, _run_of(path) or run
            resolved.append(str(path) if value_follows else f"{option}={path}")
            value_follows = False
        else:
            resolved.append(argument)
            value_follows = argument in ("--config", "-c")
    given, _ = take_option(RUN_FOLDER, resolved)
    if run is not None:  # the folder may have been moved since its config was written
        resolved += [RUN_FOLDER, given or str(run)]
    return resolved, first


def place_of_class(message: str, arguments: list[str]) -> str:
    """Return the file and line at which a config names a class that a message refuses, or "".

    Args:
        message: Message of the error.
        arguments: The command line, with paths in place of config names.
    """
    if refused := re.search(r"([\w.]+) is not allowed in a config", message):
        for path in (argument.removeprefix("--config=") for argument in arguments):
            if path.endswith(".yaml") and Path(path).is_file():
                for number, line in enumerate(read_text(Path(path)).splitlines(), start=1):
                    if refused[1] in line:
                        return f"{path}:{number}: "
    return ""


def _run_of(config: Path) -> Path | None:
    """Return the folder of the run that wrote a config; None if no run did."""
    is_runs = config.name == CONFIG and CheckpointWriter.folder_of(config.parent).is_dir()
    return config.parent if is_runs else None


def _check_yaml(path: Path) -> None:
    """Raise if a file is not valid, with its path and line, which the next parser does not know.

    Raises:
        UsageError: If it is not a YAML mapping.
    """
    try:
        content = read_yaml(path)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not isinstance(content, dict):
        given = "nothing" if content is None else f"a {type(content).__name__}"
        raise UsageError(f"{path}: contains {given}; expected settings such as trainer: {{max_steps: 100}}")


def class_names(arguments: Sequence[str]) -> set[str]:
    """Return the names of the classes that the configs of a command line choose, without modules.

    Raises:
        UsageError: If a config does not exist.
    """
    values = [value for option, value in typed_options(arguments) if option == "--config" and value]
    texts = [find_config(value).read_text(encoding="utf-8") for value in values]
    return {path.rpartition(".")[2] for text in texts for path in re.findall(r"class_path: *([\w.]+)", text)}


def _check_value(option: str, value: str) -> None:
    """Raise if the value of an option, which may be YAML, exceeds a bound.

    Raises:
        UsageError: If it does.
    """
    try:
        check_yaml(value)
    except BoundError as error:
        raise UsageError(f"{option}: invalid YAML: {error.problem}") from None
    except yaml.YAMLError:
        pass  # an ordinary text


def _read_config(path: os.PathLike[str]) -> str:
    """Return the text of a config, or of a file that a config names in place of settings."""
    text = read_text(Path(path))
    check_yaml(text)
    return text


# jsonargparse's own method reads in the system's encoding, and without bounds.
jsonargparse.Path.read_text = _read_config  # type: ignore[assignment,attr-defined,method-assign]
