"""Write the site's source: ``python -m docs.making.source [PAGE ...]``.

The source is plain Markdown with static files in ``.cache/docs/source``, from which a generator of static
sites builds without any code of ours: pages with outputs, formulas as MathML, a page for each package.
With names of pages this is a preview: other pages may be out of date or without outputs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

from docs.making.api import package_page, packages
from docs.making.execution import CACHE, Kept, is_current, kept
from docs.making.formulas import with_formulas
from docs.making.markdown import to_markdown
from docs.making.pages import DOCS, NOT_PAGES, Page, all_pages, for_download

SOURCE = CACHE / "source"

_SCRIPT = re.compile(r"\]\((?!https?:)([\w./]+)\.py(#[\w-]+)?\)")
_STATIC = {".css", ".js", ".png", ".py", ".svg"}


def written_page(page: Page, run: Kept) -> str:
    """Return the Markdown of a page with the outputs of its last run."""
    stem = page.path.stem
    ran = (
        f"Run in {_duration(run.seconds)} on {os.cpu_count()} CPU cores for this site. "
        if run.seconds
        else ""
    )
    facts = (
        f'<p class="facts">{ran}Download: <a href="../{stem}.ipynb" download>notebook</a>, '
        f'<a href="../{stem}.py" download>script</a>.</p>'
    )
    title, _, rest = to_markdown(run.notebook, page.name).partition("\n")
    return site_markdown(f"{title}\n\n{facts}\n{rest}")


def site_markdown(text: str) -> str:
    """Return a page's Markdown with links to pages instead of scripts, and formulas as MathML."""
    return with_formulas(_SCRIPT.sub(r"](\1.md\2)", text))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"


def _files(pages: dict[str, Page], docs: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of the source."""
    for path in sorted(docs.rglob("*")):
        name = path.relative_to(docs).as_posix()
        if name.partition("/")[0] in NOT_PAGES or not path.is_file():
            continue
        if path.suffix == ".md":
            yield name, site_markdown(path.read_text(encoding="utf-8")).encode()
        elif path.suffix in _STATIC:
            yield name, path.read_bytes()
    for name, page in pages.items():
        run = kept(page) or Kept(page.notebook(), 0.0)
        yield f"{name}.md", written_page(page, run).encode()
        yield f"{name}.ipynb", nbformat.writes(for_download(run.notebook)).encode()
    for package in packages():
        yield f"reference/api/{package}.md", package_page(package).encode()


def write_source(folder: Path, pages: dict[str, Page], docs: Path = DOCS) -> None:
    """Write the files that have changed, and remove those that the source no longer has."""
    written = set()
    for name, content in _files(pages, docs):
        path = folder / name
        written.add(path)
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in folder.rglob("*"):
        if path.is_file() and path not in written:
            path.unlink()


def main(names: Sequence[str]) -> int:
    """Write the source, unless pages have not been run and none is named."""
    pages = all_pages()
    stale = [] if names else [name for name, page in pages.items() if not is_current(page, pages)]
    if stale:
        print(f"pages not run since they changed: {', '.join(stale)}", file=sys.stderr)
        print("expected all to be current; run python -m docs.making.execution", file=sys.stderr)
        return 1
    write_source(SOURCE, pages)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
