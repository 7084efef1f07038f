"""Explanation of why protocols give a model several perplexities on a text (GPT-2 §3.1).

A :class:`~gpt_toolkit.evaluation.perplexity.Reading` is a text, its division, a prefix, windows and a unit.
From the paper's reading to another, one of these is changed after the other. Each change is worth a factor;
the product of the factors is the whole difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from gpt_toolkit.evaluation.perplexity import PerplexityProtocol, Reading, Units, requests_of
from gpt_toolkit.evaluation.protocol import EvaluationContext, EvaluationProtocol
from gpt_toolkit.generation.scorer import Scorer

_UNITS: Final = {
    "word_perplexity": "words",
    "token_perplexity": "tokens",
    "bits_per_byte": "bytes",
    "bits_per_character": "characters",
}

_CHANGES: Final = {
    "text": ("text",),
    "division": ("division",),
    "prefix": ("prefix",),
    "windows": ("window", "stride"),
}
"""Fields of a reading that change together, in the order of the changes."""


class Measured(NamedTuple):
    """The loss of a reading, in nats, and the units of its text."""

    nats: float
    units: dict[str, int]


class Change(NamedTuple):
    """One difference: its name, both values, and the factor that it is worth."""

    what: str
    before: str
    after: str
    factor: float


@dataclass(frozen=True)
class Explanation:
    """The perplexity of a protocol, and how it follows from that of the first protocol.

    Attributes:
        protocol: Name and version.
        reading: Reading of the protocol.
        measured: Loss and units of the reading.
        unit: Unit that the loss is divided by.
        perplexity: Perplexity per unit.
        changes: Changes from the first protocol; their factors multiply to the quotient of the perplexities.
    """

    protocol: str
    reading: Reading
    measured: Measured
    unit: str
    perplexity: float
    changes: tuple[Change, ...]


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
    if not all(isinstance(protocol, PerplexityProtocol) for protocol in protocols):
        raise ValueError(f"{benchmark} is not running text; --explain compares perplexities")
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
    for protocol in protocols:
        assert isinstance(protocol, PerplexityProtocol)
        corpus, reading = protocol.corpus, protocol.reading(context.n_ctx)
        units = protocol.build_requests(items, context).references
        totals = {name: sum(getattr(each, name) for each in units) for name in Units._fields}
        result, unit = Measured(measure(reading)[0], totals), _UNITS[reading.unit]
        changes = _changes(found[0], reading, result, unit, measure) if found else ()
        value = _exp(result.nats / max(1, result.units[unit]))
        found.append(Explanation(str(protocol), reading, result, unit, value, changes))
    return found


def _changes(
    first: Explanation,
    reading: Reading,
    result: Measured,
    unit: str,
    measure: Callable[[Reading], tuple[float, int]],
) -> tuple[Change, ...]:
    """Return one change after the other, the unit last; those that change nothing are left out."""
    first_units = first.measured.units

    def per_unit(state: Reading) -> float:
        nats, n_tokens = measure(state)
        return nats / max(1, n_tokens if first.unit == "tokens" else first_units[first.unit])

    changes, state = [], first.reading
    before = per_unit(state)
    for what, names in _CHANGES.items():
        changed = replace(state, **{name: getattr(reading, name) for name in names})
        if changed == state:
            continue
        after = per_unit(changed)
        changes.append(Change(what, describe(state)[what], describe(changed)[what], _exp(after - before)))
        state, before = changed, after
    last = result.nats / max(1, result.units[unit])
    if last != before:
        old, new = f"{first_units[first.unit]:,} {first.unit}", f"{result.units[unit]:,} {unit}"
        changes.append(Change("unit", old, new, _exp(last - before)))
    return tuple(changes)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
