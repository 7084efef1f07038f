"""Page of a run's report: one HTML file with figures as SVG, for light and dark screens of any width."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from gpt_toolkit.io import write_text

Curve = list[tuple[int, float]]
"""Steps and values."""

_COLORS = {"ink": "#010101", "grid": "#020202", "first": "#030303", "second": "#040404"}
"""Placeholders in matplotlib's SVG, replaced by the page's colors, which follow light and dark."""

_STYLE = Path(__file__).with_suffix(".css")


class Chart(NamedTuple):
    """A figure of one or more curves over the steps.

    Attributes:
        title: Caption.
        unit: Label of the vertical axis.
        curves: Values by name.
        lines: Constant values to compare with, by name.
        from_zero: True if the vertical axis begins at 0.
    """

    title: str
    unit: str
    curves: Mapping[str, Curve]
    lines: Mapping[str, float] = {}
    from_zero: bool = False


class ReportPage:
    """The page of a run, made part by part.

    Args:
        name: Name of the run.
        lead: Sentence about the run.
    """

    def __init__(self, name: str, lead: str) -> None:
        self._title = f"{name}: report of a training run"
        self._parts = [f"<h1>{html.escape(name)}</h1><p class=lead>{html.escape(lead)}</p>"]

    def add_facts(self, facts: Mapping[str, str]) -> None:
        """Add boxes with a name and a value each."""
        items = (f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in facts.items())
        self._parts.append(f"<dl class=facts>{''.join(items)}</dl>")

    def add_charts(self, charts: Iterable[Chart]) -> None:
        """Add figures side by side, or one below the other on a narrow screen."""
        figures = (
            f"<figure>{as_svg(chart)}<figcaption>{html.escape(chart.title)}</figcaption></figure>"
            for chart in charts
            if any(chart.curves.values())
        )
        self._parts.append(f"<h2>Curves</h2><div class=charts>{''.join(figures)}</div>")

    def add_table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a table; the first column is of names, the others are of numbers."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>" for row in rows)
        self._parts.append(f"<h2>{html.escape(title)}</h2><table><tr>{head}</tr>{body}</table>")

    def add_texts(self, title: str, texts: Iterable[str]) -> None:
        """Add texts that the model generated."""
        quotes = []
        for text in texts:
            paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
            quotes.append(f"<blockquote>{paragraphs}</blockquote>")
        self._parts.append(f"<h2>{html.escape(title)}</h2>{''.join(quotes)}")

    def add_details(self, title: str, text: str) -> None:
        """Add a text in a font of fixed width that is folded away."""
        self._parts.append(
            f"<h2>{html.escape(title)}</h2><details><summary>show</summary><pre>{html.escape(text)}</pre></details>"
        )

    def write(self, path: Path) -> None:
        """Write the page."""
        write_text(
            path,
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self._title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style>"
            "<body><main>"
            f"{''.join(self._parts)}</main></body></html>\n",
        )


def as_svg(chart: Chart) -> str:
    """Return a chart as SVG whose colors are variables of the page."""
    colors = _COLORS
    settings: Any = {"svg.fonttype": "none", "font.size": 11, "font.family": "sans-serif"}
    settings |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), colors["ink"])
    with mpl.rc_context({**settings, "axes.edgecolor": colors["grid"], "grid.color": colors["grid"]}):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        for (name, curve), color in zip(chart.curves.items(), ("first", "second"), strict=False):
            marker = "o" if len(curve) < 30 else ""
            if curve:
                axes.plot(
                    *zip(*curve, strict=True), marker=marker, markersize=4, color=colors[color], label=name
                )
        for name, value in chart.lines.items():
            axes.axhline(value, linestyle="--", linewidth=1, color=colors["ink"], alpha=0.6)
            place = (0.99, value)
            axes.annotate(
                name, place, xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=10
            )
        axes.set(xlabel="step", ylabel=chart.unit)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.6)
        if chart.from_zero:
            axes.set_ylim(bottom=0)
        if len(chart.curves) > 1:
            axes.legend(frameon=False, loc="upper right")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for name, color in colors.items():
        text = text.replace(color, f"var(--{name})")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(chart.title)}"', 1)
