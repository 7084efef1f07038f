"""Tracing of project files, started by Python in a page's kernel and in every program that the page starts.

When a process ends, the project files that it has read are written to the file of ``DOCS_TRACE``. The page is
run again when one of these files has changed.
"""

import atexit
import os
import sys
from pathlib import Path

_ROOT = os.environ["DOCS_ROOT"] + os.sep
_opened: set[str] = set()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(path := arguments[0], (str, os.PathLike)):
        name = os.path.abspath(os.fspath(path))  # noqa: PTH100 - Path would follow links, and open files
        if isinstance(name, str) and name.startswith(_ROOT):
            _opened.add(name)


def write() -> None:
    """Write the names of the files that were read so far."""
    modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    names = {os.path.abspath(name) for name in modules if name} | _opened  # noqa: PTH100
    own = sorted(name.removeprefix(_ROOT) for name in names if name.startswith(_ROOT))
    with Path(os.environ["DOCS_TRACE"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in own)


if "DOCS_TRACE" in os.environ:
    sys.addaudithook(_watch)
    atexit.register(write)
