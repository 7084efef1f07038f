"""Multiple choice after GPT-2's time: HellaSwag, PIQA, ARC, WinoGrande and BLiMP under several protocols.

A protocol is data of ``protocols.yaml``: a text, a way to divide it into tokens, and rules that turn the
likelihoods of the options into a choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from gpt_toolkit.evaluation.benchmark_metrics import Result, Score, accuracy
from gpt_toolkit.evaluation.items import Choice, HellaSwag, MinimalPair, Schema
from gpt_toolkit.evaluation.protocol import EvaluationContext, EvaluationProtocol, RequestSet, catalogue
from gpt_toolkit.generation.requests import Answer, Continuation, Request

Division: TypeAlias = Literal["joint", "apart", "prefix"]
"""Tokens of a context and an option: of their joint text, of each alone, or of the joint text after the
end-of-text token, where the options begin at the first token in which they differ."""

METRICS: Final = MappingProxyType(
    {
        "sum": "accuracy",
        "tokens": "accuracy_per_token",
        "characters": "accuracy_per_character",
        "pmi": "accuracy_pmi",
    }
)
"""Metrics by rule: the highest sum of log-probabilities, or mean per token or character, or the highest gain
over the option's log-probability after the premise alone (DC-PMI)."""


def clean(text: str) -> str:
    """Remove what WikiHow's pages left in HellaSwag's texts (lm-eval 0.4.13: hellaswag)."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def _cleaned(item: HellaSwag) -> list[tuple[str, str]]:
    context = clean(f"{item.activity}: {item.context_a} {item.context_b.capitalize()}")
    return [(context, f" {clean(ending)}") for ending in item.endings]


TEXTS: Final[Mapping[str, Callable[[Any], list[tuple[str, str]]]]] = MappingProxyType(
    {
        "question": lambda item: [(item.context, f" {option}") for option in item.options],
        "cleaned": _cleaned,
        "as in the file": lambda item: [(item.context, f" {ending}") for ending in item.endings],
        "beginnings": lambda item: [(beginning, f" {item.rest}") for beginning in item.beginnings],
        "sentence after a space": lambda item: [("", f" {sentence}") for sentence in item.sentences],
        "sentence": lambda item: [("", sentence) for sentence in item.sentences],
    }
)
"""Context and option of each choice, by the text of a protocol."""


class Reference(NamedTuple):
    """Facts of an item that do not depend on the model.

    Attributes:
        answer: Index of the right option.
        lengths: Characters of each option, without the space before it.
        group: Part of the benchmark that the item belongs to, or "".
    """

    answer: int
    lengths: tuple[int, ...]
    group: str


@dataclass(frozen=True)
class ChoiceProtocol(EvaluationProtocol):
    """A protocol of multiple choice.

    Args:
        text: Text of context and options; a key of :data:`TEXTS`.
        division: How the text is divided into tokens.
        rules: Keys of :data:`METRICS`, the main one first.
        premise: Context of the rule ``pmi``; "last word" for the last word of the item's context.
    """

    _: KW_ONLY
    text: str
    division: Division
    rules: Sequence[str]
    premise: str = ""

    def build_requests(
        self, items: Sequence[Choice | HellaSwag | MinimalPair | Schema], context: EvaluationContext
    ) -> RequestSet:
        requests, references = [], []
        for item in items:
            pairs = TEXTS[self.text](item)
            built = divide(pairs, self.division, context)
            if "pmi" in self.rules:
                premises = [(self._premise(before), option) for before, option in pairs]
                built += divide(premises, self.division, context)
            requests.append(built)
            lengths = tuple(len(option.removeprefix(" ")) for _, option in pairs)
            references.append(Reference(item.answer, lengths, getattr(item, "group", "")))
        return RequestSet(requests, references)

    def _premise(self, context: str) -> str:
        return context.split()[-1] if self.premise == "last word" else self.premise

    def compute_metrics(self, references: Sequence[Reference], answers: Sequence[Sequence[Answer]]) -> Result:
        """Compute the accuracy of each rule, and that of the main rule in each group of items."""
        scores: list[Score] = []
        items: list[dict[str, Any]] = [{} for _ in references]
        right = [reference.answer for reference in references]
        for rule in self.rules:
            values = [option_scores(rule, *pair) for pair in zip(references, answers, strict=True)]
            chosen = [each.index(max(each)) for each in values]
            correct = [guess == answer for guess, answer in zip(chosen, right, strict=True)]
            chance = float(np.mean([1 / len(each) for each in values])) if values else np.nan
            scores.append(accuracy(METRICS[rule], correct, chance, right))
            prefix = "" if rule == self.rules[0] else f"{rule}_"
            for item, guess, is_right, options in zip(items, chosen, correct, values, strict=True):
                item |= {f"{prefix}correct": is_right, f"{prefix}chosen": guess, f"{prefix}scores": options}
        for item, reference in zip(items, references, strict=True):
            item |= {"right": reference.answer, **({"group": reference.group} if reference.group else {})}
        groups = dict.fromkeys(reference.group for reference in references if reference.group)
        for group in groups:
            part = [item["correct"] for item in items if item["group"] == group]
            scores.append(replace(accuracy(scores[0].metric, part, scores[0].chance), of=group))
        return Result(scores, items)


def option_scores(rule: str, reference: Reference, answers: Sequence[Answer]) -> list[float]:
    """Return the score of each option; the answers after the premise, if any, follow those of the options."""
    n = len(reference.lengths)
    options = answers[:n]
    if rule == "tokens":
        return [answer.log_probability / answer.n_scored for answer in options]
    if rule == "characters":
        return [a.log_probability / length for a, length in zip(options, reference.lengths, strict=True)]
    if rule == "pmi":
        pairs = zip(options, answers[n:], strict=True)
        return [answer.log_probability - alone.log_probability for answer, alone in pairs]
    return [answer.log_probability for answer in options]


def divide(pairs: Sequence[tuple[str, str]], division: Division, context: EvaluationContext) -> list[Request]:
    """Build a request for each option."""
    if division == "prefix":
        return after_common_prefix([before + option for before, option in pairs], context)
    if division == "apart":
        encode = context.tokenizer.encode
        return [context.fitted(encode(before), encode(option)) for before, option in pairs]
    return [context.continuation(before, option) for before, option in pairs]


def after_common_prefix(texts: Sequence[str], context: EvaluationContext) -> list[Request]:
    """Build requests for what follows the tokens that all texts begin with; at least for the last token."""
    all_ids = _encoded(texts, context)
    start = min(_n_common(all_ids), min(map(len, all_ids)) - 1)
    return [_last_tokens(ids, start, context) for ids in all_ids]


def common_suffix(texts: Sequence[str], context: EvaluationContext) -> list[Request]:
    """Build requests for the tokens that all texts end in."""
    all_ids = _encoded(texts, context)
    length = _n_common([ids[::-1] for ids in all_ids])
    return [_last_tokens(ids, len(ids) - length, context) for ids in all_ids]


def after_beginning(beginning: str, text: str, context: EvaluationContext) -> Request:
    """Build a request for the tokens of a text that follow those of its beginning."""
    first, ids = _encoded([beginning, text], context)
    return _last_tokens(ids, min(_n_common([first, ids]), len(ids) - 1), context)


def _encoded(texts: Sequence[str], context: EvaluationContext) -> list[list[int]]:
    return [[context.tokenizer.end_of_text, *context.tokenizer.encode(text)] for text in texts]


def _n_common(sequences: Sequence[Sequence[int]]) -> int:
    """Return the number of first tokens that are equal in all sequences."""
    columns = zip(*sequences, strict=False)  # ends with the shortest
    return next((i for i, ids in enumerate(columns) if len(set(ids)) > 1), min(map(len, sequences)))


def _last_tokens(ids: Sequence[int], start: int, context: EvaluationContext) -> Request:
    """Build a request for the tokens from ``start``; a text longer than the context loses its beginning."""
    first = max(0, len(ids) - context.n_ctx)
    if first:
        context.warnings[f"texts lost their beginning to fit into {context.n_ctx} tokens"] += 1
    start = max(start, first + 1)
    return Continuation(tuple(ids[first:start]), tuple(ids[start:]))


FAMILIES: Final = ("hellaswag", "choices", "winogrande", "minimal_pairs")


def _protocol(family: str, key: str) -> ChoiceProtocol:
    name, _, version = key.rpartition("-")
    return ChoiceProtocol(name, int(version), **catalogue()[family][key])


PROTOCOLS: Final = MappingProxyType(
    {family: tuple(_protocol(family, key) for key in catalogue()[family]) for family in FAMILIES}
)
"""Protocols by their key in ``protocols.yaml``."""
