"""Explanation of why protocols give a model several accuracies on the same items.

From the first protocol's accuracy to another, fields of the protocol change one after the other: the text,
its division into tokens, the rule. Each change makes some items right and others wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from rich.table import Table

from gpt_toolkit.evaluation.lambada import LastWordProtocol
from gpt_toolkit.evaluation.multiple_choice import METRICS, ChoiceProtocol
from gpt_toolkit.evaluation.protocol import EvaluationContext
from gpt_toolkit.evaluation.score_report import number, plain_table
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.generation.scorer import Scorer

Explained: TypeAlias = ChoiceProtocol | LastWordProtocol
"""A protocol whose accuracy can be explained; its fields are data."""

_CHANGES: Mapping[type[Explained], Mapping[str, tuple[str, ...]]] = {
    ChoiceProtocol: {"text": ("text",), "tokens": ("division",), "rule": ("rules", "premise")},
    LastWordProtocol: {"text": ("text",), "scored": ("scored",), "filter": ("filter",)},
}
"""Fields that change together, in the order of the changes, by kind of protocol."""


class AccuracyChange(NamedTuple):
    """One difference: its name, both values, and the items that it makes right and wrong."""

    what: str
    before: str
    after: str
    gained: int
    lost: int


class AccuracyExplanation(NamedTuple):
    """The accuracy of a protocol under one rule, and how it follows from the first one.

    Attributes:
        protocol: Name and version.
        metric: Metric of the rule.
        accuracy: Accuracy of the model.
        changes: Changes from the first protocol under its main rule.
    """

    protocol: str
    metric: str
    accuracy: float
    changes: tuple[AccuracyChange, ...]


def explain_accuracies(
    scorer: Scorer, protocols: Sequence[Explained], items: Sequence[Any], context: EvaluationContext
) -> list[AccuracyExplanation]:
    """Compute the accuracy of every protocol and rule, and the changes that lead to it from the first.

    Args:
        scorer: Scorer of the model.
        protocols: Protocols of one benchmark, all of one kind.
        items: Items of the benchmark.
        context: The model's tokenizer and context length.
    """
    answered: dict[Any, list[list[Answer]]] = {}

    def correct(protocol: Explained) -> list[bool]:
        built = protocol.build_requests(items, context)
        key = tuple(map(tuple, built.requests))
        if key not in answered:
            answers = iter(scorer.answer([request for item in built.requests for request in item]))
            answered[key] = [[next(answers) for _ in item] for item in built.requests]
        return [item["correct"] for item in protocol.compute_metrics(built.references, answered[key]).items]

    def changes(first: Explained, last: Explained) -> Iterator[AccuracyChange]:
        state, before = first, correct(first)
        for what, names in _CHANGES[type(first)].items():
            changed = replace(state, **{name: getattr(last, name) for name in names})
            if changed == state:
                continue
            after = correct(changed)
            pairs = list(zip(before, after, strict=True))
            old, new = (_shown(getattr(each, names[0])) for each in (state, changed))
            yield AccuracyChange(what, old, new, pairs.count((False, True)), pairs.count((True, False)))
            state, before = changed, after

    single = [each for protocol in protocols for each in _by_rule(protocol)]
    first = single[0][1]
    return [
        AccuracyExplanation(
            str(each), metric, sum(correct(each)) / max(1, len(items)), tuple(changes(first, each))
        )
        for metric, each in single
    ]


def _by_rule(protocol: Explained) -> list[tuple[str, Explained]]:
    """Return the protocol under each of its rules, with the metric."""
    if isinstance(protocol, LastWordProtocol):
        return [("accuracy", protocol)]
    return [(METRICS[rule], replace(protocol, rules=(rule,))) for rule in protocol.rules]


def _shown(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def accuracy_tables(benchmark: str, explanations: Sequence[AccuracyExplanation]) -> list[Table]:
    """Return a table of all accuracies, and one with a line for each change."""
    first = explanations[0]
    overview = plain_table("protocol", "metric", right=("value",), title=f"{benchmark}: one model, one file")
    changes = plain_table(
        *("to", "metric", "change", "from", "to this"),
        right=("gained", "lost"),
        title=f"{benchmark}: from {first.protocol} {first.metric}, items made right and wrong by each change",
    )
    for each in explanations:
        overview.add_row(each.protocol, each.metric, number(each.accuracy))
        for place, change in enumerate(each.changes):
            names = ("", "") if place else (each.protocol, each.metric)
            changes.add_row(
                *names, change.what, change.before, change.after, f"+{change.gained:,}", f"-{change.lost:,}"
            )
    return [overview, changes]


def accuracies_as_fields(explanations: Sequence[AccuracyExplanation]) -> list[dict[str, Any]]:
    """Return what the tables show as JSON values."""
    return [
        each._asdict() | {"changes": [change._asdict() for change in each.changes]} for each in explanations
    ]
