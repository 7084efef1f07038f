"""Run the pages that have changed, or those named: ``python -m docs.making.execution [PAGE ...]``.

A page is run again when one of these has changed: its code, a project file that it read in its last run,
the version of a library, or the weights of a page that it needs. Its prose may change. An exception in a
cell ends the page. Executed notebooks are cached in ``.cache/docs``.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from docs.making.markdown import joined, without_colors
from docs.making.pages import ROOT, Page, all_pages
from gpt_toolkit.io import cache_folder

CACHE = ROOT / ".cache" / "docs"
WORK = CACHE / "work"
MAKING = Path(__file__).parent

SECONDS_OF_A_CELL = 1200
_IGNORED = (".cache/", ".venv/", ".nox/", ".git/", "site/", "docs/making/")

# The kernel asks programs for colors and progress bars, which a page cannot show.
_SETUP = """\
import os
import matplotlib_inline.backend_inline
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"):
    os.environ.pop(name, None)
matplotlib_inline.backend_inline.set_matplotlib_formats("svg")
"""

_END = "import sitecustomize; sitecustomize.write()"  # a kernel may be killed before it exits


class Kept(NamedTuple):
    """An executed page.

    Attributes:
        notebook: Notebook with outputs.
        seconds: Running time.
    """

    notebook: Any
    seconds: float


def kept(page: Page) -> Kept | None:
    """Return the page's current text with the outputs of its last run; None if it was never run."""
    path = CACHE / "pages" / f"{page.name}.ipynb"
    if not path.is_file():
        return None
    run = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    notebook = page.notebook()
    for cell, done in zip(_code_cells(notebook), run, strict=False):  # fewer if a cell was added since
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return Kept(notebook, facts["seconds"])


def is_current(page: Page, pages: dict[str, Page]) -> bool:
    """Return whether the cached outputs of a page are up to date."""
    path = CACHE / "pages" / f"{page.name}.json"
    if not path.is_file():
        return False
    facts = json.loads(path.read_text(encoding="utf-8"))
    return (
        facts["key"] == _key(page, pages)
        and all((WORK / folder).is_dir() for folder in page.makes)
        and all(_hash_of(ROOT / name) == hashed for name, hashed in facts["files"].items())
    )


def execute(page: Page, pages: dict[str, Page]) -> float:
    """Run a page and cache the result.

    Returns:
        Running time in seconds.

    Raises:
        CellExecutionError: If a cell raises.
        FileNotFoundError: If the page did not make a folder that its header names.
    """
    for folder in page.makes:
        shutil.rmtree(WORK / folder, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    trace = CACHE / "trace.txt"
    trace.unlink(missing_ok=True)
    notebook = page.notebook()
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_SETUP))
    notebook.cells.append(nbformat.v4.new_code_cell(_END))
    started = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=SECONDS_OF_A_CELL,
        allow_errors=False,
        resources={"metadata": {"path": str(WORK)}},
        extra_arguments=[
            "--log-level=ERROR"
        ],  # else the kernel warns that it listens on a port of this machine
    )
    client.execute(env=_environment(trace))
    seconds = time.perf_counter() - started
    del notebook.cells[0], notebook.cells[-1]
    for number, cell in enumerate(_code_cells(notebook)):
        cell.execution_count = number + 1
        cell.metadata.pop("execution", None)  # times of day, different each time
        cell.outputs = joined(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "stream":  # no paths of this machine on the site
                output.text = output.text.replace(f"{WORK}/", "").replace(
                    str(cache_folder()), "~/.cache/gpt_toolkit"
                )
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number + 1
    for folder in page.makes:
        if not (WORK / folder).is_dir():
            raise FileNotFoundError(
                f"{page.path}: folder not made: {folder}; expected all of the header's makes"
            )
    read = sorted({name for name in trace.read_text(encoding="utf-8").splitlines() if _counts(name)})
    facts = {
        "key": _key(page, pages),
        "seconds": seconds,
        "files": {name: _hash_of(ROOT / name) for name in read},
    }
    path = CACHE / "pages" / f"{page.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return seconds


def _environment(trace: Path) -> dict[str, str]:
    paths = [str(MAKING / "tracing"), *filter(None, [os.environ.get("PYTHONPATH")])]
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PATH": os.pathsep.join(programs),
        "PYTHONWARNINGS": "ignore",
        "MATPLOTLIBRC": str(MAKING / "matplotlibrc"),
        "COLUMNS": "100",
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "DOCS_ROOT": str(ROOT),
        "DOCS_TRACE": str(trace),
    }


def _key(page: Page, pages: dict[str, Page]) -> str:
    """Return a hash of everything that is known before a page is run."""
    parts = [_SETUP, (MAKING / "matplotlibrc").read_text(encoding="utf-8"), sys.version]
    parts += [_meaning(cell.source) for cell in _code_cells(page.notebook())]
    parts += [f"{name} {version(name)}" for name in _libraries()]
    for needed in page.needs:
        for folder in pages[needed].makes:
            weights = sorted((WORK / folder).rglob("*.safetensors"))
            parts += [f"{path.name} {_hash_of(path)}" for path in weights]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _meaning(code: str) -> str:
    """Return the code without comments and layout, which change no output."""
    try:
        return ast.dump(ast.parse(code))
    except SyntaxError:  # for cells in another language
        return code


def _libraries() -> list[str]:
    wanted = [Requirement(text) for text in requires("gpt-toolkit") or []]
    return sorted(each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""}))


def _counts(name: str) -> bool:
    ending = Path(name).suffix
    return not name.startswith(_IGNORED) and ending != ".pyc" and (ROOT / name).is_file()


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def chosen(names: Sequence[str], pages: dict[str, Page]) -> set[str]:
    """Return the named pages and those that they need; all if none is named."""
    wanted = set(names or pages)
    for name, page in reversed(pages.items()):  # a page comes after those that it needs
        wanted |= set(page.needs) if name in wanted else set()
    return wanted


def main(names: Sequence[str]) -> int:
    """Run those of the named pages and the pages that they need, or of all, that are not current."""
    pages = all_pages()
    if unknown := set(names) - set(pages):
        print(f"page: {', '.join(sorted(unknown))}; expected one of {', '.join(pages)}", file=sys.stderr)
        return 2
    wanted = chosen(names, pages)
    total, failed = 0.0, set[str]()
    for name, page in pages.items():
        if name not in wanted:
            continue
        if failed & set(page.needs):
            failed.add(name)
            continue
        if is_current(page, pages):
            print(f"{name}: current")
            continue
        print(f"{name}: ", end="", flush=True)
        try:
            seconds = execute(page, pages)
        except CellExecutionError as error:
            print(f"failed\n{without_colors(str(error))}")
            failed.add(name)
            continue
        total += seconds
        print(f"{seconds:.1f} s")
    print(f"pages run: {total:.0f} s")
    if failed:
        print(f"failed: {', '.join(sorted(failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
