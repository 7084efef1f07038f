"""A figure of scores over the number of parameters, in the form of GPT-2's Figure 1."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.evaluation.benchmark import Score
from gpt_toolkit.evaluation.reference_results import published
from gpt_toolkit.io import atomic_file

_PRESETS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
_COLUMNS = 3


class ScoredModel(NamedTuple):
    """A model's number of parameters and its scores."""

    n_params: int
    scores: Sequence[Score]


def read_scored(path: Path) -> ScoredModel:
    """Read the report that ``--output`` wrote for another model.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not such a report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        scores = []
        for fields in report["scores"]:
            values = (math.nan if fields[name] is None else fields[name] for name in Score._fields)
            scores.append(Score._make(values))
        return ScoredModel(int(report["n_params"]), scores)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no report of zero-shot ({error!r}); expected what --output has written"
        ) from None


def draw(scored: ScoredModel, others: Sequence[ScoredModel], title: str, path: Path) -> None:
    """Draw a panel for each benchmark: the paper's numbers, each protocol's main metric, and chance.

    Args:
        scored: The model; its benchmarks and protocols are drawn.
        others: Models of other sizes.
        title: Name of the model.
        path: File to write; .png, .svg or .pdf.
    """
    models = sorted([scored, *others], key=lambda model: model.n_params)
    main_scores: dict[str, dict[str, Score]] = {}
    for score in scored.scores:
        main_scores.setdefault(score.benchmark, {}).setdefault(score.protocol, score)
    n_rows = -(-len(main_scores) // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3.2 * n_rows), layout="constrained")
    for place, scores in enumerate(main_scores.values(), start=1):
        _draw_panel(figure.add_subplot(n_rows, _COLUMNS, place), list(scores.values()), models)
    figure.suptitle(title)
    with atomic_file(path) as partial:
        figure.savefig(partial, dpi=120, format=path.suffix[1:])


def _draw_panel(axes: Axes, scores: Sequence[Score], models: Sequence[ScoredModel]) -> None:
    first = scores[0]
    sizes = [DecoderConfig.from_preset(name).n_params for name in _PRESETS]
    paper = published(first.benchmark).paper.get(first.metric, ())
    points = [(size, value) for size, value in zip(sizes, paper, strict=False) if value is not None]
    if points:
        axes.plot(*zip(*points, strict=True), marker="o", color="tab:gray", label="GPT-2 paper")
    for score in scores:
        if score.metric != first.metric:
            continue
        same = [(model.n_params, s) for model in models for s in model.scores if s[:3] == score[:3]]
        intervals = [0.0 if math.isnan(s.interval) else s.interval for _, s in same]
        numbers = [n for n, _ in same], [s.value for _, s in same]
        axes.errorbar(*numbers, yerr=intervals, marker="o", capsize=3, label=score.protocol)
    if not math.isnan(first.chance):
        axes.axhline(first.chance, linestyle="--", linewidth=0.8, color="tab:gray")
    axes.set(
        title=first.benchmark,
        xscale="log",
        yscale="log" if first.metric.endswith("perplexity") else "linear",
        xlabel="parameters",
        ylabel=first.metric.replace("_", " "),
    )
    axes.legend(fontsize="x-small")
