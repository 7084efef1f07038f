"""``gpt-toolkit overlap``: how much of a test text is in a training corpus (GPT-2 §4, table 6).

Both are compared as runs of eight words of letters and digits, in lower case. The share is that of the test
text's runs, each occurrence counted, that occur in the training corpus. The training corpus is read once and
takes no memory; --bloom keeps a filter of it instead, as the paper did.
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
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--test", nargs="+", default=[], metavar="FILE", help="test text: files, folders, globs"
    )
    parser.add_argument("--benchmarks", help="test sets by their names, with commas between")
    parser.add_argument(
        "--root", metavar="DIR", help="folder of the benchmarks' files; the hub, unless given"
    )
    parser.add_argument(
        "--train",
        nargs="+",
        action="append",
        required=True,
        metavar="FILE",
        help="training text: files, folders, globs; given again, another corpus with a row of its own",
    )
    parser.add_argument("--ngram", type=int, default=8, metavar="N", help="words of a run (8)")
    parser.add_argument("--text_field", default="text", help="field of a record that holds its text (text)")
    parser.add_argument("--bloom", action="store_true", help="keep a Bloom filter of the training corpus")
    parser.add_argument(
        "--bound", type=float, default=1e-8, help="share of false positives, with --bloom (1e-8)"
    )
    parser.add_argument(
        "--capacity", type=int, metavar="N", help="runs that the filter holds (judged by the files' size)"
    )
    parser.add_argument(
        "--documents", type=int, default=0, metavar="N", help="show the N documents that share most (0)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="keep all numbers, by document")


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If there is no test text, or a file's format is unknown.
    """
    from gpt_toolkit.analysis.overlap_report import report

    report(args)
    return 0
