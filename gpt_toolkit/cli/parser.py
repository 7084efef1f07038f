"""Parser of configs and options, and one-line explanations of its errors."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks import Budget, CheckpointWriter, ProgressLine, Samples, Spikes
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.suggestions import close_names, nearest
from gpt_toolkit.tasks import FinetuneTask, GenerateTask, PretrainTask
from gpt_toolkit.tasks.lora import LoRA

TASKS = (PretrainTask, FinetuneTask, ZeroShotTask, GenerateTask)
DATA = (CorpusDataModule, SupervisedDataModule, ZeroShotDataModule, PromptsDataModule)
SETTINGS = {
    "budget": Budget,
    "checkpoints": CheckpointWriter,
    "samples": Samples,
    "spikes": Spikes,
    "progress": ProgressLine,
}
"""Callbacks of every training run, by the names under which a config sets them."""

_PATH_OPTIONS = ("--data.files", "--data.val_files", "--data.sets")

MAX_MESSAGE = 300
"""Characters of a message that no rule explains; tuned here: about three lines of a terminal."""


_NOT_IMPORTED = "(?:No module named|module '|cannot import)"
"""Beginnings of Python's messages about imports."""


class ParserError(Exception):
    """Error of a parser, maybe one of a nested class; explained once, at the outermost."""


class Parser(LightningArgumentParser):
    """Parser that raises instead of printing its usage, and accepts no abbreviated options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"prog": "gpt-toolkit", "allow_abbrev": False, **kwargs})

    def parse_args(self, args: Any = None, *others: Any, **settings: Any) -> Any:
        """Parse arguments; names of files are not read as YAML."""
        arguments = sys.argv[1:] if args is None else args
        if isinstance(arguments, (list, tuple)):
            arguments = protect_paths(arguments)
        return super().parse_args(arguments, *others, **settings)

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raise the error for :func:`explain_error`."""
        raise ParserError(message)


def protect_paths(arguments: Sequence[str]) -> list[str]:
    """Protect paths whose names YAML would read as something else, such as ``Part 1: Home.txt``."""
    protected = list(arguments)
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option.removesuffix("+").replace(".init_args", "") not in _PATH_OPTIONS:
            continue
        if equals:
            protected[place] = f"{option}={_protect_path(value)}"
        elif place + 1 < len(arguments):
            protected[place + 1] = _protect_path(arguments[place + 1])
    return protected


def _protect_path(value: str) -> str:
    """Return an option's value as a list of one text if it is a path, and as it is if it is YAML."""
    try:
        meaning = yaml.safe_load(value)
    except yaml.YAMLError:
        meaning = {}
    is_name = not isinstance(meaning, (list, dict, NoneType)) or value.startswith("#")
    is_misread = meaning != value and (is_name or os.path.lexists(value))
    return json.dumps([value], ensure_ascii=False) if is_misread else value


def explain_error(error: Exception) -> str:
    """Return a parser's error as one line."""
    classes = {option: [kind.__name__ for kind in kinds] for option, kinds in _choices().items()}
    return explain(str(error), option_names(), classes)


def _choices() -> dict[str, Iterable[type]]:
    """Return the classes that an option can select, by the option's name."""
    return {
        "model": TASKS,
        "data": DATA,
        "model.optimizer": OptimizerFactory.__subclasses__(),
        "model.schedule": Schedule.__subclasses__(),
    }


def option_names() -> list[str]:
    """Return the dotted names of all options of the toolkit and of the Trainer."""
    classes: dict[str, Iterable[type]] = {
        **_choices(),
        "trainer": [Trainer],
        "model.decoder": [DecoderConfig],
        "model.lora": [LoRA],
        **{name: [kind] for name, kind in SETTINGS.items()},
    }
    names = ["config", "seed_everything", "ckpt_path", "print_config", "model.decoder.preset"]
    for prefix, kinds in classes.items():
        for kind in kinds:
            arguments = list(inspect.signature(kind.__init__).parameters)[1:]  # type: ignore[misc]
            names += [f"{prefix}.{name}" for name in arguments]
    return names


def explain(message: str, options: Iterable[str], classes: Mapping[str, Iterable[str]]) -> str:
    """Return a message of jsonargparse, which can fill a page, as one line.

    The patterns are those of version 4.53. A message that matches none is shortened.

    Args:
        message: Message of the error; nested types repeat the whole value at each level.
        options: Dotted names of all options, without ``init_args``.
        classes: Names of the classes that an option can select, by the option's name.
    """
    keys = list(re.finditer(r'arser key "([\w.]+)"', message))
    prefix = ".".join(dict.fromkeys(key[1] for key in keys))
    about = f"{prefix}: " if prefix else ""
    innermost = message[keys[-1].end() :] if keys else message
    if word := re.search(r"unrecognized arguments: (?!-)(\S+)", message):
        return f"{word[1]!r} follows no option; options begin with --"
    if unknown := re.search(r"(?:unrecognized arguments: -+|ption ')([\w.]+)", message):
        name = unknown[1].replace("init_args.", "")
        return unknown_option(f"{prefix}.{name}" if prefix else name, options)
    if refused := re.search(r"Importing '([\w.]+)' is not allowed", message):
        root = refused[1].partition(".")[0]
        is_own = root not in ("gpt_toolkit", "lightning", "torch", *sys.stdlib_module_names)
        expected = "a class of Lightning, torch.optim or gpt_toolkit"
        advice = f"add --allow {root if is_own else refused[1]} if you trust it"
        return f"{about}{refused[1]} is not allowed in a config; expected {expected}; {advice}"
    if unknown := re.search(r"dot import path string: ([\w.]+)", message):
        return f"{about}no class {unknown[1]}{nearest(unknown[1], classes.get(prefix, ()))}"
    given = re.search(r"Given value: (.+)", innermost)
    got = f", got {given[1]!r}" if given else ""
    if reason := re.search(rf"given class_path '(.+)':\s+({_NOT_IMPORTED}.+)", message):
        where = "an installed package, or of a module in the current folder"
        return f"{about}{reason[1]} cannot be imported: {reason[2]}; expected a class of {where}"
    if other := re.search(r"Import path .*does not correspond to (a subclass of \w+)", message):
        return _short(f"{about}expected {other[1]}{got}")
    if missing := re.search(r"required: ([\w., ]+?)(?: -|$)", _one_line(message)):
        if not prefix:  # fit.data, fit.model
            return "a model and data are needed: name a config by --config, such as text/own"
        return f"{about}a value is needed for {missing[1]}"
    if wrong := re.search(r"Expected an? (.+?)\. Got value: (.+)", innermost):
        return _short(f"{about}expected {_readable(wrong[1])}, got {wrong[2]!r}")
    if own := re.search(r"^ *- (?!Expected|Parser key|Option|Does not|Problem)(\S.*)$", message, re.M):
        return _short(own[1])  # raised by a constructor
    if union := re.search(r"Subtypes: \[(.+)\]\n", innermost):
        return _short(f"{about}expected {_readable(union[1])}{got}")
    return _short(_one_line(message))


def unknown_option(name: str, options: Iterable[str]) -> str:
    """Return a message with the nearest option, which differs in the first part that does not exist."""
    parts = name.split(".")
    known = [option.split(".") for option in options]
    for depth, part in enumerate(parts):
        here = {option[depth] for option in known if len(option) > depth and option[:depth] == parts[:depth]}
        if part not in here:
            if close := close_names(part, here):
                meant = ".".join([*parts[:depth], close[0], *parts[depth + 1 :]])
                return f"no option {name}: did you mean {meant}?"
            return f"no option {name}; there are {', '.join(sorted(here))}" if here else f"no option {name}"
    return f"no option {name} of the class that is chosen there"


def _readable(types: str) -> str:
    """Return Python's notation of types without classes and modules."""
    types = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", types)
    types = re.sub(r"typing\.Literal\[(.+?)\]", r"\1", types)
    return types.replace("NoneType", "null")


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} ..."


def _one_line(text: str) -> str:
    return " ".join(text.split())
