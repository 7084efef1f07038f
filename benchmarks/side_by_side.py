"""What every benchmark needs: contestants in turns, the machine's stamp, its bandwidth, a table.

Another program on the machine, or a change of its clock, hits neighboring measurements alike. So contestants
take turns, and what counts is the median and the ratio of medians, not the best time of each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import torch


def in_turns(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; every second round goes the other way round.

    Let each run once before, unmeasured.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants)
        for name in names if number % 2 == 0 else reversed(names):
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def read_bandwidth(n_bytes: int, rounds: int = 9) -> float:
    """Bytes a second at which the processor reads memory that is in no cache: the median.

    Args:
        n_bytes: To read; as many as the work that is compared with it reads.
        rounds: Reads.
    """
    memory = torch.ones(max(1, n_bytes // 8), dtype=torch.int64)
    [seconds] = in_turns({"read": memory.max}, rounds).values()
    return memory.nbytes / median(seconds)


def stamp(packages: Sequence[str]) -> dict[str, Any]:
    """When and where this is measured, and with what."""
    versions = {}
    for package in ("gpt-toolkit", "torch", *packages):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {name.strip(): value.strip() for name, value in fields.items()}
    return values.get("model name", "unknown") + (
        ", AVX-512 bf16" if "avx512_bf16" in values.get("flags", "") else ""
    )


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as what they hold; numbers to the right."""
    cells = [list(heads), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    for row in cells:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
        )


def _cell(value: object) -> str:
    return (
        f"{value:,.1f}"
        if isinstance(value, float) and value >= 10
        else f"{value:.2f}"
        if isinstance(value, float)
        else str(value)
    )


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Keep a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def argument_parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options of every benchmark.

    Args:
        description: The module's text.
        rounds: Of each contestant, unless the user says otherwise.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help="of each contestant (%(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="torch's threads; its own choice unless given"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep everything measured, as JSON")
    parser.add_argument("--quick", action="store_true", help="something tiny once, to see that it runs")
    return parser


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the options and set torch's threads."""
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    return args


def print_machine(about: Mapping[str, Any]) -> None:
    """The line above every table."""
    print(f"{about['processor']}, {about['threads']} of {about['cores']} cores, {about['versions']}")


def keep(args: argparse.Namespace, report: Mapping[str, Any]) -> None:
    """Write the report where ``--output`` says."""
    if args.output:
        write_report(args.output, report)
        print(f"report: {args.output}")
