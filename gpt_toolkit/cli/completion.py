"""``gpt-toolkit completion``: a script with which a shell completes verbs, options, values and config names.

The script holds all names, so that a completion starts no Python. Print it again after an update.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EPILOG = """\
bash:
  mkdir -p ~/.local/share/bash-completion/completions
  gpt-toolkit completion bash > ~/.local/share/bash-completion/completions/gpt-toolkit
zsh, with a folder of $fpath:
  gpt-toolkit completion zsh > ~/.zsh/completions/_gpt-toolkit
fish:
  gpt-toolkit completion fish > ~/.config/fish/completions/gpt-toolkit.fish
"""

_CONFIGS = {"bash": "_gpt_toolkit_configs", "zsh": "_gpt_toolkit_configs", "fish": "(_gpt_toolkit_configs)"}
"""Functions of the shells that complete configs, by shell."""

_PATHS = {"files", "val_files", "test_files", "sets", "root", "init_from", "default_root_dir", "ckpt_path"}
"""Last parts of the options of the Trainer's verbs that take paths."""

_PATH_METAVARIABLES = ("MODEL", "RUN", "FILE", "FOLDER", "DIR", "SRC", "DST", "PATH")
"""Metavariables of arguments that are paths, or that paths begin with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell that reads the script")


def run(args: argparse.Namespace) -> int:
    """Print the script and return the exit code, 0."""
    print(script(args.shell))
    return 0


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    import shtab

    from gpt_toolkit.cli import COMMANDS, TRAINER_VERBS, predict, top_parser
    from gpt_toolkit.cli.shipped_configs import config_names

    parser, verbs = top_parser()
    for verb, summary in TRAINER_VERBS.items():
        of_verb = verbs.add_parser(verb, help=summary)
        _add_trainer_options(of_verb, verb)
        if verb == "predict":  # which also takes a model instead of a config
            predict.add_arguments(of_verb)
    for verb, summary in COMMANDS.items():
        command = importlib.import_module(f"gpt_toolkit.cli.{verb.replace('-', '_')}")
        command.add_arguments(verbs.add_parser(verb, help=summary))
    for part in _parsers(parser):
        for action in part._actions:
            if part.prog.endswith(" configs") and action.dest == "name":
                action.complete = _CONFIGS  # type: ignore[attr-defined]
            elif action.choices is None and _takes_path(action):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    text: str = shtab.complete(parser, shell=shell, preamble=_preamble(config_names()))
    return text


def _add_trainer_options(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add the options of a verb of the Trainer, each once, with the values that they can have."""
    from gpt_toolkit.backbone import PRESETS
    from gpt_toolkit.cli.options import CHOICES, all_options
    from gpt_toolkit.cli.trainer_help import OF_VERB

    values: dict[str, Sequence[str]] = {"model.decoder": list(PRESETS), "model.decoder.preset": list(PRESETS)}
    values |= {name: [kind.__name__ for kind in kinds] for name, kinds in CHOICES.items()}
    options = {option.name: option.kind for option in all_options()}
    options |= {name: kind for name, (kind, _) in OF_VERB.get(verb, {}).items()}
    for name, kind in options.items():
        words = kind.removesuffix(" | null").split(" | ")
        if kind in ("bool", "bool | null"):
            values[name] = ("true", "false")
        elif len(words) > 1 and all(word.islower() and word.isalpha() for word in words):
            values[name] = [] if {"int", "float", "str"}.intersection(words) else words
        action = parser.add_argument(f"--{name}", choices=values.get(name) or None)
        if name == "config":
            action.complete = _CONFIGS  # type: ignore[attr-defined]
        elif name.rpartition(".")[2] in _PATHS:
            action.metavar = "FILE"


def _parsers(parser: argparse.ArgumentParser) -> Sequence[argparse.ArgumentParser]:
    """Return a parser and all parsers below it."""
    found = [parser]
    for part in found:  # which grows
        for action in part._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += action.choices.values()
    return found


def _takes_path(action: Any) -> bool:
    metavariable = str(action.metavar or action.dest).upper()
    return not hasattr(action, "complete") and (
        action.type is Path or metavariable.startswith(_PATH_METAVARIABLES)
    )


def _preamble(configs: Sequence[str]) -> dict[str, str]:
    """Return the functions that complete a config: a shipped name or a file."""
    names = " ".join(configs)
    return {
        "bash": f'_gpt_toolkit_configs() {{ compgen -W "{names}" -- "$1"; compgen -f -- "$1"; }}',
        "zsh": f"_gpt_toolkit_configs() {{ compadd -- {names}; _files }}",
        "fish": f"function _gpt_toolkit_configs; printf '%s\\n' {names}; __fish_complete_path; end",
    }
