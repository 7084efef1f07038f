"""``gpt-toolkit overlap``: fraction of a test text that is in a training corpus (GPT-2 §4, Table 6).

Both are compared as 8-grams of lower-case words of letters and digits. The fraction is that of the test
text's 8-grams, each occurrence counted, that the training corpus has. The corpus is read once and takes no
memory; --bloom stores a filter of it instead, as in the paper.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit overlap --test ptb.test.txt --train ptb.train.txt.gz
  gpt-toolkit overlap --benchmarks lambada,wikitext2 --root DIR --train 'webtext/*.jsonl' --train wiki.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--test", nargs="+", default=[], metavar="FILE", help="test text: files, folders, globs"
    )
    parser.add_argument("--benchmarks", help="comma-separated names of benchmarks")
    parser.add_argument("--root", metavar="DIR", help="folder of the benchmarks' files (default: the hub)")
    parser.add_argument(
        "--train",
        nargs="+",
        action="append",
        required=True,
        metavar="FILE",
        help="training text: files, folders, globs; repeat the option for another corpus",
    )
    parser.add_argument("--ngram", type=int, default=8, metavar="N", help="words of an n-gram (8)")
    parser.add_argument("--text_field", default="text", help="field of a record with its text (text)")
    parser.add_argument("--bloom", action="store_true", help="store the training corpus in a Bloom filter")
    parser.add_argument(
        "--bound", type=float, default=1e-8, help="fraction of false positives, with --bloom (1e-8)"
    )
    parser.add_argument(
        "--capacity",
        type=int,
        metavar="N",
        help="n-grams of the filter (default: estimated from the size of the files)",
    )
    parser.add_argument(
        "--documents",
        type=int,
        default=0,
        metavar="N",
        help="print the N documents with the most overlap (0)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write all numbers, by document")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    from gpt_toolkit.analysis.overlap_report import report

    report(args)
    return 0
