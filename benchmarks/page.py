"""The tables of docs/guides/speed.md and of the README, from the reports in docs/results.

python -m benchmarks.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.ratios import BENCHMARKS, Bound, Ratio, Report, read

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
PAGE, README = ROOT / "docs" / "guides" / "speed.md", ROOT / "README.md"
IN_README = (
    "training, 6 x 384, V 2,048",
    "training, 6 x 384, V 50,304",
    "training, GPT-2 124M, T 512",
    "fine-tuning, to random batches",
    "generation, bfloat16, batch 1",
    "LAMBADA, bfloat16",
    "prepare, to nanoGPT's way",
)
"""The ratios that the README shows."""

BEGIN, END = "<!-- table: made by python -m benchmarks.page -->", "<!-- end of table -->"


def reports(folder: Path = RESULTS) -> dict[str, Any]:
    """The recorded reports by the benchmarks' names, in the order of the page."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }


def table(recorded: dict[str, Any]) -> str:
    """Markdown: a row a ratio, then where and when each benchmark was run."""
    lines = ["| | ours | beside | | ratio | target |", "|---|--:|---|--:|--:|--:|"]
    for name, report in recorded.items():
        lines += [_row(ratio) for ratio in read(name, report)]
    missing = [name for name in BENCHMARKS if name not in recorded]
    lines += ["", *(_footer(name, report) for name, report in recorded.items())]
    if missing:
        lines.append(f"- not recorded yet: {', '.join(missing)}")
    return "\n".join(lines)


def short_table(recorded: dict[str, Any]) -> str:
    """Markdown: the few rows of the README."""
    found = {ratio.what: ratio for name, report in recorded.items() for ratio in read(name, report)}
    lines = ["| | ours | beside | | ratio |", "|---|--:|---|--:|--:|"]
    lines += [f"{_row(found[what]).rsplit('|', 2)[0]}|" for what in IN_README if what in found]
    return "\n".join(lines)


def _row(ratio: Ratio) -> str:
    sign = "≥" if ratio.higher_is_better else "≤"
    target = ""
    if isinstance(bound := ratio.target, Bound):
        unit = f" {ratio.unit}" if bound.of_ours else " x"
        target = f"{sign} {bound.value:g}{unit}" + ("" if ratio.met else ", **missed**")
    cells = [
        ratio.what,
        f"{_number(ratio.ours)} {ratio.unit}",
        ratio.beside,
        _number(ratio.other),
        f"{ratio.value:.2f}",
        target,
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _footer(name: str, report: Report) -> str:
    machine = report["machine"]
    versions = ", ".join(
        f"{package} {version}" for package, version in machine["versions"].items() if package != "gpt-toolkit"
    )
    text = f"; {setting['text']}, {setting['mb']:.1f} MB" if (setting := report.get("setting")) else ""
    return (
        f"- {name}: {machine['date'][:10]}, {machine['processor']}, {machine['threads']} threads, {versions}"
        f"{text}"
    )


def renewed(page: str, made: str) -> str:
    """The page with another table.

    Raises:
        ValueError: If the marks that enclose the table are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page has no table between {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def renew() -> None:
    """Write the tables into the pages."""
    recorded = reports()
    for path, made in ((PAGE, table(recorded)), (README, short_table(recorded))):
        text = renewed(path.read_text(encoding="utf-8"), made)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    renew()
