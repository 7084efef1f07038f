"""Formulas as MathML, converted when the site is built; browsers render it without a script or a font."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

_SET = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])</(?P=tag)>',
    re.DOTALL,
)


def with_formulas(content: str) -> str:
    """Return a page's HTML with its formulas as MathML."""
    return _SET.sub(_formula, content)


def _formula(found: re.Match[str]) -> str:
    inline = found["inline"] is not None
    latex = html.unescape(found["inline"] if inline else found["block"]).strip()
    mathml = convert(latex, display="inline" if inline else "block")
    if "<mi>&</mi>" in mathml or "<mi>\\" in mathml:
        raise ValueError(f"formula: {latex}; expected simpler LaTeX, without alignment")
    tag = found["tag"]
    return f'<{tag} class="formula">{mathml}</{tag}>'
