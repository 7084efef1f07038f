"""``gpt-toolkit scaling``: fit a scaling law to pre-training runs (GPT-2 Figures 1 and 4).

RUN is a folder that gpt-toolkit fit wrote. All runs need one tokenizer, one context length and one validation
text. The law gives the validation loss as a function of parameters, training tokens or compute, and is tested
by predicting the largest size from the others. Intervals are 95%, by a parametric bootstrap.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit scaling runs/scaling_*
  gpt-toolkit scaling runs/scaling_* --law kaplan --over compute --figure scaling.png --output scaling.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="folder of a finished run")
    parser.add_argument(
        "--law",
        choices=("kaplan", "chinchilla", "auto"),
        default="auto",
        help="form: power law, power law with an irreducible loss, or the one with the lower AICc (auto)",
    )
    parser.add_argument(
        "--over",
        choices=("parameters", "tokens", "compute", "both"),
        default="parameters",
        help="variables: parameters without embeddings, training tokens, training FLOPs, or both "
        "parameters and tokens (parameters)",
    )
    parser.add_argument(
        "--huber",
        type=float,
        default=0.01,
        metavar="DELTA",
        help="log residual from which on the loss of the fit is linear; inf: least squares (0.01)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write all numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="draw runs, law and interval")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.analysis.scaling_report import analyze, read_runs, warnings_of
    from gpt_toolkit.io import write_json

    if not args.huber > 0:
        raise ValueError(f"--huber: {args.huber:g}; expected a number above 0; inf gives least squares")
    runs = read_runs(args.runs)
    report = analyze(
        [run.point for run in runs],
        None if args.law == "auto" else args.law,
        args.over,
        huber_delta=args.huber,
        notes=warnings_of(runs),
    )
    report.print()
    if args.output is not None:
        write_json(args.output, report.to_json())
        print(f"{args.output}: written")
    if args.figure is not None:
        report.write_figure(args.figure)
        print(f"{args.figure}: written")
    return 0
