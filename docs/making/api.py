"""Pages of the API reference: one for each package, with all its modules."""

from __future__ import annotations

import ast

from docs.making.pages import ROOT

PACKAGE = ROOT / "gpt_toolkit"

_LEFT_OUT = {"__init__", "__main__"}
_PUBLIC_MODULES = {
    "exercises": ("exercises", "exercises.read_exercises", "exercises.grading", "exercises.differences"),
    "storyworld": ("storyworld", "storyworld.documents", "storyworld.datasets", "storyworld.benchmarks"),
}
"""Public modules of packages with internal modules."""


def packages() -> list[str]:
    """Return the names of the packages that have a page."""
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    return sorted(found - _LEFT_OUT)


def package_page(package: str) -> str:
    """Return the page of a package, in Markdown."""
    blocks = [f"::: gpt_toolkit.{module}" for module in _modules(package)]
    return "\n\n".join([f"# gpt_toolkit.{package}", *blocks]) + "\n"


def _modules(package: str) -> list[str]:
    if package in _PUBLIC_MODULES:
        return list(_PUBLIC_MODULES[package])
    folder = PACKAGE / package
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    modules = []
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        own = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        if len(own) > 1 or parts[-1] != "__init__":  # else a list of what its modules have
            modules.append(".".join(parts).removesuffix(".__init__"))
    return modules
