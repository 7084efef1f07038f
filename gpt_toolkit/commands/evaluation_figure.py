"""Scores over the number of parameters, in the form of GPT-2's Figure 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.batch import Score
from gpt_toolkit.data.evaluation.published import published

_PRESETS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
_COLUMNS = 3


def draw(scores: Sequence[Score], n_params: int, model: str, path: Path) -> None:
    """A panel a benchmark: the paper's sizes as a line, each protocol's number as a point, chance dashed.

    Args:
        scores: Of one model.
        n_params: Its size.
        model: Its name.
        path: Where to; .png, .svg or .pdf.
    """
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
            error = score.interval if score.interval == score.interval else None  # NaN: none
            if score.metric == metric:
                axes.errorbar([n_params], [score.value], yerr=error, fmt="o", capsize=3, label=score.protocol)
        if found[0].chance == found[0].chance:
            axes.axhline(found[0].chance, linestyle="--", linewidth=0.8, color="tab:gray")
        axes.set(title=benchmark, xscale="log", xlabel="parameters", ylabel=metric.replace("_", " "))
        axes.legend(fontsize="x-small")
    figure.suptitle(model)
    partial = path.with_name(f"{path.name}.partial")
    try:
        figure.savefig(partial, dpi=120, format=path.suffix[1:])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
