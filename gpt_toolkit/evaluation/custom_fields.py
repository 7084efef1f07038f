"""Fields of the YAML file of a custom benchmark, and their checks; ``custom_benchmark.py`` describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from gpt_toolkit.evaluation.answer_meaning import MEANINGS
from gpt_toolkit.evaluation.record_template import fields_of
from gpt_toolkit.io import explain_read_errors
from gpt_toolkit.suggestions import did_you_mean
from gpt_toolkit.yaml_files import read_yaml

_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": ("accuracy", "accuracy_per_token", "accuracy_pmi"),
    "last_word": ("accuracy",),
    "generate": ("exact_match", "token_f1", "rouge", "bleu"),
    "perplexity": ("word_perplexity",),
}
_REQUIRED: Final = ("name", "files", "kind", "prompt")
KINDS_OF_FIELD: Final[Mapping[str, tuple[str, ...]]] = {
    "choices": ("multiple_choice",),
    "answer": ("multiple_choice", "generate"),
    "answer_is": ("multiple_choice",),
    "premise": ("multiple_choice",),
    "stop": ("generate",),
    "max_new_tokens": ("generate",),
    "n_examples": ("multiple_choice", "generate", "last_word"),
    "examples": ("multiple_choice", "generate", "last_word"),
    "separator": ("multiple_choice", "generate", "last_word"),
}
"""Kinds that use a field; a field that is not here is used by all."""


@dataclass(frozen=True)
class CustomFields:
    """The fields of the YAML file."""

    name: str
    files: str
    kind: str
    prompt: str
    choices: list[str] | str = field(default_factory=list)
    answer: str = ""
    answer_is: str = ""
    metric: str = ""
    premise: str = ""
    stop: str = "\n"
    max_new_tokens: int = 32
    n_examples: int = 0
    examples: str = ""
    separator: str = "\n\n"


def read_custom_fields(path: Path) -> dict[str, Any]:
    """Read and check the fields of a YAML file.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a field is unknown, missing or out of range; lists all problems at once.
    """
    try:
        given = read_yaml(path, _UniqueKeys)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; expected a benchmark; check the path") from None
    if not isinstance(given, dict):
        raise ValueError(f"{path}: {type(given).__name__}; expected fields such as {', '.join(_REQUIRED)}")
    with explain_read_errors(path, "correct its fields"):  # a value may have any type
        problems = _problems(given)
    if problems:
        raise ValueError(f"{path}: {'; '.join(problems)}")
    return given


class _UniqueKeys(yaml.SafeLoader):
    """A loader that refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(self.construct_object(key, deep=True))
            if name in seen:
                problem = f"{name} is given twice; remove one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _problems(given: Mapping[str, Any]) -> list[str]:
    known = CustomFields.__dataclass_fields__
    problems = [
        f"unknown field {key!r}{did_you_mean(str(key), known)}; expected {', '.join(known)}"
        for key in given
        if key not in known
    ]
    problems += [f"{key} is missing" for key in _REQUIRED if key not in given]
    types = {"max_new_tokens": (int,), "n_examples": (int,), "choices": (list, str)}
    for key, value in given.items():
        if key not in known:
            continue
        if not isinstance(value, types.get(key, (str,))) or isinstance(value, bool):
            problems.append(f"{key}: {value!r} ({type(value).__name__}); expected a text; put it in quotes")
        elif isinstance(value, int) and value < (least := int(key == "max_new_tokens")):
            problems.append(f"{key}: {value}; expected at least {least}")
        elif key in ("name", "files") and not value:
            problems.append(f"{key} is empty")
        elif key in ("prompt", "choices", "answer"):
            problems += _template_problems(key, value)
    kind, metric, answer_is = given.get("kind"), given.get("metric"), given.get("answer_is")
    if kind is not None and kind not in _METRICS:
        problems.append(
            f"kind: {kind!r}{did_you_mean(str(kind), _METRICS)}; expected one of {', '.join(_METRICS)}"
        )
    elif kind is not None:
        if metric and metric not in _METRICS[kind]:
            hint = did_you_mean(str(metric), _METRICS[kind])
            problems.append(
                f"metric: {metric!r}{hint}; expected one of {', '.join(_METRICS[kind])} for {kind}"
            )
        if answer_is and answer_is not in MEANINGS:
            problems.append(f"answer_is: {answer_is!r}; expected one of {', '.join(MEANINGS)}")
        problems += [
            f"{key} is given, but {kind} does not use it"
            for key, kinds in KINDS_OF_FIELD.items()
            if given.get(key) and kind not in kinds
        ]
        if kind in KINDS_OF_FIELD["answer"] and not given.get("answer"):
            problems.append(f"answer is missing, which {kind} needs")
        if given.get("premise") and metric != "accuracy_pmi":
            problems.append("premise is given, but only the metric accuracy_pmi uses it")
        if kind == "multiple_choice" and not given.get("choices"):
            problems.append("choices are missing, which multiple_choice needs")
        if kind in ("last_word", "perplexity") and given.get("prompt") == "":
            problems.append(f"prompt is empty, and {kind} scores the prompt itself")
    return problems


def _template_problems(key: str, value: Any) -> list[str]:
    problems = []
    for template in value if isinstance(value, list) else [value]:
        if not isinstance(template, str):
            problems.append(
                f"{key}: {template!r} ({type(template).__name__}); expected a text; put it in quotes"
            )
            continue
        try:
            fields_of(template)
        except ValueError as error:
            problems.append(
                f"{key}: {template!r} ({error}); expected fields in braces; double a brace of the text"
            )
    return problems
