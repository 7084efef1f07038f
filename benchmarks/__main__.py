"""Run the benchmarks and compare each ratio with the recorded one.

    python -m benchmarks --files BOOKS --tokenizer GPT2_FOLDER
    python -m benchmarks prepare startup
    python -m benchmarks --record

A ratio that is worse than the recorded one by a tenth fails. --record keeps what was measured as the record
and renews the tables in docs/guides/speed.md and README.md. Two machines have records: a CPU with bf16
instructions (docs/results) and one without (docs/results/avx2). The machine at hand selects the folder.
Ratios differ between machines: to guard a third one, record there into a custom folder (--results).
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
from benchmarks.side_by_side import CPU, PRECISIONS, has_bf16, write_report
from gpt_toolkit.hardware import choose_precision

READ_TEXT = ("prepare", "overlap")
TRAIN = ("training", "overhead", "finetune")
MEASURE_TYPES = ("generation", "lambada", "loss")
TYPES_OF = {"32-true": ["float32"], "bf16-mixed": ["float32", "bfloat16"]}
"""Types that are measured under a value of ``--precision``."""


def options_of(name: str, args: argparse.Namespace) -> list[str]:
    """Return the options of a benchmark."""
    options = ["--quick"] if args.quick else []
    for option in ("rounds", "threads"):
        if (value := getattr(args, option)) is not None:
            options += [f"--{option}", str(value)]
    if name in READ_TEXT and args.files:
        options += ["--files", *args.files]
    if args.precision and name in TRAIN:
        options += ["--precision", args.precision]
    if args.precision and name in MEASURE_TYPES:
        options += ["--dtypes", *TYPES_OF[args.precision]]
    if name == "prepare" and args.tokenizer:
        options += ["--tokenizer", args.tokenizer]
    if name == "startup" and args.litgpt:
        options += ["--litgpt", args.litgpt]
    return options


def run(name: str, options: list[str], folder: Path) -> dict[str, Any] | None:
    """Run a benchmark in its own process; return its report, or None if it failed."""
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
    """Run the benchmarks and return the exit code: 1 if a ratio has regressed or could not be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks to run: {', '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument(
        "--files",
        nargs="+",
        metavar="FILE",
        help="read this text in prepare and overlap (default: Storyworld)",
    )
    parser.add_argument(
        "--tokenizer", metavar="NAME", help="use this byte-level BPE in prepare (default: storyworld)"
    )
    parser.add_argument("--litgpt", metavar="COMMAND", help="compare startup with this litgpt command")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="measure N rounds (default: each benchmark's own)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="use N threads in torch (default: torch's choice)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="compute in this precision (default: the machine's)"
    )
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="read and keep records here (default: the machine's)"
    )
    parser.add_argument("--record", action="store_true", help="save the measurements as the record")
    parser.add_argument("--quick", action="store_true", help="run a tiny version; nothing is compared")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"benchmark: {', '.join(sorted(unknown))}; expected {', '.join(BENCHMARKS)}")
    if args.quick and args.record:
        parser.error("--record with --quick: expected one of both; figures of --quick mean nothing")
    own = choose_precision(CPU).name
    if args.record and args.results is None and args.precision not in (None, own):
        parser.error(
            f"--precision: {args.precision}; expected {own} for this machine's records; "
            "use --results for others"
        )
    for given in ("files", "tokenizer", "litgpt"):  # a benchmark runs in the project's folder
        setattr(args, given, _absolute(getattr(args, given)))
    verdicts: list[Verdict] = []
    results = args.results or page.RESULTS[page.WITH_BF16 if has_bf16() else page.WITHOUT_BF16]
    recorded = page.reports(results)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.names or BENCHMARKS:
            report = run(name, options_of(name, args), Path(folder))
            before = None if args.quick else recorded.get(name)
            verdicts += compare(name, before, report)
            if args.record and report is not None:
                write_report(results / f"{name}.json", report)
    print()
    passed = show(verdicts)
    if args.record:
        print(f"\nrecorded in {results}")
        if results in page.RESULTS.values():
            page.renew()
        return int(any(each.finding == "failed" for each in verdicts))
    return int(not passed)


def _absolute(given: Any) -> Any:
    if isinstance(given, list):
        return [str(_absolute(each)) for each in given]
    return str(Path(given).resolve()) if given and Path(given).exists() else given


if __name__ == "__main__":
    raise SystemExit(main())
