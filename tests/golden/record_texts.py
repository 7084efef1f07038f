"""Record the toolkit's texts: Storyworld, the shipped configs, the command line and the public names.

    python -m tests.golden.record_texts

Renew the values only when a text or an interface was changed on purpose; those of Storyworld, never.
"""

import argparse
import dataclasses
import hashlib
import inspect
import io
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import jsonargparse
import yaml
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

import gpt_toolkit
from gpt_toolkit import storyworld
from gpt_toolkit.cli import TRAINER_VERBS, main
from gpt_toolkit.cli.shipped_configs import shipped_configs
from gpt_toolkit.storyworld import benchmarks, datasets, facts, meanings, vallic

Values = dict[str, Any]

FOLDER = Path(__file__).parent
BASE_OF_OVERLAYS = "text/shakespeare"
"""Config below an overlay."""

# ---------------------------------------------------------------------- files of values


def read(name: str) -> Values:
    """Read the recorded values of one file."""
    values: Values = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return values


def write(name: str, values: Values) -> None:
    """Write values, sorted and one per line, so that a diff shows what changed."""
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")


# ---------------------------------------------------------------------- Storyworld


def storyworld_values() -> Values:
    """Return digests of Storyworld's texts, and its descriptions of tasks and benchmarks."""
    return {
        "versions": {"documents": storyworld.VERSION, "rows": datasets.EXAMPLES_VERSION},
        "mix": dict(storyworld.MIX),
        "documents": {split: digest(_documents(0, split, 0, 1000)) for split in storyworld.SPLITS},
        "documents of seed 7, from 50,000 on": {
            split: digest(_documents(7, split, 50_000, 300)) for split in storyworld.SPLITS
        },
        "documents of a kind": {
            kind: {split: digest(_documents(0, split, 0, 300, {kind: 1.0})) for split in storyworld.SPLITS}
            for kind in storyworld.MIX
        },
        "stories": {
            split: digest(list(islice(storyworld.stories(0, split), 300))) for split in storyworld.SPLITS
        },
        "tasks": {name: _described(task) for name, task in datasets.DATASETS.items()},
        "rows of tasks": {
            name: {split: _rows(datasets.labeled_examples(name, 0, split), 300) for split in task.splits}
            for name, task in datasets.DATASETS.items()
        },
        "benchmarks": {name: _described(found) for name, found in benchmarks.BENCHMARKS.items()},
        "rows of benchmarks": {
            name: {split: _rows(benchmarks.benchmark(name, 0, split), 200) for split in storyworld.SPLITS}
            for name in benchmarks.BENCHMARKS
        },
        "facts": digest(
            [
                [
                    *(fact.relation, fact.subject, fact.object, fact.split),
                    *(facts.questions(fact), facts.statements(fact), facts.answers(fact)),
                ]
                for fact in facts.FACTS
            ]
        ),
        "translations": {
            split: digest([meanings.sentence_pair(Random(seed), split) for seed in range(1000)])
            for split in storyworld.SPLITS
        },
        "lexicon": _lexicon(),
    }


def digest(value: object) -> str:
    """Return the SHA-256 of a value as JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _documents(
    seed: int, split: str, start: int, count: int, mix: Mapping[str, float] = storyworld.MIX
) -> list[str]:
    return [storyworld.document(seed, split, start + index, mix) for index in range(count)]


def _rows(rows: Iterable[Any], count: int) -> str:
    return digest([_fields(row) for row in islice(rows, count)])


def _fields(row: Any) -> Any:
    """Return the fields of a record by name; return a text unchanged."""
    if dataclasses.is_dataclass(row):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return row if isinstance(row, str) else row._asdict()


def _described(found: Any) -> Values:
    """Return the metadata of a task or benchmark: all fields except the function that generates it."""
    return {name: _plain(value) for name, value in _fields(found).items() if name != "draw"}


def _lexicon() -> dict[str, str]:
    return {
        "nouns": digest(vallic.NOUN_STEMS),
        "verbs": digest(vallic.VERB_STEMS),
        "adjectives": digest(vallic.ADJECTIVE_STEMS),
        "times": digest(vallic.TIME_STEMS),
        "numbers": digest(vallic.NUMBER_STEMS),
        "pronouns": digest(vallic.PRONOUNS),
    }


# ---------------------------------------------------------------------- shipped configs


def config_names() -> list[str]:
    """List the configs that come with the package."""
    folder = shipped_configs()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def config_values(name: str) -> Values:
    """Return the output of ``--print_config`` for a config, with the verb of the config.

    Settings of the Trainer that are as Lightning has them are left out.
    """
    folder, _, stem = name.partition("/")
    verb = {"generate": "predict", "zero_shot": "test"}.get(stem, "fit")
    base = ["--config", BASE_OF_OVERLAYS] if folder == "strategy" else []
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main([verb, *base, "--config", name, "--print_config"])
    if code:
        raise ValueError(f"gpt-toolkit {verb} --config {name} --print_config ends with {code}")
    config: Values = _without_modules(yaml.safe_load(printed.getvalue()))
    usual = inspect.signature(Trainer).parameters
    config["trainer"] = {
        key: value for key, value in config["trainer"].items() if value != usual[key].default
    }
    return {"verb": verb, **config}


def _without_modules(value: Any) -> Any:
    """Replace each class path, and each path of a class of the package, by its last part."""
    if isinstance(value, dict):
        return {
            key: part.rpartition(".")[2] if key == "class_path" else _without_modules(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_without_modules(part) for part in value]
    if isinstance(value, str) and re.fullmatch(r"gpt_toolkit(\.\w+)+", value):
        return value.rpartition(".")[2]
    return value


# ---------------------------------------------------------------------- command line


def command_line_values() -> Values:
    """Return the verbs with their options, and the arguments of each class that a config can name."""
    top = _parser_of("--help")
    [verbs] = _subparsers(top)
    return {
        "toolkit": _parser_values(top) | {"verbs": _summaries(verbs)},
        "verbs": {verb: _verb_values(verb) for verb in verbs.choices},
        "classes": _class_values(),  # defined by now: the verbs have imported them
    }


def _parser_of(*arguments: str) -> argparse.ArgumentParser:
    """Return the first parser that the command line would use, before it parses or prints."""
    parsers: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser, *args: object, **kwargs: object) -> None:
        parsers.append(parser)
        raise SystemExit(0)

    with (
        patch.object(argparse.ArgumentParser, "parse_args", keep),
        patch.object(argparse.ArgumentParser, "format_help", keep),
        patch.object(jsonargparse.ArgumentParser, "parse_args", keep),
        suppress(SystemExit),
    ):
        main(arguments)
    return parsers[0]


def _subparsers(parser: argparse.ArgumentParser) -> list[Any]:
    return [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]


def _summaries(verbs: Any) -> dict[str, str]:
    return {action.dest: action.help for action in verbs._choices_actions}


def _verb_values(verb: str) -> Values:
    parser = _parser_of(verb, "--model.help" if verb in TRAINER_VERBS else "--help")
    if isinstance(parser, jsonargparse.ArgumentParser):
        [methods] = _subparsers(parser)
        [method] = methods.choices
        return {"method": method, "options": _trainer_options(methods.choices[method])}
    values = _parser_values(parser)
    for parts in _subparsers(parser):
        values["parts"] = {name: _parser_values(part) for name, part in parts.choices.items()}
        values["summaries"] = _summaries(parts)
    return values


def _parser_values(parser: argparse.ArgumentParser) -> Values:
    options = {
        ", ".join(action.option_strings) or action.dest: _option_values(action)
        for action in parser._actions
        if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
    }
    return {"description": parser.description, "epilog": parser.epilog, "options": options}


def _option_values(action: argparse.Action) -> Values:
    """Return the values and help of an option of argparse, without defaults of argparse."""
    kind = "flag" if action.nargs == 0 else _text(action.type or str).lstrip("_")
    values = {
        "type": kind,
        "default": _plain(action.default),
        "help": action.help,
        "choices": None if action.choices is None else _plain(list(action.choices)),
        "nargs": None if action.nargs == 0 else action.nargs,
        "metavar": _plain(action.metavar),
        "required": action.required or None,
        "const": None if action.const is True else _plain(action.const),
        "repeats": isinstance(action, argparse._AppendAction) or None,
    }
    always = ("type", "default", "help")
    return {name: value for name, value in values.items() if name in always or value is not None}


def _trainer_options(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return type and default of each option; of the Trainer only those that differ from Lightning's."""
    usual = inspect.signature(Trainer).parameters
    return {
        name: text
        for name, (text, default) in _arguments(parser).items()
        if not name.startswith("trainer.") or usual[name.partition(".")[2]].default != default
    }


def _arguments(parser: argparse.ArgumentParser, required: Iterable[str] = ()) -> dict[str, tuple[str, Any]]:
    """Return the arguments that jsonargparse offers: each with "type = default", and the default alone."""
    arguments = {}
    for action in parser._actions:
        if not action.option_strings or action.dest.rpartition(".")[2] == "help":
            continue
        kind = getattr(action, "_typehint", action.type)
        text = "" if kind is None else _text(kind)  # --config, --print_config and whole groups have no type
        if kind is not None and action.dest not in required:
            text += f" = {_plain(action.default)!r}"
        arguments[action.dest] = (text, action.default)
    return arguments


def _class_values() -> dict[str, dict[str, str]]:
    """Return the arguments of tasks and DataModules, and of the classes in these arguments."""
    kinds = [*_ours(LightningModule), *_ours(LightningDataModule), gpt_toolkit.DecoderConfig]
    for base in _classes_in(inspect.signature(gpt_toolkit.FinetuneTask, eval_str=True)):
        kinds += _ours(base)
    values = {}
    for kind in kinds:
        parser = jsonargparse.ArgumentParser()
        parser.add_class_arguments(kind)
        parameters = inspect.signature(kind).parameters.values()
        required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
        values[kind.__name__] = {name: text for name, (text, _) in _arguments(parser, required).items()}
    return values


def _ours(base: type) -> list[type]:
    """List the classes of the package that derive from a base, including the base."""
    found = [base]
    for kind in found:  # which grows
        found += kind.__subclasses__()
    return [
        kind
        for kind in dict.fromkeys(found)
        if kind.__module__.startswith("gpt_toolkit")
        and not kind.__name__.startswith("_")
        and not inspect.isabstract(kind)
    ]


def _classes_in(signature: inspect.Signature) -> list[type]:
    """List the classes of the package in the types of a constructor's arguments."""
    found: list[type] = []
    for parameter in signature.parameters.values():
        parts = (parameter.annotation, *typing.get_args(parameter.annotation))
        found += [part for part in parts if isinstance(part, type)]
    return [kind for kind in dict.fromkeys(found) if kind.__module__.startswith("gpt_toolkit")]


# ---------------------------------------------------------------------- public names


def public_value(name: str) -> Values:
    """Return the signature of a public name, and the members of a class.

    Hooks that Lightning calls, ``on_...``, are not part of the interface and are left out.
    """
    value = getattr(gpt_toolkit, name)
    if not isinstance(value, type):
        return {"function": _signature(value)}
    members = {
        name: _member(inspect.getattr_static(value, name))
        for name in dir(value)
        if not name.startswith(("_", "on_")) and _is_own(value, name)
    }
    is_protocol = getattr(value, "_is_protocol", False)
    return {"members": members} if is_protocol else {"class": _signature(value), "members": members}


def _is_own(kind: type, name: str) -> bool:
    """Return whether a member comes from the package, not from torch or Lightning."""
    return _home(kind, name).__module__.startswith("gpt_toolkit")


def _home(kind: type, name: str) -> type:
    """Return the class that defines a member."""
    return next(base for base in kind.__mro__ if name in vars(base))


def _member(member: Any) -> str:
    if isinstance(member, property):
        return f"property -> {_returned(member.fget)}"
    if isinstance(member, classmethod | staticmethod):
        return f"{type(member).__name__}{_in_a_line(member.__func__)}"
    if inspect.isfunction(member):
        return f"method{_in_a_line(member)}"
    if isinstance(member, types.MemberDescriptorType):
        return "attribute"
    return f"attribute = {_plain(member)!r}"


def _signature(function: Callable[..., Any]) -> list[str]:
    """Return the parameters one per line, followed by the return type."""
    lines = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword_only = True
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            lines.append("*")
        line = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            line = f"*{line}"
        if parameter.kind is parameter.VAR_KEYWORD:
            line = f"**{line}"
        if parameter.annotation is not parameter.empty:
            line += f": {_annotation(function, parameter.annotation)}"
        if parameter.default is not parameter.empty:
            line += f" = {_plain(parameter.default)!r}"
        lines.append(line)
    return lines if isinstance(function, type) else [*lines, f"-> {_returned(function)}"]


def _in_a_line(function: Callable[..., Any]) -> str:
    *parameters, returned = _signature(function)
    return f"({', '.join(parameters)}) {returned}"


def _returned(function: Any) -> str:
    annotation = inspect.signature(function).return_annotation
    return "" if annotation is inspect.Signature.empty else _annotation(function, annotation)


def _annotation(function: Any, annotation: Any) -> str:
    """Return an annotation as text, whether its module keeps annotations as text or not."""
    if isinstance(annotation, str):
        owner = _home(function, "__init__") if isinstance(function, type) else function
        with suppress(NameError):  # imported for type checkers alone
            return _text(eval(annotation, vars(sys.modules[owner.__module__])))
    return _text(annotation)


# ---------------------------------------------------------------------- values as text


def _text(annotation: Any) -> str:
    """Return a type as text, without the modules of its parts."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(_text, arguments))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if isinstance(annotation, list):  # the parameters of a Callable
        return f"[{', '.join(map(_text, annotation))}]"
    if annotation is Ellipsis:
        return "..."
    if origin is not None:
        return f"{_text(origin)}[{', '.join(map(_text, arguments))}]"
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return _short(str(name))


def _short(text: str) -> str:
    """Remove module prefixes and addresses in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", text))


def _plain(value: Any) -> Any:
    """Return a value that JSON can represent."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    if isinstance(value, type | types.FunctionType):
        return value.__name__
    return _short(repr(value))


def record() -> None:
    """Write every file; that of Storyworld only if it does not exist."""
    if not (FOLDER / "storyworld.json").exists():
        write("storyworld", storyworld_values())
    write("configs", {name: config_values(name) for name in config_names()})
    write("command_line", command_line_values())
    write("public_names", {name: public_value(name) for name in gpt_toolkit.__all__})


if __name__ == "__main__":
    record()
