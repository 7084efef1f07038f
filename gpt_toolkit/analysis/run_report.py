"""The work of ``gpt-toolkit report``."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from numpy.typing import NDArray

from gpt_toolkit.analysis.loss_curves import draw, letters, read_curves
from gpt_toolkit.analysis.ngram import NGram
from gpt_toolkit.batches import RunningText, Score
from gpt_toolkit.callbacks.console import quiet_lightning
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.token_shards import Split
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.run_benchmarks import evaluating_trainer
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel, Settings, load
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.storyworld import story

BENCHMARKS = ("last_word", "common_nouns", "names", "pronouns", "reading")
"""Of the built-in world, those whose chance level is known."""


def report(run: Path, *, n_samples: int, max_new_tokens: int, order: int, n_tokens: int, limit: int) -> None:
    """Print what a run came to; keep it as ``report.html`` with ``loss.png``.

    Args:
        run: Folder of the run.
        n_samples: Texts to write.
        max_new_tokens: Tokens of each.
        order: Longest n-gram; 0 leaves the comparison out.
        n_tokens: Held-out tokens of the comparison.
        limit: Rows of each benchmark; 0 leaves them out.

    Raises:
        FileNotFoundError: If the folder is not a run's.
        ValueError: If the run's tokenizer is no longer the one that the model was trained with.
    """
    for name in ("config.yaml", "metrics.csv", "model"):
        if not (run / name).exists():
            raise FileNotFoundError(
                f"{run / name}: there is none; {run} is not the folder of a run that has ended"
            )
    quiet_lightning()
    page = Page(run)
    curves = read_curves(run / "metrics.csv")
    page.lines(letters(curves.get("train_loss", [])))
    model = load(run / "model", device="cpu")
    losses: dict[str, float] = {}
    data = corpus_of(run)
    if order and data is not None:
        _check_vocabulary(run, model, data)
        losses = compare(model, data, order, n_tokens)
        page.lines([perplexities(losses)])
    draw(curves, run / "loss.png", lines={name: loss for name, loss in losses.items() if name != "ours"})
    in_the_world = data is not None and (data.dataset or "").startswith("storyworld")
    if limit and in_the_world:
        page.lines(["zero-shot, with 95% intervals and what guessing gives:"])
        page.lines([f"  {line}" for line in map(score_line, zero_shot(run / "model", model, limit))])
    title = "a text by the model" + (", which was given the first sentence" if in_the_world else "")
    for text in written(model, n_samples, max_new_tokens, stories=in_the_world):
        page.text(title, text.strip())
    page.lines([f"{run}: report.html, loss.png, model/ (loads in transformers), checkpoints/"])
    own = "gpt-toolkit fit --config text/own --data.files YOUR.txt"
    page.lines([f"next: gpt-toolkit generate {run / 'model'}    {own}"])
    page.write()


def written(model: LanguageModel, n_samples: int, max_new_tokens: int, *, stories: bool) -> list[str]:
    """Texts by the model; of the built-in world, stories that begin as held-out ones do."""
    settings: Settings = {"max_new_tokens": max_new_tokens, "temperature": 0.7, "top_p": 0.9, "seed": 0}
    if not n_samples:
        return []
    if not stories:
        return model.generate("", num_samples=n_samples, **settings)
    sentences = [re.split(r"(?<=[.!?]) ", story(0, "validation", index))[0] for index in range(n_samples)]
    most = model.decoder.config.n_ctx // 2
    beginnings = [model.tokenizer.decode(model.tokenizer.encode(sentence)[:most]) for sentence in sentences]
    return [a + b for a, b in zip(beginnings, model.generate(beginnings, **settings), strict=True)]


class Page:
    """What is printed, and the same as a page of HTML."""

    def __init__(self, run: Path) -> None:
        self.run, self._parts = run, list[str]()

    def lines(self, lines: Sequence[str]) -> None:
        """Lines of fixed width."""
        print(*lines, sep="\n")
        self._parts.append(f"<pre>{html.escape(chr(10).join(lines))}</pre>")

    def text(self, title: str, text: str) -> None:
        """A text that the model wrote."""
        print(f"\n--- {title}\n{text}\n")
        paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
        self._parts.append(f"<p>{html.escape(title)}:</p><blockquote>{paragraphs}</blockquote>")

    def write(self) -> None:
        """Keep ``report.html``, whole or not at all."""
        picture = base64.b64encode((self.run / "loss.png").read_bytes()).decode()
        style = (
            "body{max-width:50em;margin:2em auto;font-family:sans-serif;line-height:1.5}pre{overflow:auto}"
        )
        content = (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(self.run.name)}</title>"
            f"<style>{style}</style><h1>{html.escape(self.run.name)}</h1>"
            f'<img alt="loss over the steps" style="max-width:100%" src="data:image/png;base64,{picture}">'
            f"{''.join(self._parts)}</html>\n"
        )
        partial = self.run / "report.html.partial"
        partial.write_text(content, encoding="utf-8")
        partial.replace(self.run / "report.html")


def corpus_of(run: Path) -> CorpusDataModule | None:
    """The run's corpus, ready to be read; None where the run had other data."""
    data: dict[str, Any] = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["data"]
    if not data["class_path"].endswith("CorpusDataModule"):
        return None
    corpus = CorpusDataModule(**data.get("init_args", {}))
    corpus.prepare_data()
    corpus.setup()
    return corpus


def _check_vocabulary(run: Path, model: LanguageModel, data: CorpusDataModule) -> None:
    """Refuse tokens that the model does not know by these ids, which would give a loss without a meaning."""
    ours, theirs = model.tokenizer.fingerprint, data.vocabulary.fingerprint
    if ours != theirs:
        raise ValueError(
            f"{run / 'model'} was trained with the tokenizer {ours}, but the data of {run / 'config.yaml'} "
            f"has {theirs} now: train again, or leave the comparison out with --order 0"
        )


def compare(model: LanguageModel, data: CorpusDataModule, order: int, n_tokens: int) -> dict[str, float]:
    """Loss in nats per token on the same held-out tokens: the model's and those of n-grams."""
    cache = data.cache
    split: Split = "val" if "val" in cache.splits else "train"
    held_out = cache.tokens(split).read(0, min(n_tokens, cache.n_tokens(split)))
    train = cache.tokens("train").read(0, cache.n_tokens("train"))
    losses = {"ours": model_loss(model, held_out)}
    for n in sorted({order, 1}, reverse=True):
        name = "unigram" if n == 1 else f"{n}-gram"
        losses[name] = NGram(train, data.vocabulary.vocab_size, n).loss(held_out)
    return losses


def model_loss(model: LanguageModel, tokens: NDArray[Any]) -> float:
    """Nats per token, in windows of the context length that do not overlap."""
    scorer = Scorer(model.decoder, model.tokenizer)
    n_ctx = model.decoder.config.n_ctx
    [answer] = scorer.running_texts([RunningText(tuple(tokens.tolist()), n_ctx, n_ctx)])
    return -answer.log_probability / answer.n_scored


def perplexities(losses: dict[str, float]) -> str:
    """``perplexity  ours 4.30  5-gram 6.90  unigram 212``."""
    values = "  ".join(f"{name} {math.exp(loss):.3g}" for name, loss in losses.items())
    return f"perplexity per token, same held-out tokens:  {values}"


def zero_shot(folder: Path, model: LanguageModel, limit: int) -> list[Score]:
    """The first number of each benchmark under the paper's protocol."""
    data = ZeroShotDataModule(
        [f"storyworld:{name}" for name in BENCHMARKS],
        protocols=["paper"],
        tokenizer=str(folder),
        n_ctx=model.decoder.config.n_ctx,
        limit=limit,
    )
    task = ZeroShotTask(init_from=str(folder))
    evaluating_trainer(accelerator="cpu", devices=1).test(task, data, verbose=False)
    first: dict[str, Score] = {}
    for score in task.scores:
        first.setdefault(score.benchmark, score)
    return list(first.values())


def score_line(score: Score) -> str:
    """``last word   61.2% +- 2.1  (chance 8.0%)``."""
    name = score.benchmark.partition(":")[2].replace("_", " ")
    chance = "" if math.isnan(score.chance) else f"  (chance {100 * score.chance:.1f}%)"
    return f"{name:14} {100 * score.value:5.1f}% +- {100 * score.interval:.1f}{chance}"
