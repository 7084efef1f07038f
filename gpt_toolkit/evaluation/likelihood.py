"""Benchmarks scored by the likelihood of a continuation.

These are LAMBADA, CBT and Winograd schemas (GPT-2 §3.2-3.4), and the heuristics of GPT-1 §5.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from gpt_toolkit.evaluation.benchmark_metrics import accuracy, pearson, perplexity
from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS
from gpt_toolkit.evaluation.items import GAP, Cloze, LastWord, Schema
from gpt_toolkit.evaluation.protocol import (
    BuildRequests,
    ComputeMetrics,
    EvaluationContext,
    RequestSet,
    Result,
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


# LAMBADA

# The English list of NLTK 3.4, which an independent check of GPT-2 used (cybertronai/bflm:
# eval_lambada_slow.py); 127 words. OpenAI's own list was never published.
_LIST = (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers "
    "herself it its itself they them their theirs themselves what which who whom this that these those am is "
    "are was were be been being have has had having do does did doing a an the and but if or because as "
    "until while of at by for with about against between into through during before after above below to "
    "from up down in out on off over under again further then once here there when where why how all any "
    "both each few more most other some such no nor not only own same so than too very s t can will just don "
    "should now"
)
STOP_WORDS = tuple(_LIST.split())


def stop_ids(context: EvaluationContext) -> frozenset[int]:
    """Return the tokens that are a stop word with its space, in lower case or capitalized."""
    words = [word for stop in STOP_WORDS for word in (stop, stop.capitalize())]
    encoded = [context.tokenizer.encode(f" {word}") for word in words]
    return frozenset(ids[0] for ids in encoded if len(ids) == 1)


def split_last_word(item: LastWord, *, detokenized: bool) -> tuple[str, str]:
    """Return a passage without its last word, and that word with the space before it."""
    text = DETOKENIZERS["books"].detokenize(item.text) if item.tokenized and detokenized else item.text
    passage, _, word = text.rpartition(" ")
    if not passage or not word:
        raise ValueError(
            f"{item.text[:60]!r} has no last word to predict; expected two words with a space between them"
        )
    return passage, f" {word}"


def last_word_requests(*, filtered: bool, detokenized: bool) -> BuildRequests:
    """Return a function that builds requests for the whole last word.

    Args:
        filtered: Exclude stop words from the answers.
        detokenized: Turn the original, tokenized file into running text.
    """

    def build_requests(items: Sequence[LastWord], context: EvaluationContext) -> RequestSet:
        stops = stop_ids(context) if filtered else frozenset()
        requests: list[list[Request]] = []
        for item in items:
            request = context.continuation(*split_last_word(item, detokenized=detokenized), stops)
            if len(request.continuation) > 1:  # a longer word may begin with the token of a stop word
                request = request._replace(excluded=stops - {request.continuation[0]})
            requests.append([request])
        return RequestSet(requests, [None] * len(items))

    return build_requests


def last_token_requests(*, filtered: bool) -> BuildRequests:
    """Return a function that builds requests for the last token alone, whatever part of the word it is."""

    def build_requests(items: Sequence[LastWord], context: EvaluationContext) -> RequestSet:
        stops = stop_ids(context) if filtered else frozenset()
        requests: list[list[Request]] = []
        for item in items:
            ids = context.tokenizer.encode("".join(split_last_word(item, detokenized=True)))
            before = ids[:-1] or [context.tokenizer.end_of_text]
            requests.append([context.fitted(before, ids[-1:], stops)])
        return RequestSet(requests, [None] * len(items))

    return build_requests


def last_word_metrics(references: Sequence[None], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the accuracy and the perplexity of the last word or token."""
    found = [answer for [answer] in answers]
    nats = [-answer.log_probability for answer in found]
    correct = [answer.is_greedy for answer in found]
    items = [{"correct": answer.is_greedy, "log_probability": answer.log_probability} for answer in found]
    metrics = [accuracy("accuracy", correct, 0.0), perplexity("perplexity", nats, [1] * len(nats))]
    return Result(metrics, items)


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
    metrics = [pearson("matthews", chosen, references), accuracy("accuracy", correct, max(ACCEPTABLE, 0.5))]
    return Result(metrics, items)


_RESOLUTION: Final = candidates(partial_requests, highest(mean_of_tokens))
_STEPS: Final[dict[str, dict[str, Steps]]] = {
    "lambada": {
        "paper-1": (last_word_requests(filtered=True, detokenized=True), last_word_metrics),
        "paper-token-1": (last_token_requests(filtered=True), last_word_metrics),
        "lm-eval-1": (last_word_requests(filtered=False, detokenized=False), last_word_metrics),
        "megatron-1": (last_token_requests(filtered=False), last_word_metrics),
    },
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
