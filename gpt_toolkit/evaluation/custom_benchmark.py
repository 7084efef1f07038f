"""A benchmark of one's own: one YAML file, no code.

.. code-block:: yaml

    name: capitals                      # what the report calls it
    files: capitals.jsonl               # .jsonl, .json, .csv or .tsv; a path from here on, or a whole one
    kind: multiple_choice               # multiple_choice, last_word, generate or perplexity
    prompt: "The capital of {country} is"
    choices: ["Paris", "{other}"]       # templates, or one field that holds a list: "{cities}"
    answer: "{right}"                   # number of the right choice from 0, or the choice itself
    metric: accuracy                    # accuracy, accuracy_per_token; exact_match, f1, rouge, bleu

A prompt is text with fields of the row in braces; a brace itself is written twice. By kind:

* ``multiple_choice``: the choice that is likeliest after the prompt;
* ``last_word``: ``prompt`` is the whole text, its last word is to be guessed;
* ``generate``: the model goes on after the prompt until ``stop`` (a line end) or ``max_new_tokens``;
  ``answer`` is a template, or one field that may hold a list of texts that count as right;
* ``perplexity``: the likelihood of the prompt itself.

``n_examples`` rows are shown before each, drawn by the run's seed from ``examples`` (a file as ``files``),
else from the other rows; ``separator`` stands after each of them.
"""

import csv
import io
import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from gpt_toolkit.evaluation import lambada
from gpt_toolkit.evaluation import multiple_choice as choices
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.build_requests import Remarks, Setting, alternatives, prompt
from gpt_toolkit.evaluation.free_text import examples_for, judge_texts
from gpt_toolkit.evaluation.item_sources import Rows, text_of
from gpt_toolkit.evaluation.items import Document, LastWord
from gpt_toolkit.evaluation.perplexity import Corpus, ask_paper
from gpt_toolkit.evaluation.perplexity import judge as judge_text
from gpt_toolkit.evaluation.protocol import Asked, Judge, Protocol

Row = Mapping[str, Any]

_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": ("accuracy", "accuracy_per_token"),
    "last_word": ("accuracy",),
    "generate": ("exact_match", "f1", "rouge", "bleu"),
    "perplexity": ("word_perplexity",),
}
_NEEDED: Final = ("name", "files", "kind", "prompt")


@dataclass(frozen=True)
class Own:
    """The fields of the file; see the module.

    Args:
        name: What reports call it.
        files: Where its rows are.
        kind: What is asked.
        prompt: Template of the text.
        choices: Templates of the choices, or one of a field that holds a list.
        answer: Template of the right choice, or of the references.
        metric: What it is judged by; "" is the first of its kind.
        stop: Where a generated answer ends.
        max_new_tokens: Longest generated answer.
        n_examples: Examples in context.
        examples: File of rows for them; "": the benchmark's own rows.
        separator: What stands after each example.
    """

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


def is_own(name: str) -> bool:
    """Whether the name of a benchmark is a file of one's own."""
    return name.endswith((".yaml", ".yml"))


def read_own(path: str | Path) -> Benchmark:
    """The benchmark that a YAML file describes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a field is unknown, missing or out of range; all faults at once.
    """
    path = Path(path).expanduser()
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(
            f"{path} should hold fields such as {', '.join(_NEEDED)}, not {type(given).__name__}."
        )
    faults = _faults(given)
    if faults:
        raise ValueError(f"{path}: {'; '.join(faults)}.")
    own = Own(**given)
    ask, judge = _ways(own, path.parent)
    statement = (
        f"{own.kind} with the prompt {own.prompt!r} and {own.n_examples} examples, as {path.name} says."
    )
    return Benchmark(
        own.name, path.name, OwnRows(own, path.parent), (Protocol("own", 1, statement, ask, judge),)
    )


def _faults(given: Mapping[str, Any]) -> list[str]:
    known = Own.__dataclass_fields__
    faults = [
        f"there is no field {key!r}; fields are {', '.join(known)}" for key in given if key not in known
    ]
    faults += [f"{key} is missing" for key in _NEEDED if not given.get(key)]
    types: dict[str, type | tuple[type, ...]] = {
        "max_new_tokens": int,
        "n_examples": int,
        "choices": (list, str),
    }
    for key, value in given.items():
        wanted = types.get(key, str)
        if key in known and not isinstance(value, wanted):
            faults.append(f"{key} is {value!r}, which is {type(value).__name__}")
    kind = given.get("kind")
    if kind and kind not in _METRICS:
        faults.append(f"kind is {kind!r}; it is one of {', '.join(_METRICS)}")
    elif kind:
        metric = given.get("metric")
        if metric and metric not in _METRICS[kind]:
            faults.append(f"metric is {metric!r}; for {kind} it is one of {', '.join(_METRICS[kind])}")
        if kind in ("multiple_choice", "generate") and not given.get("answer"):
            faults.append(f"answer is missing, which {kind} needs")
        if kind == "multiple_choice" and not given.get("choices"):
            faults.append("choices are missing, which multiple_choice needs")
    return faults


@dataclass(frozen=True)
class OwnRows:
    """The rows of one's own file.

    Args:
        own: The benchmark.
        folder: Where its YAML file lies.
    """

    own: Own
    folder: Path

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """See :class:`~gpt_toolkit.evaluation.item_sources.RowSource`."""
        rows = read_table(self.folder / self.own.files)
        return Rows(rows[:limit], f"{self.folder / self.own.files}, {len(rows):,} rows", [])


def read_table(path: Path) -> list[dict[str, Any]]:
    """Rows of a .jsonl, .json, .csv or .tsv file."""
    name = path.name.lower().removesuffix(".gz")
    text = text_of(path)
    try:
        if name.endswith(".jsonl"):
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        elif name.endswith(".json"):
            rows = json.loads(text)
        elif name.endswith((".csv", ".tsv")):
            csv.field_size_limit(1 << 24)
            rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","))
        else:
            raise ValueError("its name ends in none of .jsonl, .json, .csv and .tsv")
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as rows: {error}.") from None
    if not rows or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} holds no rows with named fields.")
    return rows


def filled(template: str, row: Row) -> Any:
    """A template with the fields of a row; a template of one field alone is its value, whatever that is.

    Raises:
        ValueError: If the row lacks a field; with those that it has.
    """
    parts = list(string.Formatter().parse(template))
    try:
        if len(parts) == 1 and not parts[0][0] and parts[0][1]:
            return row[parts[0][1]]
        return template.format_map(dict(row))
    except KeyError as error:
        raise ValueError(f"{template!r} needs the field {error}, but a row has {', '.join(row)}.") from None


def _options(own: Own, row: Row) -> list[str]:
    made = (
        [filled(own.choices, row)] if isinstance(own.choices, str) else [filled(c, row) for c in own.choices]
    )
    options = made[0] if len(made) == 1 and isinstance(made[0], list) else made
    return [str(option) for option in options]


def _right(own: Own, row: Row) -> int:
    options, answer = _options(own, row), str(filled(own.answer, row))
    if answer in options:
        return options.index(answer)
    if answer.isdecimal() and int(answer) < len(options):
        return int(answer)
    raise ValueError(f"answer {answer!r} is none of the choices {options}, nor their number from 0.")


def _references(own: Own, row: Row) -> tuple[str, ...]:
    answer = filled(own.answer, row)
    return tuple(map(str, answer)) if isinstance(answer, list) else (str(answer),)


def _shown(own: Own, row: Row) -> str:
    """A row as an example: its prompt and what is right."""
    text = str(filled(own.prompt, row))
    if own.kind == "multiple_choice":
        text = f"{text} {_options(own, row)[_right(own, row)]}"
    elif own.kind == "generate":
        text = f"{text} {_references(own, row)[0]}"
    return text + own.separator


def _ways(own: Own, folder: Path) -> tuple[Callable[[Sequence[Any], Setting], Asked], Judge]:
    def texts(rows: Sequence[Row], setting: Setting) -> list[str]:
        n = own.n_examples if setting.n_examples is None else setting.n_examples
        if n and own.examples:
            drawn = examples_for(read_table(folder / own.examples), n, setting.seed)(-1)
            before: list[Sequence[Row]] = [drawn] * len(rows)
        else:
            chosen = examples_for(rows, n, setting.seed)
            before = [chosen(i) for i in range(len(rows))]
        return [
            "".join(_shown(own, example) for example in examples) + str(filled(own.prompt, row))
            for row, examples in zip(rows, before, strict=True)
        ]

    def ask_choices(rows: Sequence[Row], setting: Setting) -> Asked:
        remarks = Remarks()
        requests = [
            alternatives(setting, remarks, text, [f" {option}" for option in _options(own, row)])
            for text, row in zip(texts(rows, setting), rows, strict=True)
        ]
        return Asked([list(row) for row in requests], [_right(own, row) for row in rows], remarks)

    def ask_answers(rows: Sequence[Row], setting: Setting) -> Asked:
        remarks = Remarks()
        requests = [
            prompt(
                setting,
                remarks,
                text,
                max_new_tokens=own.max_new_tokens,
                stop=(own.stop,) if own.stop else (),
            )
            for text in texts(rows, setting)
        ]
        return Asked([[request] for request in requests], [_references(own, row) for row in rows], remarks)

    def ask_words(rows: Sequence[Row], setting: Setting) -> Asked:
        ask = lambada.ask_word(filtered=False, detokenized=False)
        return ask([LastWord(text) for text in texts(rows, setting)], setting)

    def ask_texts(rows: Sequence[Row], setting: Setting) -> Asked:
        corpus = Corpus(None, None, in_parts=False, line_ends=False, headline="word_perplexity")
        return ask_paper(corpus, [Document(text) for text in texts(rows, setting)], setting)

    score = choices.mean_of_tokens if own.metric == "accuracy_per_token" else choices.summed
    return {
        "multiple_choice": (ask_choices, choices.likeliest(score)),
        "generate": (ask_answers, judge_texts(own.metric or "exact_match")),
        "last_word": (ask_words, lambada.judge),
        "perplexity": (ask_texts, judge_text("word_perplexity")),
    }[own.kind]
