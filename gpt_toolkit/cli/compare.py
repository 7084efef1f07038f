"""``gpt-toolkit compare``: compare models, and say whether their difference is more than noise.

RUN is the folder of a run of fit, or of fit --seeds. Runs that differ in the seed alone are one
configuration. Configurations are compared by paired seeds: their best validation, and the steps and the CPU
or GPU seconds to a target. Or RUN is a file of results of single examples, which zero-shot --rows or predict
wrote. Models are compared by paired examples. Each is compared with the first one. Runs that differ in the
data or protocol of their validation are refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit compare runs/adamw runs/muon
  gpt-toolkit compare runs/adamw runs/muon --target 3.2 --seeds 5
  gpt-toolkit compare small.jsonl medium.jsonl --output difference.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders, or files of results")
    parser.add_argument(
        "--metric", metavar="NAME", help="metric of the validation (default: the monitored one, val_loss)"
    )
    parser.add_argument(
        "--target",
        type=float,
        metavar="X",
        help="value of the metric to reach (default: the worst of the runs' best values)",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="K", help="refuse fewer paired seeds than K (default: 1)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write the numbers")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.analysis.comparison import (
        compare_runs,
        comparisons_as_json,
        notes_of,
        settings_of,
        tables_of,
    )
    from gpt_toolkit.analysis.example_results import compare_examples
    from gpt_toolkit.analysis.training_runs import read_runs
    from gpt_toolkit.io import write_json
    from gpt_toolkit.progress import output_console

    for path in args.runs:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; expected a run or a file of results")
    are_files = [path.is_file() for path in args.runs]
    if len(set(are_files)) > 1:
        raise ValueError(
            f"{args.runs[0]} and {args.runs[are_files.index(not are_files[0])]}: a folder and a file; "
            "expected only runs, or only files of results"
        )
    changes: list[str] = []
    if are_files[0]:
        if len(args.runs) < 2:
            raise ValueError(f"{args.runs[0]}: one file; expected at least two to compare")
        if args.metric or args.target is not None or args.seeds > 1:
            raise ValueError("--metric, --target, --seeds: expected runs of fit; leave them out for files")
        names, found = [str(path) for path in args.runs], compare_examples(args.runs)
    else:
        groups, found = compare_runs(read_runs(args.runs), args.metric, args.target, args.seeds)
        names, changes = [group.name for group in groups], list(settings_of(groups))
    console = output_console()
    for table in tables_of(names, found):
        console.print(table)
        console.print()
    for note in (*notes_of(found), *changes):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if args.output is not None:
        write_json(args.output, {"comparisons": comparisons_as_json(names, found), "settings": changes})
    return 0
