"""Scores of zero-shot benchmarks: each a number, what it is of, and the half-width of its 95% interval."""

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from gpt_toolkit import intervals, text_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERCENT: Final = "0 to 100"
FRACTION: Final = "0 to 1"
CORRELATION: Final = "-1 to 1"


@dataclass(frozen=True)
class Score:
    """One number of a report.

    Attributes:
        metric: Name of the metric.
        value: The number.
        n: Number of examples, or of units of text, behind it.
        unit: Name of these units.
        scale: Range of the metric, and the better end if it is not the upper one.
        interval: Half-width of the 95% interval, or NaN.
        interval_method: Method of the interval.
        of: Class of an F1, or number of references; "" if the name says all.
        chance: Expected value of a guess; NaN if that has no meaning.
        majority: Accuracy of always choosing the most frequent right answer; NaN if that has no meaning.
        benchmark: Name of the benchmark.
        protocol: Name and version of the protocol.
    """

    metric: str
    value: float
    n: int
    unit: str
    scale: str
    interval: float
    interval_method: str
    of: str = ""
    chance: float = math.nan
    majority: float = math.nan
    benchmark: str = ""
    protocol: str = ""

    @property
    def name(self) -> tuple[str, str, str]:
        """Benchmark, protocol and label, by which scores of several models are compared."""
        return self.benchmark, self.protocol, self.label

    @property
    def label(self) -> str:
        """Name of the metric, and what it is of."""
        return f"{self.metric} ({self.of})" if self.of else self.metric

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest possible value, as the scale has them."""
        low, *high = map(float, re.findall(r"-?\d+", self.scale))
        return low, high[0] if high else math.inf

    @property
    def bounds(self) -> tuple[float, float]:
        """Ends of the 95% interval, within the range of the metric; NaN without an interval."""
        if math.isnan(self.interval):
            return math.nan, math.nan
        low, high = self.limits
        return max(low, self.value - self.interval), min(high, self.value + self.interval)


class Result(NamedTuple):
    """Scores of a benchmark, and the result of every item.

    Attributes:
        scores: Scores, the protocol's main one first.
        items: Result of each item, as plain JSON values.
    """

    scores: list[Score]
    items: list[dict[str, Any]]


def accuracy(
    metric: str, correct: Sequence[bool], chance: float = math.nan, gold: Sequence[Hashable] = ()
) -> Score:
    """Compute the fraction of correct items, with Wilson's interval.

    Args:
        metric: Name.
        correct: True for each correct item.
        chance: Expected value of a guess.
        gold: Right answer of each item, for the majority rate.
    """
    n = len(correct)
    value = sum(correct) / n if n else math.nan
    interval = intervals.wilson(value, n) if n else math.nan
    majority = max(Counter(gold).values()) / n if n and gold else math.nan
    return Score(
        metric, value, n, "examples", FRACTION, interval, "Wilson's", chance=chance, majority=majority
    )


def mean(metric: str, values: Sequence[float], of: str = "", unit: str = "examples") -> Score:
    """Compute the mean of percentages, with the normal interval."""
    value = float(np.mean(values)) if values else math.nan
    return Score(metric, value, len(values), unit, PERCENT, intervals.normal_mean(values), "normal", of)


def f1(chosen: Sequence[int], gold: Sequence[int], labels: Sequence[str], positive: int | None) -> Score:
    """Compute the F1 of a class, or the mean F1 of all if ``positive`` is None; 0 of a class never chosen."""
    guesses, truth = np.array(chosen), np.array(gold)
    classes = range(len(labels)) if positive is None else [positive]

    def score(items: "NDArray[np.int64]") -> float:
        return float(np.mean([_f1_of_class(guesses[items] == c, truth[items] == c) for c in classes]))

    of = f"mean of {len(labels)} classes" if positive is None else f"class {labels[positive]}"
    return _bootstrapped("f1", score, len(truth), FRACTION, of)


def _f1_of_class(guesses: "NDArray[np.bool_]", truth: "NDArray[np.bool_]") -> float:
    total = np.count_nonzero(guesses) + np.count_nonzero(truth)
    return 2.0 * int(np.count_nonzero(guesses & truth)) / max(1, int(total))


def matthews(chosen: Sequence[int], gold: Sequence[int]) -> Score:
    """Compute the Matthews correlation of two or more classes; 0 if either sequence is constant.

    It is the correlation of the classes' indicators (Gorodkin 2004).
    """
    classes = np.unique([*chosen, *gold])
    guesses, truth = (np.array(each)[:, None] == classes for each in (chosen, gold))
    return _correlation("matthews", guesses.astype(float), truth.astype(float), chance=0.0)


def pearson(predicted: Sequence[float], grades: Sequence[float]) -> Score:
    """Compute the Pearson correlation; 0 if either sequence is constant."""
    return _correlation("pearson", _column(predicted), _column(grades), chance=0.0)


def spearman(predicted: Sequence[float], grades: Sequence[float]) -> Score:
    """Compute the Spearman correlation, of ranks; equal values share the mean of theirs."""
    return _correlation("spearman", _column(_ranks(predicted)), _column(_ranks(grades)), chance=0.0)


def _column(values: Sequence[float]) -> "NDArray[np.float64]":
    return np.array(values, dtype=float)[:, None]


def _ranks(values: Sequence[float]) -> list[float]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: list[float] = (last - (counts - 1) / 2)[inverse].tolist()
    return ranks


def _correlation(metric: str, a: "NDArray[np.float64]", b: "NDArray[np.float64]", chance: float) -> Score:
    """Compute the correlation of two tables of items, summed over their columns."""

    def score(items: "NDArray[np.int64]") -> float:
        x, y = a[items] - a[items].mean(0), b[items] - b[items].mean(0)
        norm = math.sqrt(float((x * x).sum() * (y * y).sum()))
        return float((x * y).sum()) / norm if norm > 0 else 0.0

    return _bootstrapped(metric, score, len(a), CORRELATION, chance=chance)


def _bootstrapped(
    metric: str,
    score: "Callable[[NDArray[np.int64]], float]",
    n: int,
    scale: str,
    of: str = "",
    chance: float = math.nan,
) -> Score:
    interval = intervals.bootstrap(score, n)
    return Score(metric, score(np.arange(n)), n, "examples", scale, interval, "bootstrap", of, chance)


def perplexity(metric: str, nats: Sequence[float], counts: Sequence[int], unit: str) -> Score:
    """Compute ``exp(nats / units)``, summed over documents before the exponential."""
    per_unit = _per_unit(nats, counts)
    value = math.exp(per_unit) if per_unit < 700 else math.inf
    interval = value * intervals.ratio(nats, counts)
    return Score(metric, value, sum(counts), unit, "from 1, lower is better", interval, "delta method")


def bits(metric: str, nats: Sequence[float], counts: Sequence[int], unit: str) -> Score:
    """Compute bits per unit."""
    value = _per_unit(nats, counts) / math.log(2)
    interval = intervals.ratio(nats, counts) / math.log(2)
    return Score(metric, value, sum(counts), unit, "from 0, lower is better", interval, "delta method")


def _per_unit(nats: Sequence[float], counts: Sequence[int]) -> float:
    return sum(nats) / sum(counts) if sum(counts) else math.nan


def best_of(references: Sequence[Sequence[str]]) -> str:
    """Return the number of references that answers are compared with, for :attr:`Score.of`."""
    most = max(map(len, references), default=1)
    return f"best of up to {most} references" if most > 1 else ""


def rouge(answers: Sequence[str], references: Sequence[Sequence[str]], *, by_sentence: bool) -> list[Score]:
    """Compute the mean of ROUGE-1, -2 and -L, then each of them: F1 in percent, with stemming.

    Args:
        answers: Generated summaries, one sentence a line.
        references: Published summaries of each, one sentence a line; the best of each kind counts.
        by_sentence: Compute ROUGE-L line by line, for summaries of several sentences.
    """
    of = best_of(references)
    f1 = text_metrics.rouge("rouge1", "rouge2", "rougeLsum" if by_sentence else "rougeL")
    rows = [f1(*pair) for pair in zip(answers, references, strict=True)]
    names = ("rouge1", "rouge2", "rougeL")
    scores = [mean(name, [row[i] for row in rows], of) for i, name in enumerate(names)]
    return [mean("rouge_mean", [sum(row) / 3 for row in rows], of), *scores]


def bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """Compute sacrebleu's BLEU of the whole corpus against all references, in percent."""
    counts = np.array([text_metrics.bleu_counts(*pair) for pair in zip(answers, references, strict=True)])

    def score(items: "NDArray[np.int64]") -> float:
        return text_metrics.bleu(counts[items].sum(0).tolist())

    most = max(map(len, references), default=1)
    of = f"up to {most} references" if most > 1 else ""
    if not answers:
        return Score("bleu", math.nan, 0, "examples", PERCENT, math.nan, "bootstrap", of, 0.0)
    return _bootstrapped("bleu", score, len(counts), PERCENT, of, chance=0.0)
