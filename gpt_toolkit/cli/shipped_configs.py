"""Configs that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from gpt_toolkit.cli import UsageError
from gpt_toolkit.suggestions import did_you_mean_file, nearest


def shipped_configs() -> Path:
    """Return the folder of the shipped configs, of an installed package or a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def find_config(name: str) -> Path:
    """Return the path of a config: an existing file, else the shipped file with this name.

    Raises:
        UsageError: If neither exists; the message has the nearest shipped name.
    """
    if Path(name).is_file():
        return Path(name)
    folder = shipped_configs()
    wanted = name.removeprefix("configs/").removesuffix(".yaml")
    if (path := folder / f"{wanted}.yaml").is_file():
        return path
    if file := did_you_mean_file(name):
        raise UsageError(f"--config {name}: file not found{file}")
    raise UsageError(f"no config {name!r}, neither a file nor a shipped one{nearest(wanted, config_names())}")


def config_names() -> list[str]:
    """Return the names of the shipped configs, sorted."""
    folder = shipped_configs()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
