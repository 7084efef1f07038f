"""Pages that are run: Python scripts in Jupytext's percent form, which are notebooks that diff well."""

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
    """A page that is run.

    Attributes:
        name: Its path in the site without ending, such as ``gpt1/pretraining``.
        path: Its script.
        needs: Pages that are run before it.
        makes: Folders that it makes for others to read, such as ``runs/quickstart``; relative to where pages
            are run.
    """

    name: str
    path: Path
    needs: tuple[str, ...]
    makes: tuple[str, ...]

    @property
    def source(self) -> str:
        """The script's text."""
        return self.path.read_text(encoding="utf-8")

    def notebook(self) -> Any:
        """The page as a notebook without outputs."""
        script = _HEADER.sub("", self.source).lstrip("\n")
        notebook = jupytext.reads(script, fmt="py:percent")
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.pop("jupytext", None)
        return notebook


def read_page(path: Path) -> Page:
    """The page of a script.

    Raises:
        ValueError: If its header has a key that is not known.
    """
    found = _HEADER.match(path.read_text(encoding="utf-8"))
    lines = found["yaml"].splitlines() if found else []
    header = yaml.safe_load("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)) or {}
    if unknown := set(header) - {"needs", "makes"}:
        raise ValueError(f"{path}: unknown in the header: {', '.join(sorted(unknown))}; known: needs, makes")
    name = path.relative_to(DOCS).with_suffix("").as_posix()
    return Page(name, path, tuple(header.get("needs", ())), tuple(header.get("makes", ())))


def all_pages() -> dict[str, Page]:
    """Every page that is run, by name, each after those that it needs.

    Raises:
        ValueError: If a page needs one that is not there, or itself.
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
                f"{asked_by[-1]} needs {name}, which is {'itself' if name in pages else 'not there'}"
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
    """The notebook without what only the site understands: its references to the API become code."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _REFERENCE.sub(r"\1", cell.source)
    return notebook
