"""Help of the Trainer's verbs: the toolkit's options first, Lightning's on request."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any

from gpt_toolkit.cli import TRAINER_VERBS, UsageError
from gpt_toolkit.cli.config_files import class_names
from gpt_toolkit.cli.configs import describe_preset, presets
from gpt_toolkit.cli.options import CHOICES, GROUPS, Option, all_options
from gpt_toolkit.cli.parser import SETTINGS
from gpt_toolkit.suggestions import nearest

TOPICS = ("data", "model", "run", "trainer", "all")

_FOR_A_START = (
    *("max_steps", "max_epochs", "devices", "accelerator", "strategy", "precision", "default_root_dir"),
    *("accumulate_grad_batches", "gradient_clip_val", "val_check_interval", "limit_val_batches"),
)
"""Options of Lightning's Trainer that most runs need; the others are listed by ``--help trainer``."""

OF_VERB = {
    "fit": {"seeds": ("N", "repeat the run with N seeds; print mean, 95% interval and median")},
    "doctor": {
        "ckpt": (
            "FILE_OR_RUN",
            "describe a checkpoint, or the last one of a run, and the data it has read; needs no config",
        )
    },
}
"""Options that one verb takes before the parser, with metavariable and description."""

EPILOG = """\
{verb} --help trainer lists every option of Lightning's Trainer, {verb} --help all everything; data, model and
run list one part. With --config NAME, only the classes of that config are listed. gpt-toolkit configs lists
the configs; {verb} --config NAME --print_config prints every setting.
"""


def take_topic(arguments: Sequence[str]) -> str | None:
    """Return the topic of ``--help TOPIC``; "" without a topic, None without the option.

    Raises:
        UsageError: If the topic does not exist.
    """
    for place, argument in enumerate(arguments):
        option, _, topic = argument.partition("=")
        if option not in ("-h", "--help"):
            continue
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        topic = topic or ("" if following.startswith("-") else following)
        if topic and topic not in TOPICS:
            raise UsageError(f"--help {topic}: no such topic{nearest(topic, TOPICS)}")
        return topic
    return None


def format_help(verb: str, topic: str, arguments: Sequence[str]) -> str:
    """Return the help of a verb.

    Args:
        verb: Verb of the Trainer.
        topic: One of :data:`TOPICS`; "" for data, model and run.
        arguments: The command line; classes are limited to those of its configs.
    """
    parser = argparse.ArgumentParser(
        f"gpt-toolkit {verb}",
        usage=f"gpt-toolkit {verb} --config NAME [--config OVERLAY] [OPTION VALUE ...]",
        description=f"{TRAINER_VERBS[verb][:1].upper()}{TRAINER_VERBS[verb][1:]}.",
        add_help=False,
    )
    chosen = class_names(arguments)
    parts = [parser.format_help()]
    for title, options in _sections(verb, topic, chosen):
        group_parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
        group = group_parser.add_argument_group(title)
        for option in options:
            value: dict[str, Any] = {"metavar": _metavar(option)} if option.kind else {"action": "store_true"}
            group.add_argument(f"--{option.name}", help=_help(option), **value)
        parts.append(group_parser.format_help().lstrip("\n"))
        if title.startswith("model.decoder"):
            parts.append("".join(f"  {describe_preset(preset)}\n" for preset in presets()))
    return "\n".join([*parts, EPILOG.format(verb=verb)])


def _sections(verb: str, topic: str, chosen: set[str]) -> Iterator[tuple[str, list[Option]]]:
    """Yield title and options of each section of a topic."""
    topics = {"": ("data", "model", "run"), "all": ("data", "model", "run", "trainer")}.get(topic, (topic,))
    options = all_options()
    for part in ("data", "model"):
        if part not in topics:
            continue
        for prefix, kinds in GROUPS.items():
            if prefix.partition(".")[0] != part:
                continue
            names = [kind.__name__ for kind in kinds]
            for name in [name for name in names if name in chosen] or names:
                found = [o for o in options if o.owner == name and o.name.startswith(f"{prefix}.")]
                yield f"{prefix} ({name})" if prefix in CHOICES else prefix, found
    if "run" in topics:
        if verb in ("fit", "doctor"):
            for prefix in SETTINGS:
                yield prefix, [option for option in options if option.name.startswith(f"{prefix}.")]
        run = [option for option in options if not option.owner]
        own = [Option(name, "", kind, None, text) for name, (kind, text) in OF_VERB.get(verb, {}).items()]
        common = [o for o in options if o.name.removeprefix("trainer.") in _FOR_A_START]
        yield "run", [*run, *own, *common]
    if "trainer" in topics:
        yield "trainer (Lightning)", [option for option in options if option.owner == "Trainer"]


def _metavar(option: Option) -> str:
    return option.kind if len(option.kind) <= 24 else "VALUE"


def _help(option: Option) -> str:
    """Return the first sentence of a description, and the default."""
    text = re.split(r"(?<=[^.][.])\s+(?=[A-Z`])", option.help, maxsplit=1)[0].replace("``", "").rstrip(".")
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"\1", text)
    if option.default not in (None, "") and "default" not in text.lower():
        text += f" (default: {option.default})"
    return text.replace("%", "%%")
