"""Formulas of Markdown as MathML, which browsers render without a script or a font."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

_CODE_OR_FORMULA = re.compile(
    r"^(?P<fence> *`{3,})[^`\n]*\n.*?^(?P=fence) *$|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?! )(?P<inline>[^$\n]+?)(?<! )\$(?![\w$])",
    re.DOTALL | re.MULTILINE,
)
_MARKUP = str.maketrans({mark: f"&#{ord(mark)};" for mark in "*_|`[]\\"})


def with_formulas(markdown: str) -> str:
    """Return Markdown with its formulas, ``$...$`` and ``$$...$$`` outside code, as MathML."""
    return _CODE_OR_FORMULA.sub(_formula, markdown)


def _formula(found: re.Match[str]) -> str:
    is_inline = found["inline"] is not None
    latex = found["inline"] or found["block"]
    if latex is None:  # code
        return found[0]
    mathml = convert(latex.strip(), display="inline" if is_inline else "block")
    if "<mi>&</mi>" in mathml or "<mi>\\" in mathml:
        raise ValueError(f"formula: {latex.strip()}; expected simpler LaTeX, without alignment")
    tag = "span" if is_inline else "div"
    return f'<{tag} class="formula">{mathml.translate(_MARKUP)}</{tag}>'
