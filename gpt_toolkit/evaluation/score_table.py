"""Scores for people and for programs: tables with notes, and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch
from rich.table import Table

from gpt_toolkit.checkpoints import StoredModel
from gpt_toolkit.evaluation.benchmark import Evaluation, Score
from gpt_toolkit.evaluation.explain_perplexity import Explanation, describe
from gpt_toolkit.evaluation.reference_results import SIZES, published


def score_table(scores: Sequence[Score]) -> Table:
    """Return a table of scores with the paper's numbers for its four sizes."""
    table = _plain_table()
    for name in ("benchmark", "protocol", "metric"):
        table.add_column(name, no_wrap=True)
    has_paper = any(published(score.benchmark).paper for score in scores)
    for name in ("here", "95%", "chance", *(f"paper {size}" for size in SIZES if has_paper)):
        table.add_column(name, justify="right", no_wrap=True)
    benchmark = protocol = ""
    for score in scores:
        is_new_benchmark = score.benchmark != benchmark
        is_new_protocol = is_new_benchmark or score.protocol != protocol
        benchmark, protocol = score.benchmark, score.protocol
        paper = published(benchmark).paper.get(score.metric, (None,) * len(SIZES))
        table.add_row(
            benchmark if is_new_benchmark else "",
            protocol if is_new_protocol else "",
            score.metric,
            number(score.value),
            "" if math.isnan(score.interval) else f"+-{number(score.interval)}",
            "" if math.isnan(score.chance) else number(score.chance),
            *("" if value is None else number(value) for value in paper if has_paper),
        )
    return table


def number(value: float) -> str:
    """Format a number with about four significant digits: 0.4599, 35.13, 1,234, 1.235e+08."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e7:
        return f"{value:.3e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def footnotes(scores: Sequence[Score], evaluations: Mapping[str, Evaluation]) -> Iterator[str]:
    """Yield the statement of each protocol, and the measurements of others with OpenAI's weights."""
    yield ""
    yield "protocols:"
    for name, evaluation in evaluations.items():
        yield f"  {name}: {evaluation.protocol.statement}"
    measured = [
        f"  {benchmark}, {r.metric}, GPT-2 {r.model}, {r.protocol}: {number(r.value)} ({r.source})"
        for benchmark in _benchmarks(scores)
        for r in published(benchmark).reproductions
    ]
    if measured:
        yield "measured by others:"
        yield from measured


def explanation_tables(benchmark: str, explanations: Sequence[Explanation]) -> list[Table]:
    """Return a table of all protocols, and one of the changes that lead from the first to each other."""
    first = explanations[0]
    overview = _plain_table(title=f"{benchmark}: one model, one text")
    for name in ("protocol", "text", "division", "prefix", "windows"):
        overview.add_column(name, no_wrap=True)
    for name in ("scored", "nats/token", "perplexity", "per"):
        overview.add_column(name, justify="right", no_wrap=True)
    changes = _plain_table(title=f"{benchmark}: from {first.protocol}, one change after the other")
    for name in ("to", "change", "from", "to this"):
        changes.add_column(name, no_wrap=True)
    for name in ("factor", "perplexity"):
        changes.add_column(name, justify="right", no_wrap=True)
    for each in explanations:
        n = each.measured.units["tokens"]
        per_token = f"{each.measured.nats / max(1, n):.4f}"
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


def _plain_table(**options: Any) -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", title_justify="left", **options)


def _benchmarks(scores: Sequence[Score]) -> list[str]:
    return list(dict.fromkeys(score.benchmark for score in scores))


def scores_as_json(
    name: str,
    settings: Mapping[str, Any],
    model: StoredModel,
    fingerprint: str,
    evaluations: Mapping[str, Evaluation],
    scores: Sequence[Score],
) -> dict[str, Any]:
    """Return scores with everything that produced them; a missing number is null.

    Args:
        name: Name of the model.
        settings: Options of the command.
        model: The model.
        fingerprint: Fingerprint of the tokenizer.
        evaluations: Evaluations by name.
        scores: Their scores.
    """
    protocols = {
        name: {
            "statement": evaluation.protocol.statement,
            "rows": evaluation.items.origin,
            "requests": evaluation.n_requests,
            "remarks": list(evaluation.warnings),
        }
        for name, evaluation in evaluations.items()
    }
    rows = []
    for score in scores:
        paper = published(score.benchmark).paper.get(score.metric, ())
        rows.append({**_finite(score._asdict()), "paper": dict(zip(SIZES, paper, strict=False))})
    return {
        "model": name,
        "layout": model.layout,
        "decoder": model.config.to_fields(),
        "n_params": model.config.n_params,
        "tokenizer": fingerprint,
        "settings": dict(settings),
        "versions": _versions(),
        "protocols": protocols,
        "scores": rows,
        "reproductions": {
            benchmark: [r._asdict() for r in published(benchmark).reproductions]
            for benchmark in _benchmarks(scores)
        },
    }


def explanations_as_json(name: str, found: Mapping[str, Sequence[Explanation]]) -> dict[str, Any]:
    """Return what the tables of explanations show, by benchmark.

    Args:
        name: Name of the model.
        found: Explanations by benchmark.
    """
    benchmarks = {
        benchmark: [
            _finite(
                {
                    "protocol": each.protocol,
                    "reading": describe(each.reading),
                    "nats": each.measured.nats,
                    "units": each.measured.units,
                    "unit": each.unit,
                    "perplexity": each.perplexity,
                    "changes": [_finite(change._asdict()) for change in each.changes],
                }
            )
            for each in explanations
        ]
        for benchmark, explanations in found.items()
    }
    return {"model": name, "versions": _versions(), "benchmarks": benchmarks}


def _versions() -> dict[str, str]:
    return {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__}


def _finite(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with None in place of numbers that JSON does not have."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }
