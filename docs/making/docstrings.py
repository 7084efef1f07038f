"""Translation of the docstrings' reStructuredText into Markdown for MkDocs."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`(~?)([\w.]+)`")
_TABLE = re.compile(r"^=+(?: +=+)+\n(.*?)\n=+(?: +=+)+$", re.MULTILINE | re.DOTALL)


class Docstrings(Extension):  # type: ignore[misc]
    """Extension that turns roles into references and simple tables into Markdown tables."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring is not None:
            text = _ROLE.sub(_reference, obj.docstring.value)
            obj.docstring.value = _TABLE.sub(_table, text)


def _reference(found: re.Match[str]) -> str:
    short, path = bool(found[1]), found[2]
    shown = path.rpartition(".")[2] if short else path
    if not path.startswith("gpt_toolkit."):
        return f"`{shown}`"
    return f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>'


def _table(found: re.Match[str]) -> str:
    rows = [re.split(r" {2,}| (?=\S)", line, maxsplit=1) for line in found[1].split("\n")]
    return "\n".join(["| | |", "|---|---|", *(f"| {first} | {rest.strip()} |" for first, rest in rows)])
