"""``gpt-toolkit agree``: compare this toolkit with other programs on one model, token by token.

The same texts are scored by this toolkit, transformers, lm-eval, llama.cpp and CTranslate2 in float32. A
program that is not installed is named with the line that installs it. The largest and the mean difference of
a log-probability are printed and written to agreement.json beside the weights. The exit code is 1 if a
program differs by more than 1e-4 (llama.cpp: 5e-3).
"""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  gpt-toolkit agree runs/own/model
  gpt-toolkit agree gpt2 --texts letters.txt --output gpt2.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help="model folder, checkpoint or hub id")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="lines (.txt) or records with text (default: Storyworld)"
    )
    parser.add_argument("--n", type=int, default=200, help="largest number of texts (default: %(default)s)")
    parser.add_argument(
        "--tokens", type=int, default=64, help="largest number of tokens of a text (default: %(default)s)"
    )
    parser.add_argument(
        "--engines", help="names of programs, separated by commas (default: all that are installed)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="file of the report")


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code: 1 if a program differs."""
    from gpt_toolkit.analysis.agreement import as_json, measure, read_texts, report_path
    from gpt_toolkit.analysis.engines import ENGINES
    from gpt_toolkit.evaluation.score_report import plain_table
    from gpt_toolkit.io import write_json
    from gpt_toolkit.progress import output_console
    from gpt_toolkit.suggestions import did_you_mean

    for name in ("n", "tokens"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} {getattr(args, name)}: expected at least 1")
    engines = args.engines.split(",") if args.engines else None
    for name in engines or ():
        if name not in ENGINES:
            raise ValueError(
                f"--engines {name}: unknown program{did_you_mean(name, ENGINES)}; expected "
                f"{', '.join(ENGINES)}"
            )
    texts, origin = read_texts(args.texts, args.n)
    found = measure(args.model, texts, args.tokens, engines)
    table = plain_table("program", "version", "compared", right=("n", "largest", "mean"))
    table.add_column("")
    for each in found:
        if each.was_skipped:
            table.add_row(each.engine, "", "skipped", "", "", "", each.note)
        else:
            verdict = ("agrees" if each.agrees else "differs") + (f": {each.note}" if each.note else "")
            numbers = (f"{each.n:,}", f"{each.largest:.1e}", f"{each.mean:.1e}")
            table.add_row(each.engine, each.version, each.measured, *numbers, verdict)
    console = output_console()
    console.print(table)
    console.print(f"{len(texts):,} texts, {origin}; differences of log-probability in nats; float32")
    if (path := args.output or report_path(args.model)) is not None:
        write_json(path, as_json(args.model, origin, len(texts), found))
        console.print(f"{path}: written", soft_wrap=True)
    return 0 if all(each.agrees for each in found) else 1
