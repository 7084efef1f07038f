"""``gpt-toolkit report``: results of a pre-training run: curve, n-gram model, texts, zero-shot scores.

RUN is the folder of a run of ``fit``. The loss of its best model is compared with that of an n-gram model on
the same held-out tokens. For Storyworld, zero-shot scores are compared with guessing. Everything is printed
and written to RUN/report.html, one file that needs no network, with size, data, time, settings and figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of a run, such as runs/quickstart")
    parser.add_argument("--samples", type=int, default=3, help="number of texts to generate (3)")
    parser.add_argument("--max_new_tokens", type=int, default=250, help="tokens of each (250)")
    parser.add_argument("--order", type=int, default=5, help="longest n-gram; 0 skips the comparison (5)")
    parser.add_argument(
        "--tokens", type=int, default=50_000, help="held-out tokens of the comparison (50,000)"
    )
    parser.add_argument(
        "--limit", type=int, default=200, help="examples of each benchmark; 0 skips them (200)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.analysis.run_report import report

    report(
        args.run,
        n_samples=args.samples,
        max_new_tokens=args.max_new_tokens,
        order=args.order,
        n_tokens=args.tokens,
        limit=args.limit,
    )
    return 0
