"""Benchmarks that compare candidates by likelihood: CBT, Winograd schemas, and GPT-1 §5's heuristics."""

from collections.abc import Callable, Sequence

import numpy as np

from gpt_toolkit.evaluation.benchmark_metrics import accuracy, matthews
from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS
from gpt_toolkit.evaluation.items import GAP, Choice, Cloze, Labelled, Schema
from gpt_toolkit.evaluation.protocol import (
    ComputeMetrics,
    EvaluationContext,
    Result,
    one_by_one,
    protocols_of,
)
from gpt_toolkit.generation.requests import Answer, Request

_PUNCTUATION = tuple(".,;:!?')]}%")


def summed(answer: Answer) -> float:
    """Return the log-probability of a candidate."""
    return answer.log_probability


def mean_of_tokens(answer: Answer) -> float:
    """Return the log-probability of a candidate per token."""
    return answer.log_probability / answer.n_scored


def highest(score: Callable[[Answer], float]) -> ComputeMetrics:
    """Return a function that computes the accuracy of the candidate with the highest score.

    The first of equal candidates is chosen. The reference of an item is the index of the right candidate.
    """

    def compute_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
        scores = [[score(answer) for answer in candidates] for candidates in answers]
        chosen = [candidates.index(max(candidates)) for candidates in scores]
        correct = [guess == right for guess, right in zip(chosen, references, strict=True)]
        chance = float(np.mean([1 / len(candidates) for candidates in scores])) if scores else np.nan
        items = [
            {"correct": right, "chosen": guess, "scores": candidates}
            for right, guess, candidates in zip(correct, chosen, scores, strict=True)
        ]
        return Result([accuracy("accuracy", correct, chance)], items)

    return compute_metrics


# Children's Book Test


def cloze_requests(item: Cloze, context: EvaluationContext) -> list[Request]:
    """Build a request for each candidate with the rest of its sentence, after all text before it."""
    sentences = [*item.context, item.query]
    if item.tokenized:
        sentences = [DETOKENIZERS["books"].detokenize(sentence) for sentence in sentences]
    story = " ".join(sentences[:-1])
    beginning, gap, rest = sentences[-1].partition(GAP)
    if not gap:
        raise ValueError(f"the query {item.query!r} has no gap; expected {GAP} in place of the missing word")
    before = f"{story} {beginning}" if story else beginning
    return context.continuations(before, [word + rest for word in item.candidates])


# Winograd schemas and DPRD


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


def two_space_requests(item: Schema, context: EvaluationContext) -> list[Request]:
    """Build requests for the rest of the sentence after two spaces, as lm-eval does."""
    return [context.continuation(beginning, f"  {item.rest}") for beginning in item.beginnings]


def partial_and_full_metrics(references: Sequence[int], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the accuracy of partial and of full scoring."""
    compute_metrics = highest(summed)
    partial = compute_metrics(references, [item[: len(item) // 2] for item in answers])
    full = compute_metrics(references, [item[len(item) // 2 :] for item in answers])
    metrics = [
        partial.metrics[0]._replace(name="partial_accuracy"),
        full.metrics[0]._replace(name="full_accuracy"),
    ]
    items = [
        {**one, **{f"full_{key}": value for key, value in other.items()}}
        for one, other in zip(partial.items, full.items, strict=True)
    ]
    return Result(metrics, items)


# GPT-1 §5


def option_requests(item: Choice, context: EvaluationContext) -> list[Request]:
    """Build a request for each option after the context."""
    return context.continuations(item.context, [f" {option}" for option in item.options])


def sentiment_requests(item: Labelled, context: EvaluationContext) -> list[Request]:
    """Build requests for ``negative`` (class 0) and ``positive`` (class 1) after the text and ``very``."""
    return context.continuations(f"{item.text.strip()} very", (" negative", " positive"))


def sentence_requests(item: Labelled, context: EvaluationContext) -> list[Request]:
    """Build a request for the sentence on its own."""
    return [context.continuation("", item.text.strip())]


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
    metrics = [matthews("matthews", chosen, references), accuracy("accuracy", correct, max(ACCEPTABLE, 0.5))]
    return Result(metrics, items)


def _answer(item: Cloze | Schema | Choice) -> int:
    return item.answer


def _label(item: Labelled) -> int:
    return item.label


CLOZE = protocols_of("cloze", {"paper-1": (one_by_one(cloze_requests, _answer), highest(summed))})
RESOLUTION_STEPS = (one_by_one(partial_requests, _answer), highest(mean_of_tokens))
SCHEMAS = protocols_of(
    "schemas",
    {
        "paper-1": (one_by_one(partial_and_full_requests, _answer), partial_and_full_metrics),
        "lm-eval-1": (one_by_one(two_space_requests, _answer), highest(summed)),
        "gpt1-1": RESOLUTION_STEPS,
    },
)
RESOLUTION = protocols_of("resolution", {"paper-1": RESOLUTION_STEPS})
ACCEPTABILITY = protocols_of(
    "acceptability",
    {"paper-1": (one_by_one(sentence_requests, _label), acceptability_metrics)},
    acceptable=f"{ACCEPTABLE:.1%}",
)
SENTIMENT = protocols_of("sentiment", {"paper-1": (one_by_one(sentiment_requests, _label), highest(summed))})
READING = protocols_of(
    "reading", {"paper-1": (one_by_one(option_requests, _answer), highest(mean_of_tokens))}
)
