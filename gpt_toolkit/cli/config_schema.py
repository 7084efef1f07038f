"""JSON Schema of the configs, built from the classes that a config can name.

Every choice is by type or by class_path, so that an error is reported at the key that is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lightning.pytorch import Trainer

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.backbone.presets import PRESETS
from gpt_toolkit.cli.parser import DATA, SETTINGS, TASKS, Parser

Schema = dict[str, Any]

_ANY_CLASS: Schema = {
    "anyOf": [
        {"type": ["string", "boolean", "null"]},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"class_path": {"type": "string"}, "init_args": {"type": "object"}},
            "required": ["class_path"],
        },
    ]
}
# Lightning has hundreds of these classes, and jsonargparse 4.53 fails on some of them.
_TRAINER_CLASSES = {
    "callbacks": "Callbacks in addition to those of every run.",
    "logger": "Loggers in place of metrics.csv and TensorBoard.",
    "plugins": "Plugins of the Trainer.",
    "profiler": "``simple``, ``advanced``, ``pytorch`` or ``xla``.",
    "strategy": "``ddp``, ``fsdp`` or another; how devices share the work.",
}


def schema() -> Schema:
    """Return a JSON Schema (draft 2020-12) of a config or an overlay; no setting is required."""
    definitions: dict[str, Schema] = {}
    trainer = _described(Trainer, definitions, skip=set(_TRAINER_CLASSES))
    for name, text in _TRAINER_CLASSES.items():
        one_or_more = {"anyOf": [_ANY_CLASS, {"type": "array", "items": _ANY_CLASS}]}
        trainer["properties"][name] = {**one_or_more, "description": text}
    settings = {name: _described(kind, definitions) for name, kind in SETTINGS.items()}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A config of gpt-toolkit",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string", "description": "Path of this schema; not read."},
            "seed_everything": {
                "type": ["integer", "boolean"],
                "description": "Seed of initial weights and dropout; false for none.",
            },
            "trainer": trainer,
            "model": _one_of(TASKS, definitions),
            "data": _one_of(DATA, definitions),
            **settings,
            "ckpt_path": {
                "type": ["string", "null"],
                "description": "Checkpoint to resume from: last, best or a file.",
            },
            "weights_only": {
                "type": ["boolean", "null"],
                "description": "The Trainer's; leave it out.",
            },
        },
        "$defs": definitions,
    }
    found: Schema = _choose(whole, definitions)
    return found


def _one_of(kinds: Iterable[type], definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a class of this package with its arguments, or of a custom class."""
    known = []
    for kind in kinds:
        arguments = _described(kind, definitions)
        summary = arguments.pop("description", "")
        known.append(
            {
                "type": "object",
                "additionalProperties": False,
                "description": summary,
                "properties": {
                    "class_path": _class_path(kind.__name__),
                    "init_args": arguments,
                },
            }
        )
    custom = {
        "type": "object",
        "additionalProperties": False,
        "description": "A custom class, by its full name.",
        "properties": {
            "class_path": {"type": "string", "pattern": r"^(?!gpt_toolkit\.).+\."},
            "init_args": {"type": "object"},
        },
        "required": ["class_path"],
    }
    return {"anyOf": [*known, custom, {"enum": [kind.__name__ for kind in kinds]}]}


def _class_path(name: str) -> Schema:
    """Return the schema of a class path: a name of this package, alone or with its module."""
    return {"anyOf": [{"const": name}, {"type": "string", "pattern": rf"^gpt_toolkit\.(\w+\.)*{name}$"}]}


def _described(kind: type, definitions: dict[str, Schema], skip: Iterable[str] = ()) -> Schema:
    """Return the schema of a class's arguments; add types that several share to the definitions."""
    parser = Parser()
    parser.add_class_arguments(kind, skip=set(skip))
    found: Schema = _adapted(json.loads(parser.get_completion_script("jsonschema")))
    definitions |= found.pop("$defs", {})
    found["description"] = (kind.__doc__ or "").partition("\n")[0]
    if "decoder" in found["properties"]:
        found["properties"]["decoder"] |= _decoder()
        del found["properties"]["decoder"]["type"]
    return found


def _decoder() -> Schema:
    """Return the schema of a preset's name or a decoder's fields; the argument's type is a plain dict."""
    parser = Parser()
    parser.add_class_arguments(DecoderConfig)
    fields = _adapted(json.loads(parser.get_completion_script("jsonschema")))
    preset: Schema = {"enum": list(PRESETS)}
    fields["properties"]["preset"] = {**preset, "description": "Shape from which the other fields differ."}
    for field in fields["properties"].values():  # null takes the value of preset, model or data
        if isinstance(field.get("type"), str):
            field["type"] = [field["type"], "null"]
        elif "enum" in field:
            field["enum"] = [*field["enum"], None]
    fields["description"] = "Shape, dropout rates and initialization."
    return {"anyOf": [preset, fields, {"type": "null"}]}


def _adapted(found: Any) -> Any:
    """Return a schema with short class names, in which nothing is required."""
    if isinstance(found, list):
        return [_adapted(item) for item in found]
    if not isinstance(found, dict):
        return found
    adapted = {key: _adapted(value) for key, value in found.items() if key not in ("$schema", "required")}
    path = adapted.get("const")
    if isinstance(path, str) and path.startswith("gpt_toolkit."):
        return _class_path(path.rpartition(".")[2])
    adapted.pop("dict_kwargs", None)
    return adapted


# ---------------------------------------------------------------------- choices

_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


def _choose(part: Any, definitions: Mapping[str, Schema]) -> Any:
    """Return a schema in which every ``anyOf`` is a choice by type, and of classes by class_path.

    For an error in an alternative of ``anyOf`` an editor underlines the whole value; after a choice, the key.
    """
    if isinstance(part, list):
        return [_choose(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    chosen = {key: _choose(value, definitions) for key, value in part.items() if key != "anyOf"}
    if "anyOf" not in part:
        return chosen
    by_type: dict[str, list[Schema]] = {}
    for alternative in part["anyOf"]:
        for name in _types(alternative, definitions):
            by_type.setdefault(name, []).append(alternative)
    conditions = []
    for name, alternatives in by_type.items():
        if any(alternative.keys() <= {"type", "description"} for alternative in alternatives):
            continue  # accepts every value of the type
        classes = [each for each in alternatives if "class_path" in each.get("properties", {})]
        if classes == alternatives and name == "object":
            then = _choose(_class_choice(classes), definitions)
        elif len(alternatives) == 1:
            then = _choose(alternatives[0], definitions)
        else:
            then = {"anyOf": [_choose(each, definitions) for each in alternatives]}
        conditions.append({"if": {"type": name}, "then": then})
    return {**chosen, "type": list(by_type), **({"allOf": conditions} if conditions else {})}


def _types(part: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    """Return the JSON types that a schema can accept."""
    if reference := part.get("$ref"):
        return _types(definitions[reference.rpartition("/")[2]], definitions)
    if "type" in part:
        return [part["type"]] if isinstance(part["type"], str) else list(part["type"])
    if "anyOf" in part:
        return list(dict.fromkeys(name for each in part["anyOf"] for name in _types(each, definitions)))
    values = part.get("enum", [part["const"]] if "const" in part else [])
    return list(dict.fromkeys(_TYPES.get(type(value), "number") for value in values))


def _class_choice(classes: Sequence[Schema]) -> Schema:
    """Return the schema of an object whose class_path decides which arguments it may have.

    Without a class_path, as in an overlay, the arguments of all classes are accepted.
    """
    conditions: list[Schema] = []
    arguments: dict[str, list[Schema]] = {}
    for each in classes:
        path, init_args = each["properties"]["class_path"], each["properties"]["init_args"]
        named = {"properties": {"class_path": path}, "required": ["class_path"]}
        conditions.append({"if": named, "then": {"properties": {"init_args": init_args}}})
        for name, argument in init_args.get("properties", {}).items():
            known = arguments.setdefault(name, [])
            known += [] if argument in known else [argument]
    of_all = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: known[0] if len(known) == 1 else {"anyOf": known} for name, known in arguments.items()
        },
    }
    unnamed = {"not": {"required": ["class_path"]}}
    conditions.append({"if": unnamed, "then": {"properties": {"init_args": of_all}}})
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "class_path": {"anyOf": [each["properties"]["class_path"] for each in classes]},
            "init_args": {"type": "object"},
        },
        "allOf": conditions,
    }
