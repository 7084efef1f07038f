"""``gpt-toolkit zero-shot``: what a model can do without training for it (GPT-2 §3; GPT-1 §5).

Every number stands beside the protocol that produced it, with its 95% interval, the papers' numbers and
what others have measured. Files of benchmarks lie in --root DIR, or come from the Hugging Face hub;
storyworld, the built-in world's benchmarks, needs neither.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit zero-shot runs/quickstart/model
  gpt-toolkit zero-shot gpt2 --benchmarks lambada,wikitext2 --protocols paper,lm-eval
  gpt-toolkit zero-shot gpt2 --benchmarks gpt2 --root DIR --output table.json
  gpt-toolkit zero-shot gpt2 --benchmarks wikitext2_raw --explain
  gpt-toolkit zero-shot gpt2-medium --figure sizes.png --beside small.json
  gpt-toolkit zero-shot gpt2 --benchmarks prompt:rte,prompt:reviews.csv --n_examples 5 --root DIR
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help="model folder, checkpoint or hub id")
    parser.add_argument(
        "--benchmarks",
        default="storyworld",
        help="names, groups (gpt2, gpt1, storyworld), YAML files of your own, or prompt:SET for a supervised "
        "set as text, with commas between",
    )
    parser.add_argument("--protocols", help="with commas between; all that apply, unless given")
    parser.add_argument(
        "--root", metavar="DIR", help="folder of the benchmarks' files; the hub, unless given"
    )
    parser.add_argument(
        "--no_check_files", action="store_true", help="take files that are no published variant as they are"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="rows of each benchmark, at most")
    parser.add_argument("--n_examples", type=int, metavar="K", help="examples in context")
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="type to compute in; float32 gives the same decisions on every machine (%(default)s)",
    )
    parser.add_argument("--devices", type=int, default=1, help="how many (1)")
    parser.add_argument("--batch_tokens", type=int, default=4096, help="tokens read at once (4096)")
    parser.add_argument("--seed", type=int, default=0, help="of examples and draws (0)")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="of running text: why the protocols' perplexities differ, one difference at a time",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="keep all scores and settings")
    parser.add_argument("--rows", type=Path, metavar="FILE.jsonl", help="keep every request and its answer")
    parser.add_argument(
        "--figure", type=Path, metavar="FILE.png", help="draw scores over size, as GPT-2 Figure 1"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.json",
        help="what --output has kept of models of other sizes, to be in the figure",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        FileNotFoundError: If the model or a benchmark's files are not there.
        ValueError: If a benchmark or protocol is unknown, or a file is damaged.
    """
    from gpt_toolkit.evaluation.run_benchmarks import run_benchmarks

    run_benchmarks(args)
    return 0
