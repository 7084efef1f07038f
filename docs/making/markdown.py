"""Conversion of an executed notebook to Markdown for MkDocs."""

from __future__ import annotations

import re
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_INK = "#010203"  # of docs/making/matplotlibrc
_SVG_ID = re.compile(r'(\bid="|xlink:href="#|url\(#)')
_PROLOGUE = re.compile(r"\A.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def without_colors(text: str) -> str:
    """Return a terminal's text without color codes."""
    return _ANSI.sub("", text)


def joined(outputs: list[Any]) -> list[Any]:
    """Join printed pieces into one output, as a terminal shows them at the end."""
    whole: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and whole and whole[-1].output_type == "stream":
            whole[-1].text += output.text
        else:
            whole.append(output.copy())
    for output in whole:
        if output.output_type == "stream":
            output.name = "stdout"
            lines = without_colors(output.text).split("\n")
            output.text = "\n".join(line.rsplit("\r", 1)[-1].rstrip() for line in lines).strip("\n") + "\n"
    return whole


def to_markdown(notebook: Any, name: str) -> str:
    """Return the page's text.

    A code cell may have tags: ``fold`` collapses its code, ``hide`` omits the code from the page (it stays
    in the notebook). A cell that draws has ``alt``, a description of the figure.

    Args:
        notebook: Notebook with outputs.
        name: Name of the page, for ids and messages.

    Raises:
        ValueError: If a figure has no ``alt``, or the site does not support the type of an output.
    """
    parts = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            if "hide" not in tags:
                parts.append(_code(cell.source, folded="fold" in tags))
            parts += [_output(output, cell, f"{name}-{number}") for output in cell.outputs]
    return "\n\n".join(part for part in parts if part) + "\n"


def _code(source: str, *, folded: bool) -> str:
    language = "python"
    if source.startswith("%%bash\n"):
        source, language = source.removeprefix("%%bash\n"), "bash"
    block = _fence(source, language)
    if not folded:
        return block
    indented = "\n".join(f"    {line}" if line else "" for line in block.splitlines())
    return f'??? code "Code"\n\n{indented}'


def _output(output: Any, cell: Any, where: str) -> str:
    if output.output_type == "stream":
        return _text(output.text)
    data = output.data
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if "image/svg+xml" in data:
        if not (alt := cell.metadata.get("alt")):
            raise ValueError(f"{where}: figure without a description; expected one; give its cell an alt")
        return _figure(data["image/svg+xml"], alt, where)
    if "text/plain" in data:
        return _text(data["text/plain"])
    raise ValueError(f"{where}: output of type {', '.join(data)}; expected text, Markdown or SVG")


def _text(text: str) -> str:
    if not text.strip():
        return ""
    return f'<div class="output" markdown>\n\n{_fence(text.rstrip(), "text")}\n\n</div>'


def _fence(text: str, language: str) -> str:
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{marks}{language}\n{text}\n{marks}"


def _figure(svg: str, alt: str, where: str) -> str:
    """Return the drawing as inline SVG, so that its color follows the page's."""
    svg = _METADATA.sub("", _PROLOGUE.sub("", svg)).replace(_INK, "currentColor")
    svg = _SVG_ID.sub(lambda found: f"{found[1]}{where.replace('/', '-')}-", svg)
    alt = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{alt}"', 1)
    svg = re.sub(r"\n\s*", " ", svg)
    return f'<div class="figure" data-search-exclude>{svg}</div>'
