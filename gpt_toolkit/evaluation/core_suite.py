"""CORE: 22 tasks of base models and the mean of their centered accuracies (DCLM, arXiv 2406.11794).

Files are those of nanochat's evaluation bundle. Texts, tokens and rules are nanochat's
(karpathy/nanochat@92d63d4: nanochat/core_eval.py).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from gpt_toolkit.evaluation.benchmark_metrics import Result, Score, accuracy
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.likelihood import highest, mean_of_tokens
from gpt_toolkit.evaluation.multiple_choice import after_beginning, after_common_prefix, common_suffix
from gpt_toolkit.evaluation.protocol import EvaluationContext, ItemProtocol, RequestSet, Steps, protocol_of
from gpt_toolkit.generation.requests import Answer, Request
from gpt_toolkit.records import Record, read_records

Kind = Literal["multiple_choice", "schema", "language_modeling"]

NAME: Final = "core"
"""Name of the suite and beginning of its benchmarks' names."""
N_TASKS: Final = 22

_FOLDERS = ("eval_bundle/eval_data", "core/eval_data", "eval_data", "core", ".")
_SHUFFLE = 1337  # nanochat@92d63d4: scripts/base_eval.py
_EXAMPLES = 1234  # nanochat@92d63d4: nanochat/core_eval.py; the number of the item is added
_METRIC = "centered_accuracy"


class CorePrompts(NamedTuple):
    """An item with its examples, put into words.

    Attributes:
        prompts: Text of each option; or the text without and with the continuation.
        answer: Index of the right option; 0 for a continuation.
    """

    prompts: tuple[str, ...]
    answer: int


@dataclass(frozen=True)
class CoreTask:
    """A task of the suite, as in the bundle's ``core.yaml`` and ``eval_meta_data.csv``.

    Args:
        file: File in ``eval_data``.
        kind: Kind of the task.
        shots: Number of examples in context.
        baseline: Accuracy of a guess, in percent.
        delimiter: Text between context and continuation.
    """

    file: str
    kind: Kind
    shots: int
    baseline: float
    delimiter: str = " "

    def read(self, root: Path | None, limit: int | None, check: bool) -> Items:
        """Read the first items in nanochat's order, each with its examples.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If a record lacks a field.
        """
        paths = [] if root is None else [root / folder / self.file for folder in _FOLDERS]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f"{self.file}: not found in {root}; expected a file of CORE's evaluation bundle; unpack "
                "nanochat's eval_bundle.zip and give the folder above eval_bundle as root"
            )
        records = list(read_records(path))
        random.Random(_SHUFFLE).shuffle(records)
        items = [self._prompts(records, number) for number in range(len(records))[:limit]]
        return Items(items, f"{path}: {len(records):,} rows, in nanochat's order")

    def _prompts(self, records: Sequence[Record], number: int) -> CorePrompts:
        others = [i for i in range(len(records)) if i != number]
        drawn = random.Random(_EXAMPLES + number).sample(others, min(self.shots, len(others)))
        try:
            examples = "".join(f"{self._answered(records[i].fields)}\n\n" for i in drawn)
            texts = tuple(examples + text for text in self._texts(records[number].fields))
            answer = int(records[number].fields.get("gold", 0))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"{records[number].where}: {error!r}; expected a record of {self.kind}; get the bundle again"
            ) from None
        if self.kind == "language_modeling":
            texts = (texts[0].strip(), texts[1])
        return CorePrompts(texts, answer)

    def _texts(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """Yield the text of each option; of a continuation the text without it and with it."""
        if self.kind == "multiple_choice":
            yield from (f"{fields['query']}{self.delimiter}{choice}" for choice in fields["choices"])
        elif self.kind == "schema":
            ending = fields["continuation"]
            yield from (f"{context}{self.delimiter}{ending}" for context in fields["context_options"])
        else:
            context = f"{fields['context'].strip()}{self.delimiter}"
            yield from (context, context + fields["continuation"])

    def _answered(self, fields: Mapping[str, Any]) -> str:
        """Return the text of an item with its right answer."""
        return [*self._texts(fields)][1 if self.kind == "language_modeling" else int(fields["gold"])]

    def protocols(self) -> tuple[ItemProtocol, ...]:
        """Return the protocol of the task."""
        words = {"shots": str(self.shots), "rule": _RULES[self.kind], "baseline": f"{self.baseline:g}"}
        return (protocol_of(NAME, "core-1", self._steps(), **words),)

    def _steps(self) -> Steps:
        def build_requests(items: Sequence[CorePrompts], context: EvaluationContext) -> RequestSet:
            requests = [self._requests(item, context) for item in items]
            return RequestSet(requests, [item.answer for item in items])

        def compute_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
            if self.kind == "language_modeling":
                correct = [answer.is_greedy for [answer] in answers]
                result = Result([accuracy("accuracy", correct)], [{"correct": each} for each in correct])
            else:
                result = highest(mean_of_tokens)(references, answers)
            score = replace(result.scores[0], chance=self.baseline / 100)
            return result._replace(scores=[score, self._centered(score)])

        return build_requests, compute_metrics

    def _requests(self, item: CorePrompts, context: EvaluationContext) -> list[Request]:
        if self.kind == "schema":
            return common_suffix(item.prompts, context)
        if self.kind == "language_modeling":
            beginning, text = item.prompts
            return [after_beginning(beginning, text, context)]
        return after_common_prefix(item.prompts, context)

    def _centered(self, score: Score) -> Score:
        guess = self.baseline / 100
        value, interval = (score.value - guess) / (1 - guess), score.interval / (1 - guess)
        scale = "0 is a guess, 1 is perfect"
        return Score(_METRIC, value, score.n, score.unit, scale, interval, score.interval_method, chance=0.0)


_RULES: Final[Mapping[Kind, str]] = {
    "multiple_choice": "the option with the highest mean log-probability of a token wins",
    "schema": "the context after which the ending has the highest mean log-probability of a token wins",
    "language_modeling": "right if all tokens of the continuation are greedy",
}


def suite_scores(scores: Sequence[Score]) -> list[Score]:
    """Return the CORE metric if the scores of all tasks are there; else an empty list."""
    parts = [score for score in scores if score.metric == _METRIC and score.benchmark.startswith(f"{NAME}:")]
    if len(parts) != N_TASKS:
        return []
    value = sum(score.value for score in parts) / N_TASKS
    interval = math.sqrt(sum(score.interval**2 for score in parts)) / N_TASKS
    return [replace(parts[0], value=value, n=N_TASKS, unit="tasks", interval=interval, benchmark=NAME)]
