"""``gpt-toolkit zero-shot``: score a model on benchmarks that it was not trained for (GPT-2 §3, GPT-1 §5).

Every number stands next to the protocol that produced it, with its 95% interval, the papers' numbers and the
measurements of others. Files of benchmarks lie in --root DIR, or come from the Hugging Face hub; storyworld,
the built-in world's benchmarks, needs neither. Answers are stored in the cache folder: an interrupted command
that is repeated computes what is missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit zero-shot runs/own/model
  gpt-toolkit zero-shot gpt2 --benchmarks lambada,wikitext2 --protocols paper,lm-eval
  gpt-toolkit zero-shot gpt2 --benchmarks gpt2 --root DIR --output table.json
  gpt-toolkit zero-shot gpt2 --benchmarks wikitext2_raw,hellaswag --explain
  gpt-toolkit zero-shot gpt2 --benchmarks core --root DIR
  gpt-toolkit zero-shot gpt2-medium --figure sizes.png --beside small.json
  gpt-toolkit zero-shot gpt2 --benchmarks prompt:rte,prompt:reviews.csv --n_examples 5 --root DIR
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help="model folder, checkpoint or hub id")
    parser.add_argument(
        "--benchmarks",
        help="names, groups (gpt2, gpt1, modern, core, storyworld), your own YAML files, prompt:SET for a "
        "supervised dataset as text, or held_out:RUN for the held-out text of a run; separated by commas "
        "(default: those with files in --root; else the held-out text of the model's run; else storyworld)",
    )
    parser.add_argument("--protocols", help="names, separated by commas (default: all that apply)")
    parser.add_argument("--root", metavar="DIR", help="folder of the benchmarks' files (default: the hub)")
    parser.add_argument(
        "--no_check_files", action="store_true", help="accept files that are not a published variant"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="largest number of items of each benchmark")
    parser.add_argument("--n_examples", type=int, metavar="K", help="number of examples in context")
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16", "int8"),
        default="float32",
        help="dtype of the computation; float32 gives the same decisions on every machine, int8 quantizes "
        "the matrices (default: %(default)s)",
    )
    parser.add_argument("--devices", type=int, default=1, help="number of devices (default: %(default)s)")
    parser.add_argument(
        "--batch_tokens", type=int, default=4096, help="tokens read at once (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of examples and sampled answers (default: %(default)s)"
    )
    parser.add_argument(
        "--no_store", action="store_true", help="compute all answers, and store none for a repeated command"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="explain why protocols give several perplexities or accuracies, one difference after the other",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write all scores and settings")
    parser.add_argument("--rows", type=Path, metavar="FILE.jsonl", help="write the result of every item")
    parser.add_argument(
        "--figure", type=Path, metavar="FILE.png", help="draw scores over model size, as GPT-2 Figure 1"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.json",
        help="add models of other sizes to the figure, from files that --output wrote",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.evaluation.run_benchmarks import run_benchmarks

    run_benchmarks(args)
    return 0
