"""``gpt-toolkit tables``: GPT-1's Tables 2 to 5 and Figure 2, the paper's numbers and yours.

The Storyworld counterparts of the datasets are run end to end: a backbone is pre-trained, fine-tuned on every
task with several seeds, and compared with the same network from scratch. Your own finished runs of published
datasets (gpt-toolkit fit --config gpt1/finetune_rte, then test) fill the paper's columns. Finished runs are
not repeated, and stopped ones resume.

With --frequency it makes another table instead: the score of planted facts against how often they stood in
the training text.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit tables --budget quick
  gpt-toolkit tables --seeds 3 --output runs/tables
  gpt-toolkit tables --model runs/quickstart/model --parts table5,figure2 --output runs/mine
  gpt-toolkit tables --tasks none --runs runs
  gpt-toolkit tables --seeds 3 --output runs/tables --no_start
  gpt-toolkit tables --frequency
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--parts", default="all", help="comma-separated: table2 to table5, figure2 (all)")
    parser.add_argument(
        "--tasks", default="all", help="comma-separated Storyworld tasks; none: only your own runs (all)"
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="runs of each fine-tuning (1)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="output folder (runs/tables; with --frequency runs/frequency)",
    )
    parser.add_argument(
        "--budget",
        choices=("quick", "standard", "full"),
        default="standard",
        help="size of the Storyworld runs: quick, minutes on 2 CPU cores; standard, some hours a seed; "
        "full, the configs unchanged, a day or a GPU (standard)",
    )
    parser.add_argument("--model", help="existing backbone (default: pre-train one)")
    parser.add_argument(
        "--pretrain",
        default="",
        metavar="OPTIONS",
        help="fit options of the backbone: '--trainer.max_steps 3000'",
    )
    parser.add_argument(
        "--finetune",
        default="",
        metavar="OPTIONS",
        help="fit options of fine-tuning: '--data.train_rows 500'",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="folders of your runs of published datasets, searched two levels deep (runs, if it exists)",
    )
    parser.add_argument(
        "--frequency",
        action="store_true",
        help="score facts that stood 0, 1, 10 and 100 times in the text; some minutes on 2 CPU cores",
    )
    parser.add_argument("--no_start", action="store_true", help="start no run: tables of existing results")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.analysis.paper_tables.catalog import PARTS, TASKS
    from gpt_toolkit.analysis.paper_tables.make_tables import make

    args.pretrain, args.finetune = shlex.split(args.pretrain), shlex.split(args.finetune)
    if args.frequency:
        from gpt_toolkit.analysis.paper_tables.fact_frequency import make_frequency_table

        _check_frequency(args)
        make_frequency_table(args.output or Path("runs/frequency"), args.pretrain)
        return 0
    args.output = args.output or Path("runs/tables")
    if args.seeds < 1:
        raise ValueError(f"--seeds: {args.seeds}; expected a number of at least 1, such as 3")
    if args.model and args.pretrain:
        raise ValueError(
            "--pretrain: given with --model; expected one of them; --pretrain is for the backbone that this "
            "command trains"
        )
    args.parts = _chosen("parts", args.parts, PARTS)
    args.tasks = [] if args.tasks == "none" else _chosen("tasks", args.tasks, list(TASKS))
    if args.runs is None:
        args.runs = [Path("runs")] if Path("runs").is_dir() else []
    make(args)
    return 0


def _check_frequency(args: argparse.Namespace) -> None:
    """Raise if an option is given that --frequency does not use."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    used = ("frequency", "output", "pretrain")
    unused = [
        name
        for name, value in vars(args).items()
        if name not in used and value and value != parser.get_default(name)
    ]
    if unused:
        raise ValueError(
            f"--frequency: given with --{', --'.join(unused)}; expected --output and --pretrain alone; leave "
            "the others out"
        )


def _chosen(option: str, text: str, known: Sequence[str]) -> list[str]:
    """Return the chosen names in their known order."""
    names = list(known) if text == "all" else [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"--{option}: no {', '.join(unknown)}; expected names of {', '.join(known)}")
    if not names:
        raise ValueError(f"--{option}: no names; expected some of {', '.join(known)}, comma-separated")
    return [name for name in known if name in names]
