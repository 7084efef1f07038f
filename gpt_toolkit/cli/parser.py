"""Parser of configs and options, and the classes that they select."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from lightning.pytorch.cli import LightningArgumentParser

from gpt_toolkit.callbacks import Budget, CheckpointWriter, ProgressLine, Samples, Spikes
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.tasks import FinetuneTask, GenerateTask, PretrainTask

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
        """Raise the error for :func:`~gpt_toolkit.cli.parser_errors.explain_error`."""
        raise ParserError(message)

    def described_arguments(self) -> Iterator[tuple[str, str, Any, str]]:
        """Yield name, type, default and description of each argument that was added."""
        for action in self._actions:
            if action.option_strings and action.dest.rpartition(".")[2] != "help":
                kind = getattr(action, "_typehint", action.type)
                yield action.dest, readable_type(kind), action.default, action.help or ""


def readable_type(kind: Any) -> str:
    """Return a type as a user reads it: ``int | null``, ``list[str]``, ``keep | drop``."""
    arguments, origin = get_args(kind), get_origin(kind)
    if origin in (Union, UnionType):
        return " | ".join(map(readable_type, arguments))
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if kind is NoneType:
        return "null"
    name: str = getattr(origin or kind, "__name__", str(kind))
    return f"{name}[{', '.join(map(readable_type, arguments))}]" if arguments else name


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
