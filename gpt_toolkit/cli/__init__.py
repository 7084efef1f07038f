"""Command line: the Trainer's verbs by LightningCLI, each other verb in a module of its name.

Only the module of the verb that runs is imported, so that ``--help`` is fast.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from gpt_toolkit.cli.typed_options import name_options
from gpt_toolkit.suggestions import nearest

TRAINER_VERBS = {
    "fit": "train and validate a model",
    "validate": "compute loss or scores on the validation split",
    "test": "compute loss or scores on the test split",
    "predict": "label new texts, or write bits of words; with a config also losses and answers to prompts",
    "prepare": "write the token shards of a config's text, as fit would",
    "doctor": "dry-run fit: check data, memory and time; --ckpt describes a checkpoint",
}
COMMANDS = {
    "agree": "compare this toolkit with other programs on one model, token by token",
    "configs": "list the configs of the package and the presets, or print a config",
    "compare": "compare runs or scores with their noise: difference, interval, p, steps to a target",
    "convert": "write a model folder from GPT-1 or GPT-2 weights of any origin",
    "exercise": "write a part of the models yourself, and have it checked",
    "generate": "generate text from a model",
    "look": "show what a model computes on a text: surprisal, layers, heads, patching",
    "overlap": "measure how much of a test text is in a training corpus (GPT-2 §4)",
    "report": "report on a pre-training run: curve, n-gram model, texts, zero-shot scores",
    "scaling": "fit a scaling law to pre-training runs: loss over parameters, tokens or compute",
    "tables": "make GPT-1's Tables 2 to 5 and Figure 2 from Storyworld runs and your own",
    "tokenizer": "train a vocabulary; encode and decode text",
    "zero-shot": "run benchmarks of both papers on any model, without training",
    "completion": "print a script that completes verbs, options and configs in a shell",
    "schema": "print a JSON Schema of the YAML files, for editors",
}
MEANT_VERBS = {
    **dict.fromkeys(("train", "pretrain", "pre-train", "resume"), "fit"),
    **dict.fromkeys(("finetune", "fine-tune"), "fit --config text/finetune"),
    **dict.fromkeys(("eval", "evaluate", "score"), "test (the run's own data) or zero-shot (benchmarks)"),
    **dict.fromkeys(("benchmark", "lm-eval", "lm_eval"), "zero-shot"),
    **dict.fromkeys(("sample", "chat", "complete", "write"), "generate"),
    **dict.fromkeys(("classify", "infer", "inference"), "predict"),
    **dict.fromkeys(("export", "import", "download"), "convert"),
    **dict.fromkeys(("encode", "decode", "tokenize"), "tokenizer"),
    **dict.fromkeys(("check", "dry-run", "memory"), "doctor"),
    **dict.fromkeys(("config", "list", "presets", "models"), "configs"),
}
"""Verbs of other programs, and what does the same here."""

EPILOG = """\
examples:
  gpt-toolkit fit --config storyworld/quickstart
  gpt-toolkit fit --config text/own --data.files letters.txt
  gpt-toolkit test --config runs/own/config.yaml --ckpt_path best
  gpt-toolkit generate runs/own/model --prompt "Dear"
  gpt-toolkit fit --config text/finetune --model.init_from runs/own/model --data.sets reviews.csv
  gpt-toolkit predict runs/finetune unlabeled.csv
  gpt-toolkit zero-shot runs/own/model

gpt-toolkit VERB --help tells more; gpt-toolkit fit --config NAME --print_config shows every setting.
"""


TRACEBACK_VARIABLE = "GPT_TOOLKIT_TRACEBACK"
"""Environment variable that shows where an error was raised."""


class UsageError(Exception):
    """Error of a command line or a config that names something that does not exist."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; default: those of the process.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for wrong usage, 130 for Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _replace_unknown_characters()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help(), end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(version("gpt-toolkit"))
        return 0
    _shorten_spinning()
    try:
        return _run(arguments[0], arguments[1:])
    except UsageError as error:
        print(f"gpt-toolkit: {name_options(str(error), arguments[1:])}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of standard output, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, MemoryError) as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        print(f"gpt-toolkit: {name_options(str(error), arguments[1:])}", file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE) or _comes_from_user_code(error):
            raise
        print(f"gpt-toolkit: {_describe_internal_error(error)}", file=sys.stderr)
        return 1


def _comes_from_user_code(error: Exception) -> bool:
    """Return whether a class of the user's own has a part in an error, which needs its traceback."""
    paths = sysconfig.get_paths()
    installed = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed.append(str(Path(__file__).parents[1]))
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)[1:]]
    return any(not file.startswith(("<", *installed)) for file in files)


def _describe_internal_error(error: Exception) -> str:
    """Return one line on an error that no message of the toolkit foresees."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    message = " ".join(f"{type(error).__name__}: {error}".split())
    advice = f"please report it with the command and what it prints under {TRACEBACK_VARIABLE}=1"
    return f"internal error: {message[:300]} ({place}); {advice}"


def _replace_unknown_characters() -> None:
    """Let standard output replace characters that its encoding lacks.

    On Windows, redirected output has a code page of 256 characters, and models write any character.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="replace")


def _shorten_spinning() -> None:
    """Shorten the time for which torch's CPU threads spin while they wait for one another.

    GNU's OpenMP lets them spin for milliseconds. If another program uses one of the cores, the thread that
    all wait for cannot run, and a step takes twenty times as long. The count is the smallest that costs
    nothing on an idle machine. It is read when torch is loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "5000")


def _run(verb: str, arguments: list[str]) -> int:
    uses_config = verb in TRAINER_VERBS and not (verb == "predict" and _names_model(arguments))
    if uses_config:
        module = "doctor" if verb == "doctor" else "lightning_cli"
        command = importlib.import_module(f"gpt_toolkit.cli.{module}")
        return int(command.run(verb, arguments))
    if verb in COMMANDS or verb in TRAINER_VERBS:
        command = importlib.import_module(f"gpt_toolkit.cli.{verb.replace('-', '_')}")
        parser = _CommandParser(f"gpt-toolkit {verb}", description=command.__doc__, allow_abbrev=False)
        command.add_arguments(parser)
        try:
            return int(command.run(parser.parse_args(arguments)))
        except SystemExit as stop:  # --help
            return int(stop.code or 0)
    if verb in MEANT_VERBS:
        raise UsageError(f"no verb {verb!r}: did you mean {MEANT_VERBS[verb]}?")
    raise UsageError(f"no verb {verb!r}{nearest(verb, [*TRAINER_VERBS, *COMMANDS])}")


def _names_model(arguments: list[str]) -> bool:
    """Return whether ``predict`` is called with a MODEL, or for help on that, rather than with a config."""
    return bool(arguments) and (not arguments[0].startswith("-") or arguments in (["-h"], ["--help"]))


class _CommandParser(argparse.ArgumentParser):
    """Parser that raises where argparse prints its usage and exits."""

    def error(self, message: str) -> NoReturn:
        verb = self.prog.removeprefix("gpt-toolkit ")
        if unknown := re.search(r"unrecognized arguments: (-\S+)", message):
            name = unknown[1].partition("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            raise UsageError(f"{verb}: no option {name}{nearest(name, options)}")
        if unknown := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            choices = re.findall(r"[-\w]+", unknown[2])
            raise UsageError(f"{verb}: no {unknown[1]!r}{nearest(unknown[1], choices)}")
        raise UsageError(f"{verb}: {message}")


def _help() -> str:
    parser, verbs = top_parser()
    for name, summary in (TRAINER_VERBS | COMMANDS).items():
        verbs.add_parser(name, help=summary)
    return parser.format_help()


def top_parser() -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser of the toolkit without verbs, and argparse's object that verbs are added to."""
    parser = argparse.ArgumentParser(
        "gpt-toolkit",
        description="GPT-1 and GPT-2: pre-training, fine-tuning and zero-shot evaluation on one backbone.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser, parser.add_subparsers(title="verbs", metavar="VERB")
