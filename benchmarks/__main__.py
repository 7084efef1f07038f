"""Run the benchmarks and compare each ratio with the recorded one.

    python -m benchmarks --files BOOKS --tokenizer GPT2_FOLDER
    python -m benchmarks prepare startup
    python -m benchmarks --record

A ratio that is worse than the recorded one by a tenth fails. --record keeps what was measured as the record
and renews the table in docs/guides/speed.md. Ratios differ between machines: to guard another one, record
there into a folder of its own (--results).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import page
from benchmarks.guard import Verdict, compare, show
from benchmarks.ratios import BENCHMARKS
from benchmarks.side_by_side import write_report

READ_TEXT = ("prepare", "overlap")


def options_of(name: str, args: argparse.Namespace) -> list[str]:
    """What a benchmark is started with."""
    options = ["--quick"] if args.quick else []
    for option in ("rounds", "threads"):
        if (value := getattr(args, option)) is not None:
            options += [f"--{option}", str(value)]
    if name in READ_TEXT and args.files:
        options += ["--files", *args.files]
    if name == "prepare" and args.tokenizer:
        options += ["--tokenizer", args.tokenizer]
    if name == "startup" and args.litgpt:
        options += ["--litgpt", args.litgpt]
    return options


def run(name: str, options: list[str], folder: Path) -> dict[str, Any] | None:
    """A benchmark in a process of its own; its report, None if it failed."""
    path = folder / f"{name}.json"
    print(f"\n=== {name}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options, "--output", str(path)],
        cwd=page.ROOT,
        check=False,
    )
    if done.returncode or not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks; the exit code: 1 where a ratio has regressed or could not be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="text for prepare and overlap")
    parser.add_argument("--tokenizer", metavar="NAME", help="for prepare: a byte-level BPE")
    parser.add_argument("--litgpt", metavar="COMMAND", help="for startup: litgpt's, in its environment")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each contestant; each benchmark's own")
    parser.add_argument("--threads", type=int, metavar="N", help="torch's threads; its own choice")
    parser.add_argument("--results", type=Path, default=page.RESULTS, metavar="DIR", help="the records")
    parser.add_argument("--record", action="store_true", help="keep what is measured as the record")
    parser.add_argument("--quick", action="store_true", help="something tiny; nothing is compared")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if args.quick and args.record:
        parser.error("what --quick measures means nothing and cannot be a record")
    for given in ("files", "tokenizer", "litgpt"):  # a benchmark runs in the project's folder
        setattr(args, given, _absolute(getattr(args, given)))
    verdicts: list[Verdict] = []
    recorded = page.reports(args.results)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.names or BENCHMARKS:
            report = run(name, options_of(name, args), Path(folder))
            before = None if args.quick else recorded.get(name)
            verdicts += compare(name, before, report)
            if args.record and report is not None:
                write_report(args.results / f"{name}.json", report)
    print()
    passed = show(verdicts)
    if args.record:
        print(f"\nrecorded in {args.results}")
        if args.results == page.RESULTS:
            page.renew()
        return int(any(each.finding == "failed" for each in verdicts))
    return int(not passed)


def _absolute(given: Any) -> Any:
    if isinstance(given, list):
        return [str(_absolute(each)) for each in given]
    return str(Path(given).resolve()) if given and Path(given).exists() else given


if __name__ == "__main__":
    raise SystemExit(main())
