"""Hooks that MkDocs calls while it builds the site."""

from __future__ import annotations

import logging
import os
import re
from importlib.metadata import version

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as SitePage

from docs.making.api import package_page, packages
from docs.making.execution import is_current, kept
from docs.making.formulas import with_formulas
from docs.making.markdown import to_markdown
from docs.making.pages import all_pages, for_download

log = logging.getLogger("mkdocs.hooks.pages")
_serving = False
_SCRIPT = re.compile(r"\]\((?!https?:)([\w./]+)\.py(#[\w-]+)?\)")


def on_startup(command: str, dirty: bool) -> None:
    """Remember whether this is ``mkdocs serve``, which shows pages before they are run again."""
    global _serving  # MkDocs passes the command to no other hook
    _serving = command == "serve"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the version of the site, and list the others if ``mike`` publishes it."""
    if not config.repo_url:
        config.edit_uri = ""
    config.extra["toolkit_version"] = version("gpt-toolkit")
    if "MIKE_DOCS_VERSION" in os.environ:
        config.extra["version"] = {"provider": "mike"}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the executed pages, each with its notebook, and the pages of the API reference."""
    pages = all_pages()
    for name, page in pages.items():
        run = kept(page)
        if run is None or not is_current(page, pages):
            state = "has not been run" if run is None else "has changed since it was run"
            message = f"{name} {state}: python -m docs.making.execution {name}"
            if not _serving:
                raise PluginError(message)
            log.info(message)
        if run is None:
            continue
        stem = page.path.stem
        facts = (
            f'<p class="facts">Run in {_duration(run.seconds)} on {os.cpu_count()} CPU cores for this site. '
            f'Take it with you: <a href="../{stem}.ipynb" download>notebook</a>, '
            f'<a href="../{stem}.py" download>script</a>.</p>'
        )
        title, _, rest = to_markdown(run.notebook, name).partition("\n")
        text = f"{title}\n\n{facts}\n{rest}"
        file = File.generated(config, f"{name}.md", content=text)
        file.edit_uri = f"{name}.py"
        files.append(file)
        notebook = nbformat.writes(for_download(run.notebook))
        files.append(File.generated(config, f"{name}.ipynb", content=notebook))
    for package in packages():
        files.append(File.generated(config, f"reference/api/{package}.md", content=package_page(package)))
    return files


def on_page_markdown(markdown: str, page: SitePage, config: MkDocsConfig, files: Files) -> str:
    """Turn links to a page's script, which work in the repository, into links to the page."""
    return _SCRIPT.sub(r"](\1.md\2)", markdown)


def on_page_content(html: str, page: SitePage, config: MkDocsConfig, files: Files) -> str:
    """Convert the formulas."""
    return with_formulas(html)


def on_post_page(output: str, page: SitePage, config: MkDocsConfig) -> str:
    """Add the search dialog's accessible name, which the theme lacks."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
