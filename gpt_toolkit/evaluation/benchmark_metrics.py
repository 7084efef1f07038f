"""Metrics of zero-shot benchmarks, each with the half-width of its 95% interval."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from gpt_toolkit import intervals
from gpt_toolkit.evaluation.protocol import Metric
from gpt_toolkit.metrics import rouge_f1, token_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN: Final = math.nan
"""Chance of a metric for which guessing has no meaning."""


def accuracy(name: str, correct: Sequence[bool], chance: float = UNKNOWN) -> Metric:
    """Compute the fraction of correct items, with Wilson's interval."""
    n = len(correct)
    if not n:
        return Metric(name, math.nan, math.nan, 0, chance)
    fraction = sum(correct) / n
    return Metric(name, fraction, intervals.wilson(fraction, n), n, chance)


def mean(name: str, values: Sequence[float], chance: float = UNKNOWN) -> Metric:
    """Compute the mean over items, with the normal interval."""
    value = float(np.mean(values)) if values else math.nan
    return Metric(name, value, intervals.normal_mean(values), len(values), chance)


def f1(name: str, predicted: Sequence[int], labels: Sequence[int]) -> Metric:
    """Compute the F1 of the second of two classes; 0 if it is never predicted."""
    guesses, truth = np.array(predicted, dtype=bool), np.array(labels, dtype=bool)

    def score(items: "NDArray[np.int64]") -> float:
        both = np.count_nonzero(guesses[items] & truth[items])
        total = np.count_nonzero(guesses[items]) + np.count_nonzero(truth[items])
        return 2.0 * int(both) / max(1, int(total))

    return _bootstrapped(name, score, len(truth), UNKNOWN)


def pearson(name: str, predicted: Sequence[float], grades: Sequence[float]) -> Metric:
    """Compute the Pearson correlation; 0 if either sequence is constant.

    Of two classes, 0 and 1, it is the Matthews correlation.
    """
    guesses, truth = np.array(predicted, dtype=float), np.array(grades, dtype=float)

    def score(items: "NDArray[np.int64]") -> float:
        a, b = guesses[items] - guesses[items].mean(), truth[items] - truth[items].mean()
        norm = math.sqrt(float((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / norm if norm > 0 else 0.0

    return _bootstrapped(name, score, len(truth), 0.0)


def _bootstrapped(name: str, score: "Callable[[NDArray[np.int64]], float]", n: int, chance: float) -> Metric:
    return Metric(name, score(np.arange(n)), intervals.bootstrap(score, n), n, chance)


def perplexity(name: str, nats: Sequence[float], units: Sequence[int]) -> Metric:
    """Compute ``exp(nats / units)``, summed over documents before the exponential."""
    per_unit = _per_unit(nats, units)
    value = math.exp(per_unit) if per_unit < 700 else math.inf
    return Metric(name, value, value * intervals.ratio(nats, units), sum(units), UNKNOWN)


def bits(name: str, nats: Sequence[float], units: Sequence[int]) -> Metric:
    """Compute bits per unit."""
    value = _per_unit(nats, units) / math.log(2)
    return Metric(name, value, intervals.ratio(nats, units) / math.log(2), sum(units), UNKNOWN)


def _per_unit(nats: Sequence[float], units: Sequence[int]) -> float:
    return sum(nats) / sum(units) if sum(units) else math.nan


def leave_one_out_f1(answer: str, references: Sequence[str]) -> float:
    """Compute the best F1 against all references but one, averaged (CoQA's evaluation script).

    A human answer can only be compared with the others, so models are scored alike.
    """
    scores = [token_f1(answer, reference) for reference in references]
    if len(scores) < 2:
        return max(scores, default=0.0)
    return sum(max(scores[:i] + scores[i + 1 :]) for i in range(len(scores))) / len(scores)


def rouge(answers: Sequence[str], references: Sequence[str], *, by_sentence: bool) -> list[Metric]:
    """Compute the mean of ROUGE-1, -2 and -L, then each of them: F1 in percent, with stemming.

    Args:
        answers: Generated summaries, one sentence a line.
        references: Published summaries, one sentence a line.
        by_sentence: Compute ROUGE-L line by line, for summaries of several sentences.
    """
    f1 = rouge_f1("rouge1", "rouge2", "rougeLsum" if by_sentence else "rougeL")
    rows = [[100 * value for value in f1(*pair)] for pair in zip(answers, references, strict=True)]
    metrics = [mean(name, [row[i] for row in rows]) for i, name in enumerate(("rouge1", "rouge2", "rougeL"))]
    return [mean("rouge_mean", [sum(row) / 3 for row in rows]), *metrics]


def bleu(answers: Sequence[str], references: Sequence[str]) -> Metric:
    """Compute BLEU of the whole corpus, cased, with the tokenizer 13a (sacrebleu's default)."""
    from sacrebleu.metrics.bleu import BLEU

    if not answers:
        return Metric("bleu", math.nan, math.nan, 0, 0.0)
    scorer = BLEU(effective_order=True)  # counts of a sentence; the order matters to its own score alone
    rows = [scorer.sentence_score(*pair) for pair in zip(answers, ([r] for r in references), strict=True)]
    counts = np.array([[*row.counts, *row.totals, row.sys_len, row.ref_len] for row in rows])

    def score(items: "NDArray[np.int64]") -> float:
        total = counts[items].sum(0).tolist()
        return float(BLEU.compute_bleu(total[:4], total[4:8], *total[8:]).score)

    return _bootstrapped("bleu", score, len(rows), 0.0)
