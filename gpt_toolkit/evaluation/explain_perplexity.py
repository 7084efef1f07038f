"""Explanation of why protocols give a model several perplexities on a text (GPT-2 §3.1).

A :class:`~gpt_toolkit.evaluation.perplexity.Reading` is a text, its division, a prefix, windows and a unit.
From the paper's reading to another, one of these is changed after the other. Each change is worth a factor;
the product of the factors is the whole difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rich.table import Table

from gpt_toolkit.evaluation.perplexity import UNITS, PerplexityProtocol, Reading, Units, requests_of
from gpt_toolkit.evaluation.protocol import EvaluationContext, EvaluationProtocol
from gpt_toolkit.evaluation.score_report import finite, number, plain_table
from gpt_toolkit.generation.scorer import Scorer

_CHANGES: Final = {
    "text": ("text",),
    "division": ("division",),
    "prefix": ("prefix",),
    "windows": ("window", "stride"),
}
"""Fields of a reading that change together, in the order of the changes."""


class Change(NamedTuple):
    """One difference: its name, both values, and the factor that it is worth."""

    what: str
    before: str
    after: str
    factor: float


class Explanation(NamedTuple):
    """The perplexity of a protocol, and how it follows from that of the first protocol.

    Attributes:
        protocol: Name and version.
        reading: Reading of the protocol.
        nats: Loss of the reading.
        units: Number of each unit of its text.
        unit: Unit that the loss is divided by.
        perplexity: Perplexity per unit.
        changes: Changes from the first protocol; their factors multiply to the quotient of the perplexities.
    """

    protocol: str
    reading: Reading
    nats: float
    units: dict[str, int]
    unit: str
    perplexity: float
    changes: tuple[Change, ...]

    @property
    def per_unit(self) -> float:
        """Nats per unit."""
        return self.nats / max(1, self.units[self.unit])


def describe(reading: Reading) -> dict[str, str]:
    """Return the values of a reading for people, by name."""
    moved = f"move by {reading.stride}" if reading.stride else "each begun again"
    return {
        "text": reading.text,
        "division": reading.division,
        "prefix": "end of text" if reading.prefix else "none",
        "windows": f"{reading.window}, {moved}",
    }


def explain(
    scorer: Scorer,
    benchmark: str,
    protocols: Sequence[EvaluationProtocol],
    items: Sequence[Any],
    context: EvaluationContext,
) -> list[Explanation]:
    """Compute the perplexity of every protocol, and the changes that lead to it from the first.

    Args:
        scorer: Scorer of the model.
        benchmark: Name of the benchmark.
        protocols: Protocols of the benchmark.
        items: Items of the benchmark.
        context: The model's tokenizer and context length.

    Raises:
        ValueError: If the benchmark is not running text.
    """
    of_text = [protocol for protocol in protocols if isinstance(protocol, PerplexityProtocol)]
    if len(of_text) < len(protocols):
        raise ValueError(
            f"--explain: {benchmark}; expected running text, lambada, hellaswag, piqa, arc or blimp, whose "
            "protocols have known differences"
        )
    corpus = of_text[0].corpus  # the benchmark's, the same for all
    losses: dict[Reading, tuple[float, int]] = {}

    def measure(reading: Reading) -> tuple[float, int]:
        """Return nats and scored tokens, which do not depend on the unit."""
        key = replace(reading, unit="token_perplexity", words="file")
        if key not in losses:
            pieces = requests_of(key, corpus, items, context).requests
            answers = scorer.answer([request for piece in pieces for request in piece])
            nats = -math.fsum(answer.log_probability for answer in answers)
            losses[key] = nats, sum(answer.n_scored for answer in answers)
        return losses[key]

    found: list[Explanation] = []
    for protocol in of_text:
        reading = protocol.reading(context.n_ctx)
        counts = protocol.build_requests(items, context).references
        units = {name: sum(getattr(each, name) for each in counts) for name in Units._fields}
        unit = UNITS[reading.unit]
        result = Explanation(str(protocol), reading, measure(reading)[0], units, unit, 0.0, ())
        changes = _changes(found[0], result, measure) if found else ()
        found.append(result._replace(perplexity=_exp(result.per_unit), changes=changes))
    return found


def _changes(
    first: Explanation, last: Explanation, measure: Callable[[Reading], tuple[float, int]]
) -> tuple[Change, ...]:
    """Return one change after the other, the unit last; those that change nothing are left out."""

    def per_unit(state: Reading) -> float:
        nats, n_tokens = measure(state)
        return nats / max(1, n_tokens if first.unit == "tokens" else first.units[first.unit])

    changes, state = [], first.reading
    before = per_unit(state)
    for what, names in _CHANGES.items():
        changed = replace(state, **{name: getattr(last.reading, name) for name in names})
        if changed == state:
            continue
        after = per_unit(changed)
        changes.append(Change(what, describe(state)[what], describe(changed)[what], _exp(after - before)))
        state, before = changed, after
    if last.per_unit != before:
        old, new = (f"{each.units[each.unit]:,} {each.unit}" for each in (first, last))
        changes.append(Change("unit", old, new, _exp(last.per_unit - before)))
    return tuple(changes)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def explanation_tables(benchmark: str, explanations: Sequence[Explanation]) -> list[Table]:
    """Return a table of all protocols, and one of the changes that lead from the first to each other."""
    first = explanations[0]
    overview = plain_table(
        *("protocol", "text", "division", "prefix", "windows"),
        right=("scored", "nats/token", "perplexity", "per"),
        title=f"{benchmark}: one model, one text",
    )
    changes = plain_table(
        *("to", "change", "from", "to this"),
        right=("factor", "perplexity"),
        title=f"{benchmark}: from {first.protocol}, one change after the other",
    )
    for each in explanations:
        n = each.units["tokens"]
        per_token = f"{each.nats / max(1, n):.4f}"
        value = number(each.perplexity)
        overview.add_row(
            each.protocol, *describe(each.reading).values(), f"{n:,}", per_token, value, each.unit[:-1]
        )
        reached = first.perplexity
        for place, change in enumerate(each.changes):
            reached *= change.factor
            changes.add_row(
                "" if place else each.protocol,
                change.what,
                change.before,
                change.after,
                f"x{change.factor:.4f}",
                number(reached),
                end_section=place == len(each.changes) - 1,
            )
    return [overview, changes]


def explanations_as_fields(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return what the tables show as JSON values."""
    return [
        finite(each._asdict())
        | {
            "reading": describe(each.reading),
            "changes": [finite(change._asdict()) for change in each.changes],
        }
        for each in explanations
    ]
