"""The wording of Storyworld: text files with the phrases of all texts, read when first needed.

To change what Storyworld says, edit the TOML files of this folder. In them a multi-line string is a list with
one phrase a line, and a slot in braces stands for what the code fills in. The head of each file explains its
slots.

A change of any phrase changes texts: raise ``storyworld.VERSION`` and ``datasets.EXAMPLES_VERSION``, by which
caches tell old texts from new ones.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """Return the tables of a wording file.

    Args:
        name: Name of the file without its ending.

    Returns:
        The tables by key. A multi-line string is a tuple of its lines, an array is a tuple.
    """
    path = Path(__file__).with_name(f"{name}.toml")
    tables: dict[str, Any] = _convert(tomllib.loads(path.read_text(encoding="utf-8")))
    return tables


def _convert(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _convert(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_convert(item) if isinstance(item, dict) else item for item in value)
    return tuple(value.splitlines()) if "\n" in value else value


def words(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split a text, or a list of lines, at its spaces."""
    return tuple(text.split() if isinstance(text, str) else " ".join(text).split())


def halves(line: str) -> tuple[str, ...]:
    """Split a line at its bars."""
    return tuple(line.split(" | "))
