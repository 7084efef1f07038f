"""The reading order of the site: the navigation in mkdocs.yml and the links to the next page."""

import posixpath
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from docs.making.architecture import PATH, drawing
from gpt_toolkit.exercises import EXERCISES

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


def navigation() -> list[str]:
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    return pages(config["nav"])


def source(page: str) -> str:
    """Return the text of a page of the repository; pages of the API have none."""
    path = ROOT / "docs" / page
    path = path if path.is_file() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_every_page_links_to_the_next_page_of_the_navigation() -> None:
    order = [page for page in navigation() if page == "reference/api/index.md" or "api/" not in page]
    assert len(order) > 35
    for page, following in pairwise(order):
        [link] = re.findall(r"^(?:# )?Next: \[[^\]]+\]\(([^)]+)\)", source(page), re.MULTILINE)
        assert posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) == following, page


def test_the_reference_has_a_page_for_every_package() -> None:
    paths = [*(ROOT / "gpt_toolkit").glob("*.py"), *(ROOT / "gpt_toolkit").glob("*/__init__.py")]
    packages = {path.stem if path.stem != "__init__" else path.parent.name for path in paths}
    listed = {Path(page).stem for page in navigation() if page.startswith("reference/api/")}
    assert listed - {"index"} == packages - {"__main__", "gpt_toolkit"}


def test_the_exercises_of_a_page_exist() -> None:
    named = {name for page in navigation() for name in re.findall(r"`(gpt[12]-[\d.]+\w?)`", source(page))}
    assert named == EXERCISES.keys()


def test_the_tests_that_the_page_of_promises_names_exist() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", source("guides/reliability.md")))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_figure_of_the_home_page_is_what_its_script_draws() -> None:
    assert PATH.read_text(encoding="utf-8") == drawing()
    assert PATH.name in source("index.md")
