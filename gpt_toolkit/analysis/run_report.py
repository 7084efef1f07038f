"""Report on a pre-training run: loss curve, comparison with n-grams, zero-shot scores and texts."""

from __future__ import annotations

import csv
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpt_toolkit.analysis.ngram import NGram
from gpt_toolkit.analysis.report_page import Chart, Curve, ReportPage
from gpt_toolkit.callbacks.console import quiet_lightning
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.splits import Split
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.run_benchmarks import evaluation_trainer
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel, Settings, load
from gpt_toolkit.generation.requests import RunningText
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.io import explain_read_errors
from gpt_toolkit.progress import format_duration
from gpt_toolkit.storyworld import story
from gpt_toolkit.yaml_files import read_yaml

_BENCHMARKS = ("last_word", "common_nouns", "names", "pronouns", "reading")
"""Storyworld benchmarks whose chance level is known."""


def report(run: Path, *, n_samples: int, max_new_tokens: int, order: int, n_tokens: int, limit: int) -> None:
    """Print the results of a run; write them to ``report.html`` and ``loss.png`` in its folder.

    Args:
        run: Folder of the run.
        n_samples: Texts to generate.
        max_new_tokens: Tokens of each.
        order: Longest n-gram; 0 skips the comparison.
        n_tokens: Held-out tokens of the comparison.
        limit: Examples of each benchmark; 0 skips them.

    Raises:
        FileNotFoundError: If the folder is not that of a finished run.
        ValueError: If the tokenizer of the run's data is not the one that the model was trained with.
    """
    for name in ("config.yaml", "metrics.csv"):
        if not (run / name).exists():
            raise FileNotFoundError(f"{run / name}: not found; expected the folder of a finished run")
    quiet_lightning()
    curves = read_curves(run / "metrics.csv")
    print(*ascii_plot(curves.get("train_loss", [])), sep="\n")
    model = load(run / "model", device="cpu")
    data = _corpus(run)
    config = (run / "config.yaml").read_text(encoding="utf-8")
    facts = _facts(model, data, curves, read_yaml(run / "config.yaml"))
    page = ReportPage(run.name, _lead(model, data, curves))
    page.add_facts(facts)
    for name, value in facts.items():
        print(f"{name:26} {value}")
    losses: dict[str, float] = {}
    if order and data is not None:
        _check_tokenizer(run, model, data)
        losses = _compare_losses(model, data, order, n_tokens)
    lines = {name: loss for name, loss in losses.items() if name != "model"}
    draw_losses(curves, run / "loss.png", lines=lines)
    page.add_charts(_charts(curves, lines))
    if losses:
        perplexities = {name: f"{math.exp(loss):.3g}" for name, loss in losses.items()}
        values = "  ".join(f"{name} {value}" for name, value in perplexities.items())
        print(f"perplexity per token, same held-out tokens:  {values}")
        title = "Perplexity per token, on the same held-out tokens"
        page.add_table(title, ("", "perplexity"), perplexities.items())
    is_storyworld = data is not None and (data.dataset or "").startswith("storyworld")
    if limit and is_storyworld:
        scores = _zero_shot(run / "model", model, limit)
        print("zero-shot, with 95% intervals and chance level:")
        print(*(f"  {_score_line(score)}" for score in scores), sep="\n")
        header = ("benchmark", "accuracy", "95% interval", "chance")
        page.add_table("Zero-shot scores", header, map(_score_cells, scores))
    title = "a text by the model" + (", which was given the first sentence" if is_storyworld else "")
    texts = [text.strip() for text in _generate(model, n_samples, max_new_tokens, stories=is_storyworld)]
    for text in texts:
        print(f"\n--- {title}\n{text}\n")
    if texts:
        page.add_texts(f"Samples: {title}", texts)
    page.add_details("Settings (config.yaml)", config)
    page.write(run / "report.html")
    print(f"{run}: report.html, loss.png, model/ (loads in transformers), checkpoints/")
    own_text = "gpt-toolkit fit --config text/own --data.files YOUR.txt"
    print(f"next: gpt-toolkit generate {run / 'model'}    {own_text}")


def _last(curves: Mapping[str, Curve], name: str) -> float | None:
    """Return the last value of a curve; None if it has none."""
    return curves[name][-1][1] if curves.get(name) else None


def _lead(model: LanguageModel, data: CorpusDataModule | None, curves: Mapping[str, Curve]) -> str:
    """Return a sentence about a run: its size, data and length."""
    text = f" on {data.corpus().title}" if data is not None else ""
    steps = max((curve[-1][0] for curve in curves.values()), default=0)
    size = f"{model.decoder.config.n_params / 1e6:,.1f} million parameters"
    return f"A GPT of {size}, trained{text} for {steps:,} steps."


def _facts(
    model: LanguageModel, data: CorpusDataModule | None, curves: Mapping[str, Curve], config: dict[str, Any]
) -> dict[str, str]:
    """Return size, data, time, speed and results of a run, by name; only what is known."""
    decoder = model.decoder.config
    steps = max((curve[-1][0] for curve in curves.values()), default=0)
    facts = {
        "parameters": f"{decoder.n_params:,}",
        "decoder": f"{decoder.n_layer} layers of {decoder.n_embd:,}, {decoder.n_head} heads",
        "context, vocabulary": f"{decoder.n_ctx:,}, {decoder.vocab_size:,}",
    }
    if data is not None:
        cache = data.cache
        facts |= {f"{split} tokens": f"{cache.n_tokens(split):,}" for split in cache.splits}
        accumulate = config["trainer"].get("accumulate_grad_batches") or 1
        facts["tokens read by a device"] = f"{steps * accumulate * data.batch_size * data.n_ctx:,}"
    facts["steps"] = f"{steps:,}"
    if speeds := [speed for _, speed in curves.get("tokens_per_second", []) if speed > 0]:
        facts["speed"] = f"{statistics.median(speeds):,.0f} tokens/s"
    if seconds := training_seconds(curves):
        facts["training time"] = f"about {format_duration(seconds)}"
    if (memory := _last(curves, "peak_memory_gib")) is not None:
        facts["peak memory"] = f"{memory:.2f} GiB"
    for name, title in (
        ("val_loss", "validation loss (nats)"),
        ("val_perplexity", "validation perplexity"),
        ("val_bits_per_byte", "bits per byte"),
    ):
        if curves.get(name):
            step, value = min(curves[name], key=lambda point: point[1])
            facts |= {title: f"{value:.3f}", "best step": f"{step:,}"}
    return facts | {"precision": str(config["trainer"].get("precision"))}


def training_seconds(curves: Mapping[str, Curve]) -> float:
    """Return the seconds of all steps, from the median duration of those between two measurements."""
    total, previous = 0.0, 0
    for step, seconds in curves.get("step_seconds_p50", []):
        total, previous = total + (step - previous) * seconds, step
    return total


def _charts(curves: Mapping[str, Curve], lines: Mapping[str, float]) -> list[Chart]:
    """Return the figures of the page."""
    losses = {"training": curves.get("train_loss", []), "validation": curves.get("val_loss", [])}
    return [
        Chart("Loss over the steps", "nats per token", losses, lines),
        Chart("Learning rate", "learning rate", {"learning rate": curves.get("lr", [])}, from_zero=True),
        Chart("Speed", "tokens per second", {"speed": curves.get("tokens_per_second", [])}, from_zero=True),
    ]


def _score_cells(score: Score) -> tuple[str, str, str, str]:
    """Return the cells of a score: name, value, interval and chance, as percentages."""
    name = score.benchmark.partition(":")[2].replace("_", " ")
    low, high = (f"{100 * bound:.1f}" for bound in score.bounds)
    chance = "" if math.isnan(score.chance) else f"{100 * score.chance:.1f}%"
    return name, f"{100 * score.value:.1f}%", f"{low} to {high}%", chance


def _corpus(run: Path) -> CorpusDataModule | None:
    """Return the run's corpus, ready to be read; None if the run had other data."""
    data: dict[str, Any] = read_yaml(run / "config.yaml")["data"]
    if not data["class_path"].endswith("CorpusDataModule"):
        return None
    corpus = CorpusDataModule(**data.get("init_args", {}))
    corpus.prepare_data()
    corpus.setup()
    return corpus


def _check_tokenizer(run: Path, model: LanguageModel, data: CorpusDataModule) -> None:
    """Raise if the same ids are other tokens in model and data: the loss would have no meaning."""
    trained, found = model.tokenizer.fingerprint, data.vocabulary.fingerprint
    if trained != found:
        raise ValueError(
            f"{run / 'config.yaml'}: tokenizer {found}; expected {trained}, with which {run / 'model'} was "
            "trained; train again, or skip the comparison with --order 0"
        )


def _compare_losses(
    model: LanguageModel, data: CorpusDataModule, order: int, n_tokens: int
) -> dict[str, float]:
    """Return losses in nats per token on the same held-out tokens: of the model and of n-grams."""
    cache = data.cache
    split: Split = "val" if "val" in cache.splits else "train"
    held_out = cache.tokens(split).read(0, min(n_tokens, cache.n_tokens(split)))
    train = cache.tokens("train").read(0, cache.n_tokens("train"))
    losses = {"model": _model_loss(model, held_out)}
    for n in sorted({order, 1}, reverse=True):
        name = "unigram" if n == 1 else f"{n}-gram"
        losses[name] = NGram(train, data.vocabulary.vocab_size, n).loss(held_out)
    return losses


def _model_loss(model: LanguageModel, tokens: NDArray[Any]) -> float:
    """Return nats per token, in windows of the context length that do not overlap."""
    n_ctx = model.decoder.config.n_ctx
    scorer = Scorer(model.decoder, model.tokenizer)
    [answer] = scorer.running_texts([RunningText(tuple(tokens.tolist()), n_ctx, n_ctx)])
    return -answer.log_probability / answer.n_scored


def _zero_shot(folder: Path, model: LanguageModel, limit: int) -> list[Score]:
    """Return the first score of each Storyworld benchmark under the paper's protocol."""
    data = ZeroShotDataModule(
        [f"storyworld:{name}" for name in _BENCHMARKS],
        protocols=["paper"],
        tokenizer=str(folder),
        n_ctx=model.decoder.config.n_ctx,
        limit=limit,
    )
    task = ZeroShotTask(init_from=str(folder))
    evaluation_trainer(accelerator="cpu", devices=1).test(task, data, verbose=False)
    first: dict[str, Score] = {}
    for score in task.scores:
        first.setdefault(score.benchmark, score)
    return list(first.values())


def _score_line(score: Score) -> str:
    """Return ``last word   61.2% +- 2.1  (chance 8.0%)``."""
    name = score.benchmark.partition(":")[2].replace("_", " ")
    chance = "" if math.isnan(score.chance) else f"  (chance {100 * score.chance:.1f}%)"
    return f"{name:14} {100 * score.value:5.1f}% +- {100 * score.interval:.1f}{chance}"


def _generate(model: LanguageModel, n_samples: int, max_new_tokens: int, *, stories: bool) -> list[str]:
    """Return texts by the model; ``stories`` continue the first sentences of held-out ones."""
    settings: Settings = {"max_new_tokens": max_new_tokens, "temperature": 0.7, "top_p": 0.9, "seed": 0}
    if not n_samples:
        return []
    if not stories:
        return model.generate("", num_samples=n_samples, **settings)
    sentences = [re.split(r"(?<=[.!?]) ", story(0, "validation", index))[0] for index in range(n_samples)]
    longest = model.decoder.config.n_ctx // 2
    starts = [model.tokenizer.decode(model.tokenizer.encode(each)[:longest]) for each in sentences]
    return [a + b for a, b in zip(starts, model.generate(starts, **settings), strict=True)]


# ------------------------------------------------------------------ loss curves


def read_curves(path: Path) -> dict[str, Curve]:
    """Return the columns of a run's ``metrics.csv`` by name.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    curves: dict[str, Curve] = {}
    advice = "resume the run, which writes it again, or leave it out"
    with explain_read_errors(path, advice), path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if name != "step" and value:
                    curves.setdefault(name, []).append((int(row["step"]), float(value)))
    return curves


def draw_losses(curves: Mapping[str, Curve], path: Path, *, lines: Mapping[str, float]) -> None:
    """Write a figure of the losses over the steps; ``lines`` are losses to compare with."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    if train := curves.get("train_loss"):
        axes.plot(*zip(*train, strict=True), linewidth=0.8, label="training")
    if val := curves.get("val_loss"):
        axes.plot(*zip(*val, strict=True), marker="o", label="validation")
    for name, value in lines.items():
        axes.axhline(value, linestyle="--", linewidth=0.9, color="tab:gray")
        place = (0.99, value)
        axes.annotate(name, place, xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    axes.set(xlabel="step", ylabel="loss, nats per token")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def ascii_plot(curve: Sequence[tuple[int, float]], width: int = 60, height: int = 10) -> list[str]:
    """Return a curve as lines of text, the highest value on top; no lines for an empty curve."""
    if not curve:
        return []
    steps, values = zip(*curve, strict=True)
    low, high = min(values), max(values)
    first, last = steps[0], max(steps[-1], steps[0] + 1)
    grid = [[" "] * width for _ in range(height)]
    for step, value in curve:
        column = round((step - first) / (last - first) * (width - 1))
        row = round((high - value) / max(high - low, 1e-9) * (height - 1))
        grid[row][column] = "*"
    lines = [
        f"{high - (high - low) * row / (height - 1):8.3f} |{''.join(cells)}" for row, cells in enumerate(grid)
    ]
    axis = f"{first:,}".ljust(width - len(f"{last:,}")) + f"{last:,}"
    return [*lines, " " * 9 + "+" + "-" * width, " " * 10 + axis]
