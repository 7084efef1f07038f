"""Pages with code: Python scripts in Jupytext's percent format, which are notebooks with readable diffs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
NOT_PAGES = {"making"}

_HEADER = re.compile(r"\A# ---\n(?P<yaml>(?:#.*\n)*?)# ---\n")
_REFERENCE = re.compile(r"\[(`[^`\]]+`)\]\[[\w.]*\]")


@dataclass(frozen=True)
class Page:
    """A page with code.

    Attributes:
        name: Path in the site without suffix, such as ``gpt1/pretraining``.
        path: Script of the page.
        needs: Names of the pages that are run before it.
        makes: Folders that it makes for other pages, such as ``runs/quickstart``, relative to the folder in
            which pages are run.
    """

    name: str
    path: Path
    needs: tuple[str, ...]
    makes: tuple[str, ...]

    @property
    def source(self) -> str:
        """Text of the script."""
        return self.path.read_text(encoding="utf-8")

    def notebook(self) -> Any:
        """Return the page as a notebook without outputs."""
        script = _HEADER.sub("", self.source).lstrip("\n")
        notebook = jupytext.reads(script, fmt="py:percent")
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.pop("jupytext", None)
        return notebook


def read_page(path: Path) -> Page:
    """Read the page of a script.

    Raises:
        ValueError: If its header has an unknown key.
    """
    found = _HEADER.match(path.read_text(encoding="utf-8"))
    lines = found["yaml"].splitlines() if found else []
    header = yaml.safe_load("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)) or {}
    if unknown := set(header) - {"needs", "makes"}:
        raise ValueError(f"{path}: header: {', '.join(sorted(unknown))}; expected needs or makes")
    name = path.relative_to(DOCS).with_suffix("").as_posix()
    return Page(name, path, tuple(header.get("needs", ())), tuple(header.get("makes", ())))


def all_pages() -> dict[str, Page]:
    """Return all pages with code by name, each after the pages that it needs.

    Raises:
        ValueError: If a page needs a missing page, or itself.
    """
    scripts = sorted(DOCS.rglob("*.py"))
    pages = {
        page.name: page
        for path in scripts
        if path.relative_to(DOCS).parts[0] not in NOT_PAGES
        for page in [read_page(path)]
    }
    ordered: dict[str, Page] = {}

    def add(name: str, asked_by: tuple[str, ...]) -> None:
        if name not in pages or name in asked_by:
            raise ValueError(
                f"{asked_by[-1]}: needs {name}; expected "
                f"{'no cycle' if name in pages else 'an existing page'}"
            )
        for needed in pages[name].needs:
            if needed not in ordered:
                add(needed, (*asked_by, name))
        ordered[name] = pages[name]

    for name in pages:
        if name not in ordered:
            add(name, (name + " ",))
    return ordered


def for_download(notebook: Any) -> Any:
    """Replace references to the API, which only the site understands, by code; return the notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _REFERENCE.sub(r"\1", cell.source)
    return notebook
