"""Tables of docs/guides/speed.md and of the README, made from the recorded reports of both machines.

python -m benchmarks.page
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.ratios import BENCHMARKS, Ratio, Report, read

ROOT = Path(__file__).resolve().parents[1]
WITH_BF16, WITHOUT_BF16 = "CPU with bf16", "CPU without bf16"
RESULTS: Mapping[str, Path] = {
    WITH_BF16: ROOT / "docs" / "results",
    WITHOUT_BF16: ROOT / "docs" / "results" / "avx2",
}
"""Folders of the records, by the title of their machine. Targets are set for the first one only."""
DTYPES = {WITH_BF16: "bfloat16", WITHOUT_BF16: "float32"}
"""The type in which each machine generates and scores fastest."""
PAGE, README = ROOT / "docs" / "guides" / "speed.md", ROOT / "README.md"


class Row(NamedTuple):
    """A row of the README's table.

    Args:
        label: First cell.
        ratio: Name of the ratio; ``{dtype}`` stands for the machine's type.
    """

    label: str
    ratio: str


IN_README = (
    Row("training, 6 x 384, V 2,048 (PyTorch loop)", "training, 6 x 384, V 2,048"),
    Row("training, 6 x 384, V 50,304 (PyTorch loop)", "training, 6 x 384, V 50,304"),
    Row("training, GPT-2 124M, T 512 (PyTorch loop)", "training, GPT-2 124M, T 512"),
    Row("fine-tuning (transformers, random batches)", "fine-tuning, to random batches"),
    Row("generation, batch 1 (transformers)", "generation, {dtype}, batch 1"),
    Row("generation, batch 8 (transformers)", "generation, {dtype}, batch 8"),
    Row("LAMBADA (lm-eval in fp32)", "LAMBADA, {dtype}"),
    Row("prepare (nanoGPT's way)", "prepare, to nanoGPT's way"),
)

BEGIN, END = "<!-- table: made by python -m benchmarks.page -->", "<!-- end of table -->"


def reports(folder: Path) -> dict[str, Report]:
    """Return the recorded reports by the benchmarks' names, in the order of the page."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }


def all_reports() -> dict[str, dict[str, Report]]:
    """Return the recorded reports of each machine."""
    return {title: reports(folder) for title, folder in RESULTS.items()}


def tables(recorded: Mapping[str, Mapping[str, Report]]) -> str:
    """Return the table of each machine under a heading, in Markdown."""
    return "\n\n".join(
        f"### {title}\n\n{table(of_machine, has_targets=title == WITH_BF16)}"
        for title, of_machine in recorded.items()
    )


def table(recorded: Mapping[str, Report], *, has_targets: bool) -> str:
    """Return a Markdown table with one row per ratio, followed by machine and date of each benchmark.

    Args:
        recorded: Reports of one machine.
        has_targets: Whether the targets apply to this machine.
    """
    lines: list[str] = []
    if recorded:
        lines = ["| | ours | peer | ratio | target |", "|---|--:|--:|--:|--:|"]
        if not has_targets:
            lines = ["| | ours | peer | ratio |", "|---|--:|--:|--:|"]
    for name, report in recorded.items():
        lines += [_row(ratio, has_targets=has_targets) for ratio in read(name, report)]
    if recorded:
        lines += ["", *(_footer(name, report) for name, report in recorded.items())]
    if missing := [name for name in BENCHMARKS if name not in recorded]:
        lines.append(f"- not recorded yet: {', '.join(missing)}")
    return "\n".join(lines)


def short_table(recorded: Mapping[str, Mapping[str, Report]]) -> str:
    """Return the README's table in Markdown: ours and the ratio, on each machine."""
    found = {
        title: {ratio.what: ratio for name, report in of_machine.items() for ratio in read(name, report)}
        for title, of_machine in recorded.items()
    }
    heads = ["", *(cell for title in recorded for cell in (title, "x peer"))]
    lines = [_line(heads), f"|---|{'--:|' * (len(heads) - 1)}"]
    for row in IN_README:
        cells = [row.label]
        for title, ratios in found.items():
            ratio = ratios.get(row.ratio.format(dtype=DTYPES[title]))
            cells += ["", ""] if ratio is None else [_ours(ratio), f"{ratio.value:.2f}"]
        lines.append(_line(cells))
    return "\n".join(lines)


def _row(ratio: Ratio, *, has_targets: bool) -> str:
    peer = f"{_number(ratio.other)} ({ratio.beside})"
    cells = [ratio.what, _ours(ratio), peer, f"{ratio.value:.2f}"]
    return _line([*cells, _target(ratio)] if has_targets else cells)


def _target(ratio: Ratio) -> str:
    if ratio.target is None:
        return ""
    sign = "≥" if ratio.higher_is_better else "≤"
    unit = f" {ratio.unit}" if ratio.target.of_ours else " x"
    return f"{sign} {ratio.target.value:g}{unit}" + ("" if ratio.met else ", **missed**")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ours(ratio: Ratio) -> str:
    return f"{_number(ratio.ours)} {ratio.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _footer(name: str, report: Report) -> str:
    machine = report["machine"]
    versions = [f"{package} {v}" for package, v in machine["versions"].items() if package != "gpt-toolkit"]
    computed_in = [report["precision"]] if "precision" in report else report.get("dtypes", [])
    cells = [machine["date"][:10], machine["processor"], f"{machine['threads']} threads"]
    text = f"; {setting['text']}, {setting['mb']:.1f} MB" if (setting := report.get("setting")) else ""
    return f"- {name}: {', '.join([*cells, *computed_in, *versions])}{text}"


def renewed(page: str, made: str) -> str:
    """Return the page with another table.

    Raises:
        ValueError: If the comments that enclose the table are missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"page: no table; expected one between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def renew() -> None:
    """Write the tables into the pages."""
    recorded = all_reports()
    for path, made in ((PAGE, tables(recorded)), (README, short_table(recorded))):
        text = renewed(path.read_text(encoding="utf-8"), made)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    renew()
