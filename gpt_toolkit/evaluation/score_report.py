"""Scores for people and for programs: a table with notes, JSON, and a figure like GPT-2's Figure 1.

Published numbers are in ``reference_results.yaml``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from rich.table import Table

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.checkpoints import StoredModel
from gpt_toolkit.evaluation.benchmark import Evaluation
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.io import atomic_file
from gpt_toolkit.yaml_files import read_yaml

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES: Final = {"small": "gpt2", "medium": "gpt2-medium", "large": "gpt2-large", "xl": "gpt2-xl"}
"""Presets of GPT-2's four sizes by name, in the order of ``reference_results.yaml``."""

_COLUMNS = 3  # of panels in a figure


@cache
def _published() -> dict[str, dict[str, Any]]:
    return dict(read_yaml(Path(__file__).with_name("reference_results.yaml")))


def paper_numbers(benchmark: str, metric: str) -> list[float | None]:
    """Return the paper's numbers of a metric for the four sizes; empty if it has none."""
    return list(_published().get(benchmark, {}).get("paper", {}).get(metric, ()))


def reproductions(benchmark: str) -> list[dict[str, Any]]:
    """Return the numbers that others measured with OpenAI's weights, as mappings; see the file."""
    return list(_published().get(benchmark, {}).get("reproductions", ()))


# Tables


def plain_table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return an empty table without lines.

    Args:
        *columns: Columns of text.
        right: Columns of numbers, which follow them.
        title: Title.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title=title)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def score_table(scores: Sequence[Score]) -> Table:
    """Return a table of scores with the paper's numbers for its four sizes."""
    has_paper = any(_published().get(score.benchmark, {}).get("paper") for score in scores)
    sizes = [f"paper {size}" for size in SIZES if has_paper]
    numbers = ["here", "95%", "n", "chance", "majority", *sizes]
    table = plain_table("benchmark", "protocol", "metric", right=numbers)
    benchmark = protocol = ""
    for score in scores:
        is_new_benchmark = score.benchmark != benchmark
        is_new_protocol = is_new_benchmark or score.protocol != protocol
        benchmark, protocol = score.benchmark, score.protocol
        table.add_row(
            benchmark if is_new_benchmark else "",
            protocol if is_new_protocol else "",
            score.label,
            number(score.value),
            "" if math.isnan(score.interval) else " to ".join(map(number, score.bounds)),
            f"{score.n:,}",
            "" if math.isnan(score.chance) else number(score.chance),
            "" if math.isnan(score.majority) else number(score.majority),
            *("" if value is None else number(value) for value in paper_numbers(benchmark, score.metric)),
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
    """Yield the meaning of every number, and the measurements of others with OpenAI's weights."""
    yield ""
    yield "protocols:"
    for name, evaluation in evaluations.items():
        yield f"  {name}: {evaluation.statement}"
        yield f"    {evaluation.counts}; from {evaluation.items.origin}"
        yield from (f"    {warning}" for warning in evaluation.warnings)
    yield "metrics (n: number of units; majority: accuracy of always giving the most frequent right answer):"
    meanings = {f"  {s.metric}: {s.scale}, of {s.unit}; {s.interval_method} interval" for s in scores}
    yield from sorted(meanings)
    measured = []
    for benchmark in dict.fromkeys(score.benchmark for score in scores):
        for fields in reproductions(benchmark):
            what = f"{fields['metric']}, GPT-2 {fields['model']}, {fields['protocol']}"
            measured.append(f"  {benchmark}, {what}: {number(fields['value'])} ({fields['source']})")
    if measured:
        yield "measured by others:"
        yield from measured


# JSON


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
            "statement": evaluation.statement,
            "rows": evaluation.items.origin,
            "scored": len(evaluation.items.items),
            "left_out": dict(evaluation.items.left_out),
            "examples": evaluation.n_examples,
            "requests": evaluation.n_requests,
            "warnings": list(evaluation.warnings),
        }
        for name, evaluation in evaluations.items()
    }
    rows = []
    for score in scores:
        paper = paper_numbers(score.benchmark, score.metric)
        rows.append({**finite(asdict(score)), "paper": dict(zip(SIZES, paper, strict=False))})
    return {
        "model": name,
        "layout": model.layout,
        "decoder": model.config.to_fields(),
        "n_params": model.config.n_params,
        "tokenizer": fingerprint,
        "settings": dict(settings),
        "versions": versions(),
        "protocols": protocols,
        "scores": rows,
        "reproductions": {score.benchmark: reproductions(score.benchmark) for score in scores},
    }


def versions() -> dict[str, str]:
    """Return the versions of the toolkit and of torch."""
    return {"gpt_toolkit": version("gpt-toolkit"), "torch": torch.__version__}


def finite(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with None in place of numbers that JSON does not have."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }


# Figure


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
            given = {field.name: fields[field.name] for field in dataclass_fields(Score)}
            known: dict[str, Any] = {name: math.nan if v is None else v for name, v in given.items()}
            scores.append(Score(**known))
        return ScoredModel(int(report["n_params"]), scores)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: {error!r}; expected a report that zero-shot --output wrote") from None


def draw(scored: ScoredModel, others: Sequence[ScoredModel], title: str, path: Path) -> None:
    """Draw a panel for each benchmark: the paper's numbers, each protocol's main metric, and chance.

    Args:
        scored: The model; its benchmarks and protocols are drawn.
        others: Models of other sizes.
        title: Name of the model.
        path: File to write; .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure

    models = sorted([scored, *others], key=lambda model: model.n_params)
    main_scores: dict[str, dict[str, Score]] = {}
    for score in scored.scores:
        main_scores.setdefault(score.benchmark, {}).setdefault(score.protocol, score)
    n_columns = 2 if len(main_scores) == 4 else min(_COLUMNS, len(main_scores))
    n_rows = -(-len(main_scores) // n_columns)
    figure = Figure(figsize=(4.6 * n_columns, 3.6 * n_rows), layout="constrained")
    for place, scores in enumerate(main_scores.values(), start=1):
        _draw_panel(figure.add_subplot(n_rows, n_columns, place), list(scores.values()), models)
    figure.suptitle(title)
    with atomic_file(path) as partial:
        figure.savefig(partial, dpi=120, format=path.suffix[1:])


def _draw_panel(axes: Axes, scores: Sequence[Score], models: Sequence[ScoredModel]) -> None:
    first = scores[0]
    sizes = [DecoderConfig.from_preset(name).n_params for name in SIZES.values()]
    paper = paper_numbers(first.benchmark, first.metric)
    points = [(size, value) for size, value in zip(sizes, paper, strict=False) if value is not None]
    if points:
        axes.plot(*zip(*points, strict=True), marker="s", color="tab:gray", label="GPT-2, the paper")
    same_metric = [score for score in scores if score.label == first.label]
    for place, score in enumerate(same_metric):
        same = [(model.n_params, s) for model in models for s in model.scores if s.name == score.name]
        shift = 1.06 ** (place - (len(same_metric) - 1) / 2)  # protocols do not cover one another
        errors = [
            [abs(s.value - end) for end in s.bounds if not math.isnan(end)] or [0.0, 0.0] for _, s in same
        ]
        numbers = [n * shift for n, _ in same], [s.value for _, s in same]
        axes.errorbar(
            *numbers, yerr=list(zip(*errors, strict=True)), marker="o", capsize=3, label=score.protocol
        )
    if not math.isnan(first.chance):
        axes.axhline(first.chance, linestyle="--", linewidth=0.8, color="tab:gray", label="chance")
    is_perplexity = first.metric.endswith("perplexity")
    axes.set(
        title=f"{first.benchmark}, n = {first.n:,}",
        xscale="log",
        yscale="log" if is_perplexity else "linear",
        xlabel="parameters",
        ylabel=first.label.replace("_", " ") + (" (lower is better)" if "lower" in first.scale else ""),
    )
    if len({n for n, _ in points} | {model.n_params for model in models}) == 1:
        axes.set_xlim(models[0].n_params / 3, models[0].n_params * 3)
    if not is_perplexity and first.limits[0] == 0:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")
