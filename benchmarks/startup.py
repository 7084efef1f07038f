"""Time of `gpt-toolkit --help`, compared with an empty Python program and with litgpt; in turns.

    python benchmarks/startup.py --output startup.json
    python benchmarks/startup.py --litgpt ENVIRONMENT/bin/litgpt

The bound is an empty Python program in the same environment. litgpt needs older versions of our
dependencies, so install it in a separate environment and give the path of its command.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.side_by_side import argument_parser, in_turns, keep, parse, print_machine, print_table, stamp

OURS, EMPTY, LITGPT, TORCH = "gpt-toolkit --help", "empty Python", "litgpt --help", "import torch"
TARGET_S = 0.4


def commands(litgpt: Path | None) -> dict[str, list[str]]:
    """Return the contestants' command lines."""
    python = sys.executable
    found = {
        OURS: [str(Path(python).with_name("gpt-toolkit")), "--help"],
        EMPTY: [python, "-c", "pass"],
        TORCH: [python, "-c", "import torch"],
    }
    if litgpt is not None:
        found[LITGPT] = [str(litgpt), "--help"]
    return found


def measure(litgpt: Path | None, rounds: int, *, warm_up: bool) -> dict[str, Any]:
    """Measure the seconds of all contestants; the warm-up caches their files and compiles bytecode."""

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    contestants = {name: partial(run, command) for name, command in commands(litgpt).items()}
    if warm_up:
        in_turns(contestants, 1)
    seconds = in_turns(contestants, rounds)
    times = {name: median(each) for name, each in seconds.items()}
    return {
        "median_seconds": times,
        "target_seconds": TARGET_S,
        "ratio": {name: times[OURS] / times[name] for name in times if name != OURS},
        "seconds": seconds,
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=15)
    parser.add_argument("--litgpt", type=Path, metavar="COMMAND", help="compare with this litgpt command")
    args = parse(parser, argv)
    about = stamp([])
    found = measure(args.litgpt, 1 if args.quick else args.rounds, warm_up=not args.quick)
    print_machine(about)
    rows = [
        [name, 1000 * value, found["ratio"].get(name, 1.0)] for name, value in found["median_seconds"].items()
    ]
    print_table(["", "ms", "ours to it"], rows)
    keep(args, {"machine": about, **found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
