"""``gpt-toolkit look``: write a page that shows what a model computes on a text.

MODEL is a model folder, a .ckpt, or a hub id. The page is one HTML file, which needs no network. It shows the
surprisal of each token with the likeliest alternatives, the logit lens, the attention of each head, and roles
of heads. With --text2 it shows which layer and position make the difference between the two texts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit look gpt2 --text "When Mary and John went to the store, John gave a drink to"
  gpt-toolkit look runs/own/model --text "Anna has the key" --text2 "Bram has the key"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("model", metavar="MODEL", help="model folder, .ckpt, or hub id such as gpt2")
    add("--text", required=True, metavar="TEXT", help="text to look at")
    add(
        "--text2",
        metavar="TEXT",
        help="second text of as many tokens, to be patched from the first",
    )
    add("--answer", metavar="WORD", help="answer to --text, whose logit is compared (default: the likeliest)")
    add("--answer2", metavar="WORD", help="answer to --text2 (default: the likeliest)")
    add(
        "--output",
        type=Path,
        default=Path("look.html"),
        metavar="FILE.html",
        help="file to write (default: %(default)s)",
    )
    add("--device", default="auto", help="device to compute on: auto, cpu or cuda (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    if args.text2 is None and (args.answer or args.answer2):
        raise ValueError(
            "look: --answer without --text2; expected two texts to compare; give --text2, or no answer"
        )
    from gpt_toolkit.generation.language_model import load
    from gpt_toolkit.interpretability.look_report import look

    look(
        load(args.model, device=args.device),
        args.text,
        title=args.model,
        output=args.output,
        other_text=args.text2,
        answers=(args.answer, args.answer2),
    )
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.2f} MB; open it in a browser")
    return 0
