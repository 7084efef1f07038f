"""The reading order of the site: the navigation in mkdocs.yml and the links to the next page."""

import posixpath
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from docs.making.architecture import PATH, drawing

ROOT = Path(__file__).resolve().parents[2]


class Loader(yaml.SafeLoader):
    """YAML with MkDocs' tag for environment variables."""


Loader.add_constructor("!ENV", lambda loader, node: None)


def pages(entry: Any) -> list[str]:
    """Return the pages below an entry of the navigation, in order."""
    if isinstance(entry, str):
        return [entry]
    children = entry.values() if isinstance(entry, dict) else entry
    return [page for child in children for page in pages(child)]


def source(page: str) -> str:
    path = ROOT / "docs" / page
    return (path if path.is_file() else path.with_suffix(".py")).read_text(encoding="utf-8")


def test_every_page_links_to_the_next_page_of_the_navigation() -> None:
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    order = [page for page in pages(config["nav"]) if page == "reference/api/index.md" or "api/" not in page]
    assert len(order) > 35
    for page, following in pairwise(order):
        [link] = re.findall(r"^(?:# )?Next: \[[^\]]+\]\(([^)]+)\)", source(page), re.MULTILINE)
        assert posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) == following, page


def test_the_figure_of_the_home_page_is_what_its_script_draws() -> None:
    assert PATH.read_text(encoding="utf-8") == drawing()
    assert PATH.name in source("index.md")
