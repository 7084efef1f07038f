"""A custom benchmark: one YAML file, no code.

.. code-block:: yaml

    name: capitals                      # name in reports
    files: capitals.jsonl               # .jsonl, .json, .csv or .tsv; relative to this file, or absolute
    kind: multiple_choice               # multiple_choice, last_word, generate or perplexity
    prompt: "The capital of {country} is"
    choices: ["Paris", "{other}"]       # templates, or one field that holds a list: "{cities}"
    answer: "{right}"                   # number of the right choice from 0, or the choice itself
    metric: accuracy                    # accuracy, accuracy_per_token; exact_match, f1, rouge, bleu

A prompt is text with fields of the record in braces; write a brace itself twice. The kinds are:

* ``multiple_choice``: the likeliest choice after the prompt;
* ``last_word``: ``prompt`` is the whole text, its last word is predicted;
* ``generate``: the model continues the prompt until ``stop`` (a line end) or ``max_new_tokens``; ``answer``
  is a template, or one field that may hold a list of accepted texts;
* ``perplexity``: the likelihood of the prompt itself.

``n_examples`` records stand before each prompt, drawn by the run's seed from ``examples`` (a file as
``files``), else from the other records; ``separator`` stands after each of them.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.free_text import metric_of_texts
from gpt_toolkit.evaluation.items import Document, Items, LastWord, Record
from gpt_toolkit.evaluation.lambada import last_word_metrics, last_word_requests
from gpt_toolkit.evaluation.likelihood import highest, mean_of_tokens, summed
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocol
from gpt_toolkit.evaluation.protocol import (
    ComputeMetrics,
    EvaluationContext,
    RequestSet,
    protocols_of,
)
from gpt_toolkit.records import read_records

_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": ("accuracy", "accuracy_per_token"),
    "last_word": ("accuracy",),
    "generate": ("exact_match", "f1", "rouge", "bleu"),
    "perplexity": ("word_perplexity",),
}
_REQUIRED: Final = ("name", "files", "kind", "prompt")
_ENDINGS: Final = (".jsonl", ".json", ".csv", ".tsv")


@dataclass(frozen=True)
class CustomBenchmark:
    """The fields of the YAML file; the module describes them."""

    name: str
    files: str
    kind: str
    prompt: str
    choices: list[str] | str = field(default_factory=list)
    answer: str = ""
    metric: str = ""
    stop: str = "\n"
    max_new_tokens: int = 32
    n_examples: int = 0
    examples: str = ""
    separator: str = "\n\n"

    def options(self, record: Record) -> list[str]:
        """Return the choices of a record."""
        templates = [self.choices] if isinstance(self.choices, str) else self.choices
        options = [fill(template, record) for template in templates]
        if len(options) == 1 and isinstance(options[0], list):
            options = options[0]
        return [str(option) for option in options]

    def right_option(self, record: Record) -> int:
        """Return the index of the right choice."""
        options, answer = self.options(record), str(fill(self.answer, record))
        if answer in options:
            return options.index(answer)
        if answer.isdecimal() and int(answer) < len(options):
            return int(answer)
        raise ValueError(f"answer {answer!r} is none of the choices {options}, nor their number from 0")

    def accepted(self, record: Record) -> tuple[str, ...]:
        """Return the texts that count as right."""
        answer = fill(self.answer, record)
        return tuple(map(str, answer)) if isinstance(answer, list) else (str(answer),)

    def example(self, record: Record) -> str:
        """Return a record as an example: its prompt with the right answer."""
        text = str(fill(self.prompt, record))
        if self.kind == "multiple_choice":
            text = f"{text} {self.options(record)[self.right_option(record)]}"
        elif self.kind == "generate":
            text = f"{text} {self.accepted(record)[0]}"
        return text + self.separator

    def build_requests(self, records: Sequence[Record], context: EvaluationContext) -> RequestSet:
        """Build the requests of all records."""
        n = self.n_examples if context.n_examples is None else context.n_examples
        texts = context.with_examples(records, n, lambda record: str(fill(self.prompt, record)), self.example)
        if self.kind == "last_word":
            build_requests = last_word_requests(filtered=False, detokenized=False)
            return build_requests([LastWord(text) for text in texts], context)
        if self.kind == "perplexity":
            return _PERPLEXITY.build_requests([Document(text) for text in texts], context)
        if self.kind == "generate":
            stop = (self.stop,) if self.stop else ()
            prompts = [context.prompt(text, max_new_tokens=self.max_new_tokens, stop=stop) for text in texts]
            return RequestSet([[prompt] for prompt in prompts], [self.accepted(record) for record in records])
        requests = [
            context.continuations(text, [f" {option}" for option in self.options(record)])
            for text, record in zip(texts, records, strict=True)
        ]
        return RequestSet(requests, [self.right_option(record) for record in records])

    def compute_metrics(self) -> ComputeMetrics:
        """Return the function that computes the metrics."""
        if self.kind == "last_word":
            return last_word_metrics
        if self.kind == "perplexity":
            return _PERPLEXITY.compute_metrics
        if self.kind == "generate":
            return metric_of_texts(self.metric or "exact_match")
        return highest(mean_of_tokens if self.metric == "accuracy_per_token" else summed)


_PERPLEXITY: Final = perplexity_protocol("paper-1", Corpus("word_perplexity"))


def read_custom(path: str | Path) -> Benchmark:
    """Read the benchmark that a YAML file describes.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a field is unknown, missing or out of range; lists all problems at once.
    """
    path = Path(path).expanduser()
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(
            f"{path} should hold fields such as {', '.join(_REQUIRED)}, not {type(given).__name__}"
        )
    if problems := _problems(given):
        raise ValueError(f"{path}: {'; '.join(problems)}")
    custom = CustomBenchmark(**given)
    protocols = protocols_of(
        "custom",
        {"own-1": (custom.build_requests, custom.compute_metrics())},
        kind=custom.kind,
        prompt=custom.prompt,
        n_examples=str(custom.n_examples),
        file=path.name,
    )
    table = path.parent / custom.files

    def read_examples() -> list[dict[str, Any]]:
        return read_table(path.parent / custom.examples) if custom.examples else []

    def read(root: Path | None, limit: int | None, check: bool) -> Items:
        records = read_table(table)
        return Items(records[:limit], f"{table}, {len(records):,} rows", read_examples=read_examples)

    return Benchmark(custom.name, path.name, read, protocols)


def _problems(given: Mapping[str, Any]) -> list[str]:
    known = CustomBenchmark.__dataclass_fields__
    problems = [f"unknown field {key!r}; fields are {', '.join(known)}" for key in given if key not in known]
    problems += [f"{key} is missing" for key in _REQUIRED if not given.get(key)]
    types = {"max_new_tokens": (int,), "n_examples": (int,), "choices": (list, str)}
    for key, value in given.items():
        if key in known and not isinstance(value, types.get(key, (str,))):
            problems.append(f"{key} is {value!r}, which is {type(value).__name__}")
    kind, metric = given.get("kind"), given.get("metric")
    if kind and kind not in _METRICS:
        problems.append(f"kind is {kind!r}; it is one of {', '.join(_METRICS)}")
    elif kind:
        if metric and metric not in _METRICS[kind]:
            problems.append(f"metric is {metric!r}; for {kind} it is one of {', '.join(_METRICS[kind])}")
        if kind in ("multiple_choice", "generate") and not given.get("answer"):
            problems.append(f"answer is missing, which {kind} needs")
        if kind == "multiple_choice" and not given.get("choices"):
            problems.append("choices are missing, which multiple_choice needs")
    return problems


def read_table(path: Path) -> list[dict[str, Any]]:
    """Read the records of a file."""
    if not path.name.lower().removesuffix(".gz").endswith(_ENDINGS):
        raise ValueError(f"{path} cannot be read as records: its name ends in none of {', '.join(_ENDINGS)}")
    records = [record.fields for record in read_records(path)]
    if not records:
        raise ValueError(f"{path} holds no records with named fields")
    return records


def fill(template: str, record: Record) -> Any:
    """Fill the fields of a record into a template; a template of one field alone is its value, of any type.

    Raises:
        ValueError: If the record lacks a field; lists those that it has.
    """
    parts = list(string.Formatter().parse(template))
    try:
        if len(parts) == 1 and not parts[0][0] and parts[0][1]:
            return record[parts[0][1]]
        return template.format_map(dict(record))
    except KeyError as error:
        raise ValueError(
            f"{template!r} needs the field {error}, but a record has {', '.join(record)}"
        ) from None
