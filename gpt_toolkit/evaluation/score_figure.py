"""Scores over the number of parameters, in the form of GPT-2's Figure 1."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.batches import Score
from gpt_toolkit.evaluation.reference_results import published

_PRESETS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
_COLUMNS = 3


class Scored(NamedTuple):
    """A model's size and scores."""

    n_params: int
    scores: Sequence[Score]


def read_scored(path: Path) -> Scored:
    """What ``--output`` has kept of another model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        scores = [
            Score(**{name: _number(score[name]) for name in Score._fields}) for score in report["scores"]
        ]
        return Scored(int(report["n_params"]), scores)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no report of zero-shot ({error!r}); expected what --output has written"
        ) from None


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def draw(scored: Scored, others: Sequence[Scored], model: str, path: Path) -> None:
    """A panel a benchmark: the paper's sizes as a line, each protocol's numbers as another, chance dashed.

    Args:
        scored: The model; what it was asked is drawn.
        others: Of other sizes.
        model: Its name.
        path: Where to; .png, .svg or .pdf.
    """
    scores = scored.scores
    models = sorted([scored, *others], key=lambda each: each.n_params)
    firsts: dict[str, list[Score]] = {}
    for score in scores:
        known = firsts.setdefault(score.benchmark, [])
        if all(score.protocol != other.protocol for other in known):
            known.append(score)  # a protocol's own number is its first
    rows = -(-len(firsts) // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3.2 * rows), layout="constrained")
    sizes = [DecoderConfig.from_preset(name).n_params for name in _PRESETS]
    for place, (benchmark, found) in enumerate(firsts.items(), start=1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        metric = found[0].metric
        paper = published(benchmark).paper.get(metric, ())
        points = [(size, value) for size, value in zip(sizes, paper, strict=False) if value is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", color="tab:gray", label="GPT-2 paper")
        for score in found:
            if score.metric != metric:
                continue
            same = [(each.n_params, s) for each in models for s in each.scores if s[:3] == score[:3]]
            intervals = [0.0 if math.isnan(s.interval) else s.interval for _, s in same]
            numbers = [n for n, _ in same], [s.value for _, s in same]
            axes.errorbar(*numbers, yerr=intervals, marker="o", capsize=3, label=score.protocol)
        if found[0].chance == found[0].chance:
            axes.axhline(found[0].chance, linestyle="--", linewidth=0.8, color="tab:gray")
        scale = "log" if metric.endswith("perplexity") else "linear"
        axes.set(
            title=benchmark, xscale="log", yscale=scale, xlabel="parameters", ylabel=metric.replace("_", " ")
        )
        axes.legend(fontsize="x-small")
    figure.suptitle(model)
    partial = path.with_name(f"{path.name}.partial")
    try:
        figure.savefig(partial, dpi=120, format=path.suffix[1:])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
