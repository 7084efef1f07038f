"""Explanation of why protocols of multiple choice give a model several accuracies.

From the first protocol's accuracy to another, the text, its division into tokens and the rule change one
after the other. Each change makes some items right and others wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rich.table import Table

from gpt_toolkit.evaluation.multiple_choice import METRICS, ChoiceProtocol
from gpt_toolkit.evaluation.protocol import EvaluationContext, RequestSet
from gpt_toolkit.evaluation.score_report import number, plain_table
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.generation.scorer import Scorer

_CHANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",),
    "tokens": ("division",),
    "rule": ("rules", "premise"),
}
"""Fields of a protocol that change together, in the order of the changes."""


class ChoiceChange(NamedTuple):
    """One difference: its name, both values, and the items that it makes right and wrong."""

    what: str
    before: str
    after: str
    gained: int
    lost: int


class ChoiceExplanation(NamedTuple):
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
    changes: tuple[ChoiceChange, ...]


def explain_choices(
    scorer: Scorer, protocols: Sequence[ChoiceProtocol], items: Sequence[Any], context: EvaluationContext
) -> list[ChoiceExplanation]:
    """Compute the accuracy of every protocol and rule, and the changes that lead to it from the first.

    Args:
        scorer: Scorer of the model.
        protocols: Protocols of one benchmark.
        items: Items of the benchmark.
        context: The model's tokenizer and context length.
    """
    answered: dict[tuple[Any, ...], tuple[RequestSet, list[list[Answer]]]] = {}

    def correct(protocol: ChoiceProtocol) -> list[bool]:
        key = (protocol.text, protocol.division, "pmi" in protocol.rules and protocol.premise)
        if key not in answered:
            built = protocol.build_requests(items, context)
            answers = iter(scorer.answer([request for item in built.requests for request in item]))
            answered[key] = built, [[next(answers) for _ in item] for item in built.requests]
        built, answers_by_item = answered[key]
        result = protocol.compute_metrics(built.references, answers_by_item)
        return [item["correct"] for item in result.items]

    def changes(first: ChoiceProtocol, last: ChoiceProtocol) -> Iterator[ChoiceChange]:
        state, before = first, correct(first)
        for what, names in _CHANGES.items():
            changed = replace(state, **{name: getattr(last, name) for name in names})
            if changed == state:
                continue
            after = correct(changed)
            pairs = list(zip(before, after, strict=True))
            old, new = (_shown(getattr(each, names[0])) for each in (state, changed))
            yield ChoiceChange(what, old, new, pairs.count((False, True)), pairs.count((True, False)))
            state, before = changed, after

    single = [replace(protocol, rules=(rule,)) for protocol in protocols for rule in protocol.rules]
    return [
        ChoiceExplanation(
            str(each),
            METRICS[each.rules[0]],
            sum(correct(each)) / max(1, len(items)),
            tuple(changes(single[0], each)),
        )
        for each in single
    ]


def _shown(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def choice_tables(benchmark: str, explanations: Sequence[ChoiceExplanation]) -> list[Table]:
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


def choices_as_fields(explanations: Sequence[ChoiceExplanation]) -> list[dict[str, Any]]:
    """Return what the tables show as JSON values."""
    return [
        each._asdict() | {"changes": [change._asdict() for change in each.changes]} for each in explanations
    ]
