"""Benchmarks scored by the likelihood of candidates (GPT-2 §3.2 and 3.4; the heuristics of GPT-1 §5)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from gpt_toolkit.evaluation.benchmark_metrics import Result, accuracy, matthews
from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS
from gpt_toolkit.evaluation.items import GAP, Cloze, Schema
from gpt_toolkit.evaluation.protocol import (
    ComputeMetrics,
    EvaluationContext,
    RequestSet,
    Steps,
    protocols_of,
)
from gpt_toolkit.generation.requests import Answer, Request


def summed(answer: Answer) -> float:
    """Return the log-probability of a candidate."""
    return answer.log_probability


def mean_of_tokens(answer: Answer) -> float:
    """Return the log-probability of a candidate per token."""
    return answer.log_probability / answer.n_scored


def highest(score: Callable[[Answer], float], metric: str = "accuracy") -> ComputeMetrics:
    """Return a function that computes the accuracy of the candidate with the highest score.

    The first of equal candidates is chosen. The reference of an item is the index of the right candidate.

    Args:
        score: Returns the score of a candidate.
        metric: Name of the accuracy.
    """

    def compute_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
        scores = [[score(answer) for answer in candidates] for candidates in answers]
        chosen = [candidates.index(max(candidates)) for candidates in scores]
        correct = [guess == right for guess, right in zip(chosen, references, strict=True)]
        chance = float(np.mean([1 / len(candidates) for candidates in scores])) if scores else np.nan
        items = [
            {"correct": guess == right, "chosen": guess, "right": right, "scores": candidates}
            for guess, right, candidates in zip(chosen, references, scores, strict=True)
        ]
        return Result([accuracy(metric, correct, chance, references)], items)

    return compute_metrics


def highest_gain(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the accuracy of the candidate that gains most over its likelihood without the context (DC-PMI).

    The second half of an item's answers are those without the context (arXiv 2104.08315).
    """
    halves = [(item[: len(item) // 2], item[len(item) // 2 :]) for item in answers]
    gains = [
        [
            a._replace(log_probability=a.log_probability - b.log_probability)
            for a, b in zip(*half, strict=True)
        ]
        for half in halves
    ]
    return highest(summed, "accuracy_pmi")(references, gains)


def candidates(
    requests_of: Callable[[Any, EvaluationContext], list[Request]], compute_metrics: ComputeMetrics
) -> Steps:
    """Return the steps of a protocol that builds the requests of each item on its own.

    Args:
        requests_of: Builds the requests of an item, whose field ``answer`` is the reference.
        compute_metrics: Computes metrics.
    """

    def build_requests(items: Sequence[Any], context: EvaluationContext) -> RequestSet:
        return RequestSet([requests_of(item, context) for item in items], [item.answer for item in items])

    return build_requests, compute_metrics


# Children's Book Test


def cloze_requests(item: Cloze, context: EvaluationContext) -> list[Request]:
    """Build a request for each candidate with the rest of its sentence, after all text before it."""
    sentences = [*item.context, item.query]
    if item.tokenized:
        sentences = [DETOKENIZERS["books"].detokenize(sentence) for sentence in sentences]
    story = " ".join(sentences[:-1])
    beginning, gap, rest = sentences[-1].partition(GAP)
    if not gap:
        raise ValueError(f"query {item.query!r}: no gap; expected {GAP} in place of the missing word")
    before = f"{story} {beginning}" if story else beginning
    return context.continuations(before, [word + rest for word in item.candidates])


# Winograd schemas and DPRD

_PUNCTUATION = tuple(".,;:!?')]}%")


def after(beginning: str, rest: str) -> str:
    """Return the rest of a sentence with a space before it, unless it begins with punctuation."""
    return rest if rest.startswith(_PUNCTUATION) or beginning.endswith(" ") else f" {rest}"


def partial_requests(item: Schema, context: EvaluationContext) -> list[Request]:
    """Build requests for the rest of the sentence after each reading's beginning."""
    return [context.continuation(beginning, after(beginning, item.rest)) for beginning in item.beginnings]


def partial_and_full_requests(item: Schema, context: EvaluationContext) -> list[Request]:
    """Build requests for the rest after each beginning (partial), then for each whole sentence (full)."""
    full = [
        context.continuation("", beginning + after(beginning, item.rest)) for beginning in item.beginnings
    ]
    return [*partial_requests(item, context), *full]


def partial_and_full_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the accuracy of partial and of full scoring."""
    compute_metrics = highest(summed)
    partial = compute_metrics(references, [item[: len(item) // 2] for item in answers])
    full = compute_metrics(references, [item[len(item) // 2 :] for item in answers])
    scores = [
        replace(partial.scores[0], metric="partial_accuracy"),
        replace(full.scores[0], metric="full_accuracy"),
    ]
    items = [
        {**one, **{f"full_{key}": value for key, value in other.items()}}
        for one, other in zip(partial.items, full.items, strict=True)
    ]
    return Result(scores, items)


# GPT-1 §5


ACCEPTABLE = 6023 / 8551
"""Fraction of acceptable sentences in CoLA's published training set."""


def acceptability_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute metrics of the prediction that a sentence is acceptable if its score is above a threshold."""
    scores = [mean_of_tokens(answer) for [answer] in answers]
    threshold = float(np.quantile(scores, 1 - ACCEPTABLE)) if scores else np.nan
    chosen = [int(score > threshold) for score in scores]
    correct = [guess == label for guess, label in zip(chosen, references, strict=True)]
    items = [
        {"correct": right, "chosen": guess, "scores": [score], "threshold": threshold}
        for right, guess, score in zip(correct, chosen, scores, strict=True)
    ]
    guess = max(ACCEPTABLE, 0.5)
    return Result([matthews(chosen, references), accuracy("accuracy", correct, guess, references)], items)


_RESOLUTION: Final = candidates(partial_requests, highest(mean_of_tokens))
_STEPS: Final[dict[str, dict[str, Steps]]] = {
    "cloze": {"paper-1": candidates(cloze_requests, highest(summed))},
    "schemas": {
        "paper-1": candidates(partial_and_full_requests, partial_and_full_metrics),
        "lm-eval-1": candidates(  # the harness puts two spaces before the rest
            lambda item, context: [context.continuation(each, f"  {item.rest}") for each in item.beginnings],
            highest(summed),
        ),
        "gpt1-1": _RESOLUTION,
    },
    "resolution": {"paper-1": _RESOLUTION},
    "acceptability": {
        "paper-1": candidates(
            lambda item, context: [context.continuation("", item.text.strip())], acceptability_metrics
        ),
    },
    "sentiment": {
        "paper-1": candidates(  # classes 0 and 1
            lambda item, context: context.continuations(
                f"{item.text.strip()} very", (" negative", " positive")
            ),
            highest(summed),
        ),
    },
    "reading": {
        "paper-1": candidates(
            lambda item, context: context.continuations(
                item.context, [f" {option}" for option in item.options]
            ),
            highest(mean_of_tokens),
        ),
    },
}
PROTOCOLS: Final = MappingProxyType(
    {family: protocols_of(family, steps, acceptable=f"{ACCEPTABLE:.1%}") for family, steps in _STEPS.items()}
)
"""Protocols by their key in ``protocols.yaml``."""
