"""A custom benchmark: one YAML file, no code.

.. code-block:: yaml

    name: capitals                      # name in reports
    files: capitals.jsonl               # records; relative to this file, or absolute
    kind: multiple_choice               # multiple_choice, last_word, generate or perplexity
    prompt: "The capital of {country} is"
    choices: ["Paris", "{other}"]       # templates, or one field that holds a list: "{cities}"
    answer: "{right}"                   # the right choice
    answer_is: index                    # text, index (from 0), number (from 1) or letter; default: as it fits
    metric: accuracy                    # accuracy, accuracy_per_token, accuracy_pmi; exact_match, token_f1,
                                        # rouge, bleu
    premise: "The capital is"           # accuracy_pmi: text in place of the prompt; default: end of text

A prompt is text with fields of the record in braces; write a brace itself twice. An empty cell is an empty
text. A space stands between prompt and answer unless one has it already or the prompt is empty. The kinds
are:

* ``multiple_choice``: the likeliest choice after the prompt, or the one that gains most over its likelihood
  after ``premise`` alone (``accuracy_pmi``, DC-PMI);
* ``last_word``: ``prompt`` is the whole text, its last word is predicted;
* ``generate``: the model continues the prompt until ``stop`` (a line end) or ``max_new_tokens``; ``answer``
  is a template, or one field that may hold a list of accepted texts;
* ``perplexity``: the likelihood of the prompt itself, also under the protocols of other evaluators; a
  ``.txt`` file is one record with the field ``text``.

An integer of JSON is the index of a choice. Other answers are the choice's text, index or letter: what fits
all records. Records without an answer are left out and counted.

``n_examples`` records stand before each prompt, drawn by the run's seed from ``examples`` (a file as
``files``), else from the other records; ``separator`` stands after each of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from gpt_toolkit.evaluation.answer_meaning import GivenAnswer, right_choices
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.custom_fields import KINDS_OF_FIELD, CustomFields, read_custom_fields
from gpt_toolkit.evaluation.free_text import metric_of_texts
from gpt_toolkit.evaluation.items import Items, LastWord
from gpt_toolkit.evaluation.lambada import last_word_metrics, last_word_requests, split_last_word
from gpt_toolkit.evaluation.likelihood import highest, highest_gain, mean_of_tokens, summed
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocol
from gpt_toolkit.evaluation.protocol import (
    ComputeMetrics,
    EvaluationContext,
    EvaluationProtocol,
    RequestSet,
    protocol_of,
)
from gpt_toolkit.evaluation.record_template import (
    as_text,
    fields_of,
    fill_text,
    fill_value,
    is_missing,
    text_of_field,
)
from gpt_toolkit.records import ENDINGS, Record, ending, excerpt, read_records
from gpt_toolkit.text_lines import text_lines


class CustomItem(NamedTuple):
    """A record put into words.

    Attributes:
        where: File and line.
        prompt: Text that is asked.
        options: Choices, with the space before them.
        right: Index of the right choice.
        references: Texts that count as right.
    """

    where: str
    prompt: str
    options: tuple[str, ...] = ()
    right: int = -1
    references: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The prompt, as the text of a document."""
        return self.prompt


@dataclass(frozen=True)
class CustomBenchmark(CustomFields):
    """A benchmark of a YAML file."""

    def read(self, path: Path) -> Items:
        """Read a file and put its records into words.

        Raises:
            ValueError: If the file or a record is not as expected; names the line.
        """
        records = self._read_records(path)
        left_out, warnings = Counter[str](), Counter[str]()
        for name in sorted(set().union(*map(fields_of, self._templates()))):
            empty = sum(as_text(record.fields.get(name)) == "" for record in records)
            if empty and name not in fields_of(self.answer):
                warnings[f"records have no {name}, which is empty in their texts"] += empty
        answered = [record for record in records if self._has_answer(record)]
        if len(answered) < len(records):
            left_out["without an answer"] = len(records) - len(answered)
        if not answered:
            raise ValueError(f"{path}: no record has an answer; expected one in {self.answer}; check answer")
        origin = f"{path}, {len(records):,} rows"
        notes = [f"{n:,} {warning}" for warning, n in warnings.items()]
        prompts = [fill_text(self.prompt, record) for record in answered]
        items = [CustomItem(record.where, text) for record, text in zip(answered, prompts, strict=True)]
        if self.kind == "multiple_choice":
            questions = [self._question(record) for record in answered]
            places, meaning, more = right_choices(questions, self.answer_is)
            origin, notes = f"{origin}, answers read as {meaning}", [*notes, *more]
            items = [
                item._replace(options=tuple(_gap(item.prompt, o) + o for o in question.options), right=right)
                for item, question, right in zip(items, questions, places, strict=True)
            ]
        elif self.kind == "generate":
            pairs = zip(items, answered, strict=True)
            items = [item._replace(references=self._references(record)) for item, record in pairs]
        else:
            for item in items:
                self._check_text(item)
        return Items(items, origin, notes, left_out=left_out)

    def _templates(self) -> list[str]:
        choices = [self.choices] if isinstance(self.choices, str) else self.choices
        return [template for template in (self.prompt, *choices, self.answer) if template]

    def _read_records(self, path: Path) -> list[Record]:
        if self.kind == "perplexity" and path.name.lower().removesuffix(".gz").endswith(".txt"):
            return [Record({"text": "".join(line for _, line in text_lines(path))}, str(path))]
        return read_table(path)

    def _has_answer(self, record: Record) -> bool:
        if self.kind not in KINDS_OF_FIELD["answer"]:
            return True
        answer = fill_value(self.answer, record)
        return not is_missing(answer) and not (isinstance(answer, list) and all(map(is_missing, answer)))

    def _question(self, record: Record) -> GivenAnswer:
        templates = [self.choices] if isinstance(self.choices, str) else self.choices
        values = [fill_value(template, record) for template in templates]
        if len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        options = [text_of_field(value, record, "choices") for value in values]
        texts = [option.strip() for option in options]
        problem = ""
        if len(options) < 2:
            problem = 'expected a list of at least two; name one column for each choice: ["{a}", "{b}"]'
        elif not all(texts):
            problem = "expected no empty choice; fill it or remove the record"
        elif len(set(texts)) < len(texts):
            problem = "expected different texts; change one of the equal choices or remove the record"
        if problem:
            raise ValueError(f"{record.where}: choices: {excerpt(str(options))}; {problem}")
        answer = fill_value(self.answer, record)
        if isinstance(answer, list) and len(answer) == 1:
            [answer] = answer
        if isinstance(answer, (list, dict)):
            raise ValueError(
                f"{record.where}: answer: {answer}; expected one right choice; remove the others"
            )
        return GivenAnswer(record.where, tuple(options), answer)

    def _references(self, record: Record) -> tuple[str, ...]:
        answer = fill_value(self.answer, record)
        accepted = [each for each in answer if not is_missing(each)] if isinstance(answer, list) else [answer]
        return tuple(text_of_field(each, record, "answer") for each in accepted)

    def _check_text(self, item: CustomItem) -> None:
        if not item.prompt.strip():
            raise ValueError(f"{item.where}: prompt: no text; expected text; remove the record")
        if self.kind == "last_word":
            try:
                split_last_word(LastWord(item.prompt), detokenized=False)
            except ValueError as error:
                raise ValueError(f"{item.where}: {error}") from None

    def example(self, item: CustomItem) -> str:
        """Return an item as an example: its prompt with the right answer."""
        answer = ""
        if self.kind == "multiple_choice":
            answer = item.options[item.right]
        elif self.kind == "generate":
            answer = f"{_gap(item.prompt, item.references[0])}{item.references[0]}"
        return item.prompt + answer + self.separator

    def build_requests(self, items: Sequence[CustomItem], context: EvaluationContext) -> RequestSet:
        """Build the requests of all items."""
        texts = context.with_examples(items, lambda item: item.prompt, self.example)
        if self.kind == "last_word":
            build_requests = last_word_requests(filtered=False, detokenized=False)
            return build_requests([LastWord(text) for text in texts], context)
        if self.kind == "generate":
            stop = (self.stop,) if self.stop else ()
            prompts = [context.prompt(text, max_new_tokens=self.max_new_tokens, stop=stop) for text in texts]
            return RequestSet([[prompt] for prompt in prompts], [item.references for item in items])
        pairs = zip(texts, items, strict=True)
        requests = [context.continuations(text, item.options) for text, item in pairs]
        if self.metric == "accuracy_pmi":
            for asked, item in zip(requests, items, strict=True):
                asked += context.continuations(self.premise, item.options)
        return RequestSet(requests, [item.right for item in items])

    def rule(self) -> str:
        """Return what is scored, for the statement."""
        if self.kind == "last_word":
            return "right if all tokens of the last word are greedy"
        if self.kind == "perplexity":
            return (
                "each text after the end-of-text token, in windows of the context length that overlap by half"
            )
        if self.kind == "generate":
            stop = f" up to {self.stop!r}" if self.stop else ""
            return f"at most {self.max_new_tokens} greedy tokens{stop}"
        if self.metric == "accuracy_pmi":
            before = repr(self.premise) if self.premise else "the end-of-text token"
            return f"the choice that gains most log-probability over that after {before} alone"
        per_token = self.metric == "accuracy_per_token"
        return f"the choice of the highest {'mean' if per_token else 'summed'} log-probability of its tokens"

    def compute_metrics(self) -> ComputeMetrics:
        """Return the function that computes the metrics."""
        if self.kind == "last_word":
            return last_word_metrics
        if self.kind == "generate":
            return metric_of_texts(self.metric or "exact_match")
        if self.metric == "accuracy_per_token":
            return highest(mean_of_tokens, self.metric)
        if self.metric == "accuracy_pmi":
            return highest_gain
        return highest(summed)


_TEXT: Final = Corpus("word_perplexity")
_OF_OTHERS: Final = ("lm-eval-1", "hf-strided-1")
"""Other protocols of your own text. Megatron's reads each token 32 times and needs a de-tokenizer."""


def read_custom(path: str | Path) -> Benchmark:
    """Read the benchmark that a YAML file describes.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a field is unknown, missing or out of range; lists all problems at once.
    """
    path = Path(path).expanduser()
    custom = CustomBenchmark(**read_custom_fields(path))
    protocol: EvaluationProtocol = protocol_of(
        "custom",
        "own-1",
        (custom.build_requests, custom.compute_metrics()),
        kind=custom.kind,
        prompt=custom.prompt,
        rule=custom.rule(),
        file=path.name,
    )
    can_show = custom.kind in KINDS_OF_FIELD["n_examples"]
    protocols: tuple[EvaluationProtocol, ...] = (
        replace(protocol, n_examples=custom.n_examples if can_show else None),
    )
    if custom.kind == "perplexity":
        statement = protocol.statement.replace("{", "{{").replace("}", "}}")
        own = replace(perplexity_protocol("paper-1", _TEXT), name="own", statement=statement)
        protocols = (own, *(perplexity_protocol(key, _TEXT) for key in _OF_OTHERS))
    table = path.parent / custom.files

    def read_examples() -> Sequence[CustomItem]:
        return custom.read(path.parent / custom.examples).items if custom.examples else ()

    def read(root: Path | None, limit: int | None, check: bool) -> Items:
        found = custom.read(table)
        return found._replace(
            items=found.items[:limit], read_examples=read_examples, examples_from=custom.examples
        )

    return Benchmark(custom.name, path.name, read, protocols)


def read_table(path: Path) -> list[Record]:
    """Read the records of a file.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it holds no records, or is broken.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {found}; expected a file of records; check files and examples")
    if not ending(path):
        raise ValueError(f"{path}: unknown kind of file; expected a name that ends in {', '.join(ENDINGS)}")
    records = list(read_records(path, detect_quotes=True))
    if not records:
        raise ValueError(f"{path}: no records; expected at least one")
    return records


def _gap(prompt: str, answer: str) -> str:
    """Return the space between a prompt and an answer; "" if either has its own or the prompt is empty."""
    return " " if prompt and not prompt[-1].isspace() and not answer[:1].isspace() else ""
