"""Options of the Trainer's verbs: names, types, defaults and descriptions, read from the classes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from lightning.pytorch import Trainer

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.cli.parser import DATA, SETTINGS, TASKS, Parser
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.tasks.lora import LoRA

OPTIMIZERS = tuple(OptimizerFactory.__subclasses__())
SCHEDULES = tuple(Schedule.__subclasses__())

CHOICES: dict[str, tuple[type, ...]] = {
    "data": DATA,
    "model": TASKS,
    "model.optimizer": OPTIMIZERS,
    "model.schedule": SCHEDULES,
}
"""Classes that an option selects, by the option's name."""

GROUPS: dict[str, tuple[type, ...]] = {
    "data": DATA,
    "model": TASKS,
    "model.decoder": (DecoderConfig,),
    "model.optimizer": OPTIMIZERS,
    "model.schedule": SCHEDULES,
    "model.lora": (LoRA,),
    **{name: (kind,) for name, kind in SETTINGS.items()},
    "trainer": (Trainer,),
}
"""Classes whose arguments are options, by the first parts of the options' names."""

RUN_OPTIONS = {
    "config": ("NAME", "YAML file, or name of a shipped config; a later one overrides an earlier one"),
    "seed_everything": ("N", "seed of initial weights and dropout (default: 0)"),
    "ckpt_path": ("FILE", "last, best or a file: fit resumes from it, the other verbs compute with it"),
    "allow": ("PACKAGE", "let configs name classes of this package"),
    "print_config": ("", "print every setting and exit"),
}
"""Options of a run that no class has, with metavariable and description."""


class Option(NamedTuple):
    """An option.

    Attributes:
        name: Dotted name, without dashes and without ``init_args``.
        owner: Class whose argument it is; "" for options of the run.
        kind: Type, as a user reads it.
        default: Default value; None also if it must be given.
        help: Description.
    """

    name: str
    owner: str
    kind: str
    default: Any
    help: str


@cache
def all_options() -> tuple[Option, ...]:
    """Return the options of the toolkit, then those of the Trainer."""
    run = [Option(name, "", kind, None, text) for name, (kind, text) in RUN_OPTIONS.items()]
    preset = Option("model.decoder.preset", "DecoderConfig", "str", None, "Preset to begin with.")
    pairs = [(kind, prefix) for prefix, kinds in GROUPS.items() for kind in kinds]
    return (*run, preset, *(option for kind, prefix in pairs for option in options_of(kind, prefix)))


def options_of(kind: type, prefix: str) -> Iterable[Option]:
    """Yield the arguments of a class as options that begin with a prefix."""
    parser = Parser()
    parser.add_class_arguments(kind)
    for name, type_hint, default, text in parser.described_arguments():
        yield Option(f"{prefix}.{name}", kind.__name__, type_hint, default, " ".join(text.split()))


@cache
def owners() -> dict[str, list[str]]:
    """Return the classes that have each option, by the option's name."""
    found: dict[str, list[str]] = {}
    for option in all_options():
        found.setdefault(option.name, []).append(option.owner)
    return found
