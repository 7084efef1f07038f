"""Configs by path or by the name of one that comes with the package."""

from __future__ import annotations

from pathlib import Path

import yaml

from gpt_toolkit.cli.errors import UsageError, nearest


def shipped_configs() -> Path:
    """Folder of the configs that come with the package, installed or in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def find_config(name: str) -> Path:
    """A config file: a path wins, else a shipped file of that name.

    Raises:
        UsageError: If there is neither; the message names the nearest shipped one.
    """
    if Path(name).is_file():
        return Path(name)
    folder = shipped_configs()
    wanted = name.removeprefix("configs/").removesuffix(".yaml")
    if (path := folder / f"{wanted}.yaml").is_file():
        return path
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    raise UsageError(f"no config {name!r}, neither a file nor a shipped one{nearest(wanted, names)}")


def resolve_configs(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Put the files in place of config names.

    Returns:
        The arguments, and the first config, after which a run is called.

    Raises:
        UsageError: If a config is not to be found, or is no YAML.
    """
    resolved: list[str] = []
    first: Path | None = None
    value_follows = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if value_follows or (equals and option in ("--config", "-c")):
            path = find_config(argument if value_follows else value)
            _check_yaml(path)
            first = first or path
            resolved.append(str(path) if value_follows else f"{option}={path}")
            value_follows = False
        else:
            resolved.append(argument)
            value_follows = argument in ("--config", "-c")
    return resolved, first


def _check_yaml(path: Path) -> None:
    """Name the file and the line; the parser that reads it next knows neither."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: is no YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        what = "nothing" if content is None else f"a {type(content).__name__}"
        raise UsageError(f"{path}: holds {what}, where settings are expected, as trainer: {{max_steps: 100}}")
