"""Pages of the reference: one for each room of the package, all its modules on it."""

from __future__ import annotations

import ast

from docs.making.pages import ROOT

PACKAGE = ROOT / "gpt_toolkit"

_LEFT_OUT = {"__init__", "__main__"}
_OPEN_ROOMS = {
    "storyworld": ("storyworld", "storyworld.documents", "storyworld.tasks", "storyworld.benchmarks")
}
"""Of these rooms only the modules that others may use; the rest is how the world is told."""


def rooms() -> list[str]:
    """Names of the rooms that have a page."""
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    return sorted(found - _LEFT_OUT)


def room_page(room: str) -> str:
    """The page of a room, in Markdown."""
    blocks = [f"::: gpt_toolkit.{module}" for module in _modules(room)]
    return "\n\n".join([f"# gpt_toolkit.{room}", *blocks]) + "\n"


def _modules(room: str) -> list[str]:
    if room in _OPEN_ROOMS:
        return list(_OPEN_ROOMS[room])
    folder = PACKAGE / room
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    modules = []
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        own = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        if len(own) > 1 or parts[-1] != "__init__":  # else a list of what its modules have
            modules.append(".".join(parts).removesuffix(".__init__"))
    return modules
