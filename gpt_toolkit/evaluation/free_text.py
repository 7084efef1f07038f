"""Benchmarks whose answer the model writes: CoQA, CNN/DM, WMT14, Natural Questions (GPT-2 §3.5-3.8)."""

import re
import string
from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from gpt_toolkit.evaluation.benchmark_metrics import Result, Score, best_of, bleu, mean, rouge
from gpt_toolkit.evaluation.items import Conversation, Question, Summary
from gpt_toolkit.evaluation.protocol import (
    BuildRequests,
    ComputeMetrics,
    EvaluationContext,
    EvaluationProtocol,
    RequestSet,
    Steps,
    protocols_of,
)
from gpt_toolkit.generation.requests import Answer, Prompt, Request
from gpt_toolkit.text_metrics import exact_match, leave_one_out_f1, token_f1

Answers = Sequence[Sequence[Answer]]

LINE_BREAK = "\n"
_HARNESS_TOKENS = 256  # lm-eval 0.4.13: lm_eval/models/huggingface.py
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"'”’)\]]*(?=\s|$)|$)", re.DOTALL)  # noqa: RUF001


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: each ends in punctuation before a space or the end of the text."""
    return [found.group().strip() for found in _SENTENCE.finditer(text.strip())]


def prompt_requests(
    ask: Callable[[Any], str],
    reference_of: Callable[[Any], Any],
    *,
    max_new_tokens: int,
    stop: tuple[str, ...],
    answered: Callable[[Any], str] | None = None,
) -> BuildRequests:
    """Return a function that builds the prompt of each item.

    Args:
        ask: Returns the text of an item.
        reference_of: Returns the right answers of an item.
        max_new_tokens: Longest answer.
        stop: Strings that end the answer.
        answered: Returns the text of an example; None: the protocol has no examples.
    """

    def build_requests(items: Sequence[Any], context: EvaluationContext) -> RequestSet:
        texts = list(map(ask, items)) if answered is None else context.with_examples(items, ask, answered)
        prompts = [context.prompt(text, max_new_tokens=max_new_tokens, stop=stop) for text in texts]
        return RequestSet([[prompt] for prompt in prompts], [reference_of(item) for item in items])

    return build_requests


def scores_of_texts(
    clean: Callable[[str], str], scores_of: Callable[[Sequence[str], Sequence[Any]], list[Score]]
) -> ComputeMetrics:
    """Return a function that computes metrics of the texts of all answers.

    Args:
        clean: Returns the part of an answer that counts.
        scores_of: Computes scores from texts and references.
    """

    def compute_metrics(references: Sequence[Any], answers: Answers) -> Result:
        texts = [clean(answer.text) for [answer] in answers]
        return Result(scores_of(texts, references), [{"answer": text} for text in texts])

    return compute_metrics


def metric_of_texts(metric: str) -> ComputeMetrics:
    """Return a function that computes one metric of whole answers.

    Args:
        metric: ``exact_match``, ``token_f1``, ``rouge`` or ``bleu``, all in percent.
    """

    def scores_of(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[Score]:
        if metric == "rouge":
            return rouge(texts, references, by_sentence=True)
        if metric == "bleu":
            return [bleu(texts, references)]
        score = {"exact_match": exact_match, "token_f1": token_f1}[metric]
        values = [score(text, accepted) for text, accepted in zip(texts, references, strict=True)]
        return [mean(metric, values, best_of(references))]

    return scores_of_texts(str.strip, scores_of)


def _corpus_bleu(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[Score]:
    return [bleu(texts, references)]


# Conversation (CoQA)


def turn_requests(items: Sequence[Conversation], context: EvaluationContext) -> RequestSet:
    """Build a prompt for every question, after the story and the turns before with their human answers."""
    requests: list[list[Request]] = []
    for item in items:
        text = f"{item.story.strip()}\n\n"
        turns: list[Request] = []
        for question, answers in zip(item.questions, item.answers, strict=True):
            text += f"Q: {question.strip()}\nA:"
            turns.append(context.prompt(text, max_new_tokens=32, stop=(LINE_BREAK,)))
            text += f" {answers[0].strip()}\n"
        requests.append(turns)
    return RequestSet(requests, [item.answers for item in items])


def turn_metrics(references: Sequence[Sequence[Sequence[str]]], answers: Answers) -> Result:
    """Compute the F1 of every turn, in percent."""
    items, scores = [], []
    for turns, right in zip(answers, references, strict=True):
        texts = [answer.text.strip().split(LINE_BREAK)[0] for answer in turns]
        f1 = [leave_one_out_f1(text, accepted) for text, accepted in zip(texts, right, strict=True)]
        scores += f1
        items.append({"answers": texts, "f1": f1})
    return Result([mean("f1", scores, unit="turns")], items)


def _harness_conversation(item: Conversation) -> str:
    text = f"{item.story}\n\n"
    for question, answers in zip(item.questions[:-1], item.answers[:-1], strict=True):
        text += f"Q: {question}\n\nA: {answers[0]}\n\n"
    return f"{text}Q: {item.questions[-1]}\n\nA:"


def _last_turn_references(item: Conversation) -> tuple[tuple[str, ...]]:
    by_lower_case = {answer.lower(): answer for answer in reversed(item.answers[-1])}
    return (tuple(reversed(by_lower_case.values())),)


# Summaries (CNN/Daily Mail)


def summary_requests(hint: str) -> BuildRequests:
    """Return a function that builds prompts of the article and a hint, for 100 tokens with top-k of 2."""

    def build_requests(items: Sequence[Summary], context: EvaluationContext) -> RequestSet:
        n_new = min(100, max(1, context.n_ctx // 2))
        if n_new < 100:
            context.warnings[f"summaries have at most {n_new} tokens instead of 100"] += len(items)
        hint_ids = context.tokenizer.encode(hint) if hint else []
        limit = max(1, context.n_ctx - n_new - len(hint_ids))
        requests: list[list[Request]] = []
        for number, item in enumerate(items):
            ids = context.tokenizer.encode(item.article)
            if len(ids) > limit:
                context.warnings[
                    f"articles lost their end to fit into {context.n_ctx} tokens with the summary"
                ] += 1
            seed = context.seed * 1_000_003 + number  # tuned here: each item has its own draws in every run
            requests.append([Prompt((*ids[:limit], *hint_ids), n_new, context.end_of_text, 2, seed)])
        return RequestSet(requests, [(item.highlights,) for item in items])

    return build_requests


summary_metrics: Final = scores_of_texts(
    lambda text: LINE_BREAK.join(sentences(text)[:3]), partial(rouge, by_sentence=True)
)


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


def _harness_rouge(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[Score]:
    plain = [tuple(map(_single_spaces, each)) for each in references]
    average, *scores = rouge(texts, plain, by_sentence=False)
    return [*scores, average]


# Translation (WMT14)


def _first_sentence(text: str) -> str:
    return (sentences(text.split(LINE_BREAK)[0]) or [""])[0]


def translation(source: str, target: str) -> tuple[EvaluationProtocol, ...]:
    """Return the protocols of a pair of languages, given their names."""
    paper = prompt_requests(
        lambda item: f"{item.source} =",
        lambda item: (item.target,),
        max_new_tokens=100,
        stop=(LINE_BREAK,),
        answered=lambda item: f"{item.source} = {item.target}{LINE_BREAK}",
    )
    harness = prompt_requests(
        lambda item: f"{source} phrase: {item.source}\n{target} phrase:",
        lambda item: (item.target,),
        max_new_tokens=_HARNESS_TOKENS,
        stop=(LINE_BREAK,),
    )
    steps = {
        "paper-1": (paper, scores_of_texts(_first_sentence, _corpus_bleu)),
        "lm-eval-1": (harness, scores_of_texts(str, _corpus_bleu)),
    }
    return protocols_of("translation", steps, source=source, target=target)


# Questions (Natural Questions)


def _question(item: Question) -> str:
    return f"Q: {item.question.removesuffix('?')}?\nA:"


def question_metrics(references: Sequence[Sequence[str]], answers: Answers) -> Result:
    """Compute the exact match of all answers, and of the most confident hundredth of them."""
    found = [answer for [answer] in answers]
    texts = [answer.text.strip().split(LINE_BREAK)[0] for answer in found]
    percent = [exact_match(text, right) for text, right in zip(texts, references, strict=True)]
    confident = sorted(range(len(found)), key=lambda i: -found[i].log_probability)
    confident = confident[: max(1, round(len(found) / 100))] if found else []
    items = [
        {"answer": text, "correct": bool(right), "log_probability": answer.log_probability}
        for text, right, answer in zip(texts, percent, found, strict=True)
    ]
    scores = [
        mean("exact_match", percent, best_of(references)),
        mean("exact_match_of_most_confident_1%", [percent[i] for i in confident]),
    ]
    return Result(scores, items)


_ARTICLES = re.compile(r"\b(?:The |the |An |A |The |a |an )")


def _harness_normalized(text: str) -> str:
    text = _ARTICLES.sub("", text).lower()
    return text.translate(str.maketrans("", "", string.punctuation))


def _harness_exact_match(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[Score]:
    correct = [
        _harness_normalized(text) in map(_harness_normalized, accepted)
        for text, accepted in zip(texts, references, strict=True)
    ]
    return [mean("exact_match", [100.0 * right for right in correct])]


_STEPS: Final[dict[str, dict[str, Steps]]] = {
    "conversation": {
        "paper-1": (turn_requests, turn_metrics),
        "lm-eval-1": (
            prompt_requests(
                _harness_conversation,
                _last_turn_references,
                max_new_tokens=_HARNESS_TOKENS,
                stop=("\nQ:",),
            ),
            turn_metrics,
        ),
    },
    "summaries": {
        "paper-1": (summary_requests("\nTL;DR:"), summary_metrics),
        "paper-no-hint-1": (summary_requests(""), summary_metrics),
        "lm-eval-1": (
            prompt_requests(
                lambda item: f"Summarize the following article:\n\n{item.article}\n\nSummary:",
                lambda item: (item.highlights,),
                max_new_tokens=128,
                stop=("\n\n",),
            ),
            scores_of_texts(_single_spaces, _harness_rouge),
        ),
    },
    "questions": {
        "paper-1": (
            prompt_requests(
                _question,
                lambda item: item.answers,
                max_new_tokens=32,
                stop=(LINE_BREAK,),
                answered=lambda item: f"{_question(item)} {item.answers[0]}\n\n",
            ),
            question_metrics,
        ),
        "lm-eval-1": (
            prompt_requests(
                lambda item: f"Answer these questions:\n\nQ: {item.question}?\nA:",
                lambda item: item.answers,
                max_new_tokens=_HARNESS_TOKENS,
                stop=(LINE_BREAK, ".", ","),
            ),
            scores_of_texts(str.strip, _harness_exact_match),
        ),
    },
}
PROTOCOLS: Final = MappingProxyType({family: protocols_of(family, steps) for family, steps in _STEPS.items()})
"""Protocols by their key in ``protocols.yaml``; those of a translation depend on its languages."""
