"""Common parts of the benchmarks: turns of contestants, machine description, memory bandwidth, tables.

Other programs and clock changes affect consecutive measurements alike. So contestants take turns, and the
result is the median and the ratio of medians, not the best time of each.
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

from gpt_toolkit.hardware import choose_precision, is_native, processor_name, usable_cores

CPU = torch.device("cpu")
PRECISIONS = ("32-true", "bf16-mixed")
"""Values of ``--precision``, as Lightning's Trainer names them."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""Values of ``--dtypes``."""


def in_turns(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Measure the seconds of each contestant in each round; every second round is in reverse order.

    Each runs once before, unmeasured.
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
    """Measure the median of the bytes per second that the processor reads from uncached memory.

    Args:
        n_bytes: Bytes to read; as many as the compared work reads.
        rounds: Number of reads.
    """
    memory = torch.ones(max(1, n_bytes // 8), dtype=torch.int64)
    [seconds] = in_turns({"read": memory.max}, rounds).values()
    return memory.nbytes / median(seconds)


def stamp(packages: Sequence[str]) -> dict[str, Any]:
    """Return the time, the machine and the versions of a measurement that begins.

    :func:`keep` adds the load at its end.
    """
    versions = {}
    for package in ("gpt-toolkit", "torch", *packages):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "load_before": _load(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _load() -> float | None:
    """Return the number of processes that ran or waited to run in the last minute; None on Windows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns that fit their content, with numbers aligned to the right."""
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
    """Write a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def argument_parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark.

    Args:
        description: Text of the module.
        rounds: Default number of rounds.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help="measure N rounds (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="use N threads in torch (default: torch's choice)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report to this JSON file")
    parser.add_argument(
        "--quick", action="store_true", help="run a tiny version that checks that everything works"
    )
    return parser


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add ``--precision``, for benchmarks that train."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=choose_precision(CPU).name,
        help="train all contestants in this precision (default: this machine's, %(default)s)",
    )


def add_dtypes(parser: argparse.ArgumentParser) -> None:
    """Add ``--dtypes``, for benchmarks that measure several types."""
    default = [name for name, dtype in DTYPES.items() if is_native(dtype, CPU)]
    parser.add_argument(
        "--dtypes",
        nargs="+",
        choices=DTYPES,
        default=default,
        help=f"measure these types (default: those with instructions on this machine, {' '.join(default)})",
    )


def has_bf16() -> bool:
    """Return whether this CPU has bf16 instructions."""
    return is_native(torch.bfloat16, CPU)


def autocast(precision: str) -> torch.autocast:
    """Return the context of a training step under a value of ``--precision``."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the options and set torch's threads."""
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    return args


def print_machine(about: Mapping[str, Any]) -> None:
    """Print the line above every table."""
    print(f"{about['processor']}, {about['threads']} of {about['cores']} cores, {about['versions']}")


def keep(args: argparse.Namespace, report: Mapping[str, Any]) -> None:
    """Write the report, with the machine's final load, to the file of ``--output``."""
    if args.output:
        machine = {**report["machine"], "load_after": _load()}
        write_report(args.output, {**report, "machine": machine})
        print(f"report: {args.output}")
