"""Scores for people and for programs: the table, its notes, and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch
from rich.table import Table

from gpt_toolkit.batches import Score
from gpt_toolkit.checkpoints import StoredModel
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.explain_perplexity import Explained
from gpt_toolkit.evaluation.reference_results import SIZES, published


def table(scores: Sequence[Score]) -> Table:
    """Each protocol's own number first, then its other units; the paper's four sizes beside it."""
    shown = _plain_table()
    for name in ("benchmark", "protocol", "metric"):
        shown.add_column(name, no_wrap=True)
    has_paper = any(published(score.benchmark).paper for score in scores)
    for name in ("here", "95%", "chance", *(f"paper {size}" for size in SIZES if has_paper)):
        shown.add_column(name, justify="right", no_wrap=True)
    before = ("", "")
    for score in scores:
        known = published(score.benchmark).paper.get(score.metric, (None,) * len(SIZES))
        place = (score.benchmark, score.protocol)
        names = tuple("" if now == then else now for now, then in zip(place, before, strict=True))
        if place[0] != before[0]:
            names = place
        before = place
        shown.add_row(
            *names,
            score.metric,
            number(score.value),
            "" if math.isnan(score.interval) else f"+-{number(score.interval)}",
            "" if math.isnan(score.chance) else number(score.chance),
            *("" if value is None else number(value) for value in known if has_paper),
        )
    return shown


def number(value: float) -> str:
    """Four digits that count: 0.4599, 35.13, 1,234, 1.235e+08."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e7:
        return f"{value:.3e}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def footnotes(scores: Sequence[Score], data: ZeroShotDataModule) -> list[str]:
    """What each protocol does, and what others measured with OpenAI's weights."""
    notes = ["", "protocols:"]
    notes += [f"  {name}: {evaluation.protocol.statement}" for name, evaluation in data.evaluations.items()]
    measured = [
        f"  {benchmark}, {r.metric}, GPT-2 {r.model}, {r.protocol}: {number(r.value)} ({r.source})"
        for benchmark in dict.fromkeys(score.benchmark for score in scores)
        for r in published(benchmark).reproductions
    ]
    return [*notes, "measured by others:", *measured] if measured else notes


def explanation_tables(benchmark: str, found: Sequence[Explained]) -> list[Table]:
    """All protocols with what they are made of; then each one's way from the first."""
    whole = _plain_table(title=f"{benchmark}: one model, one text")
    for name in ("protocol", "text", "division", "prefix", "windows"):
        whole.add_column(name, no_wrap=True)
    for name in ("scored", "nats/token", "perplexity", "per"):
        whole.add_column(name, justify="right", no_wrap=True)
    ways = _plain_table(title=f"{benchmark}: from {found[0].protocol}, one change after the other")
    for name in ("to", "change", "from", "to this"):
        ways.add_column(name, no_wrap=True)
    for name in ("factor", "perplexity"):
        ways.add_column(name, justify="right", no_wrap=True)
    for each in found:
        n = each.read.units["tokens"]
        words = each.reading.words().values()
        rate = f"{each.read.nats / max(1, n):.4f}"
        whole.add_row(each.protocol, *words, f"{n:,}", rate, number(each.perplexity), each.unit[:-1])
        value = found[0].perplexity
        for place, change in enumerate(each.changes):
            value *= change.factor
            name = "" if place else each.protocol
            row = (name, change.what, change.before, change.after, f"x{change.factor:.4f}", number(value))
            ways.add_row(*row, end_section=place == len(each.changes) - 1)
    return [whole, ways]


def _plain_table(**options: Any) -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", title_justify="left", **options)


def as_json(
    name: str,
    settings: Mapping[str, Any],
    model: StoredModel,
    data: ZeroShotDataModule,
    scores: Sequence[Score],
) -> dict[str, Any]:
    """Scores with everything that produced them; a number that is not there is null."""
    return {
        "model": name,
        "layout": model.layout,
        "decoder": model.config.to_fields(),
        "n_params": model.config.n_params,
        "tokenizer": data.vocabulary.fingerprint,
        "settings": dict(settings),
        "versions": _versions(),
        "protocols": {
            name: {
                "statement": evaluation.protocol.statement,
                "rows": evaluation.rows.origin,
                "requests": evaluation.n_requests,
                "remarks": evaluation.remarks(),
            }
            for name, evaluation in data.evaluations.items()
        },
        "scores": [
            {
                **{key: _finite(value) for key, value in score._asdict().items()},
                "paper": dict(
                    zip(SIZES, published(score.benchmark).paper.get(score.metric, ()), strict=False)
                ),
            }
            for score in scores
        ],
        "reproductions": {
            benchmark: [r._asdict() for r in published(benchmark).reproductions]
            for benchmark in dict.fromkeys(score.benchmark for score in scores)
        },
    }


def explanation_json(name: str, found: Mapping[str, Sequence[Explained]]) -> dict[str, Any]:
    """What the tables of an explanation show."""
    return {
        "model": name,
        "versions": _versions(),
        "benchmarks": {
            benchmark: [
                {
                    "protocol": each.protocol,
                    "reading": each.reading.words(),
                    "nats": each.read.nats,
                    "units": each.read.units,
                    "unit": each.unit,
                    "perplexity": _finite(each.perplexity),
                    "changes": [
                        {key: _finite(value) for key, value in change._asdict().items()}
                        for change in each.changes
                    ],
                }
                for each in protocols
            ]
            for benchmark, protocols in found.items()
        },
    }


def _versions() -> dict[str, str]:
    return {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
