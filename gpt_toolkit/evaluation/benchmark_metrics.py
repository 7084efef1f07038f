"""From decisions to numbers with 95% intervals.

* Shares of rows: half the width of Wilson's interval, which does not vanish at 0 and 1.
* Means over rows: the normal approximation.
* Perplexities: the delta method over documents, nats and units being summed (a ratio estimate); none for one
  stream of text.
* Matthews and Pearson correlation, F1 and BLEU: 1,000 bootstrap samples of rows, of a fixed seed.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from gpt_toolkit.evaluation.protocol import Metric
from gpt_toolkit.metrics import token_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Z = 1.959964
NOT_SAID: Final = math.nan
_BOOTSTRAP = 1000


def accuracy(name: str, correct: Sequence[bool], chance: float = NOT_SAID) -> Metric:
    """Share of rows that are right."""
    n = len(correct)
    p = sum(correct) / n if n else math.nan
    wilson = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) if n else math.nan
    return Metric(name, p, wilson, n, chance)


def mean(name: str, values: Sequence[float], chance: float = NOT_SAID) -> Metric:
    """Mean over rows."""
    n = len(values)
    if not n:
        return Metric(name, math.nan, math.nan, 0, chance)
    interval = _Z * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Metric(name, float(np.mean(values)), interval, n, chance)


def matthews(name: str, predicted: Sequence[int], labels: Sequence[int]) -> Metric:
    """Matthews correlation of two classes; 0 where one of them never occurs."""
    guesses, truth = np.array(predicted, dtype=bool), np.array(labels, dtype=bool)
    draws = np.random.default_rng(0).integers(0, max(1, len(truth)), (_BOOTSTRAP, len(truth)))
    value = float(_matthews(guesses[None], truth[None])[0])
    return Metric(name, value, _half_width(_matthews(guesses[draws], truth[draws])), len(truth), 0.0)


def _matthews(guesses: "NDArray[np.bool_]", truth: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    tp, tn = (guesses & truth).sum(1, dtype=float), (~guesses & ~truth).sum(1, dtype=float)
    fp, fn = (guesses & ~truth).sum(1, dtype=float), (~guesses & truth).sum(1, dtype=float)
    under = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    found: NDArray[np.float64] = np.divide(
        tp * tn - fp * fn, under, out=np.zeros_like(under), where=under > 0
    )
    return found


def f1(name: str, predicted: Sequence[int], labels: Sequence[int]) -> Metric:
    """F1 of the second of two classes; 0 where it is never found."""
    guesses, truth = np.array(predicted, dtype=bool), np.array(labels, dtype=bool)

    def score(rows: "NDArray[np.int64]") -> float:
        both = np.count_nonzero(guesses[rows] & truth[rows])
        either = np.count_nonzero(guesses[rows]) + np.count_nonzero(truth[rows])
        return 2.0 * int(both) / max(1, int(either))

    return _bootstrapped(name, score, len(truth), NOT_SAID)


def pearson(name: str, predicted: Sequence[float], grades: Sequence[float]) -> Metric:
    """Pearson correlation; 0 where one of the two never changes."""
    guesses, truth = np.array(predicted, dtype=float), np.array(grades, dtype=float)

    def score(rows: "NDArray[np.int64]") -> float:
        a, b = guesses[rows] - guesses[rows].mean(), truth[rows] - truth[rows].mean()
        under = math.sqrt(float((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / under if under > 0 else 0.0

    return _bootstrapped(name, score, len(truth), 0.0)


def _bootstrapped(name: str, score: "Callable[[NDArray[np.int64]], float]", n: int, chance: float) -> Metric:
    draws = np.random.default_rng(0).integers(0, n, (_BOOTSTRAP, n))
    samples = np.array([score(draw) for draw in draws])
    return Metric(name, score(np.arange(n)), _half_width(samples), n, chance)


def _half_width(samples: "NDArray[np.float64]") -> float:
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(high - low) / 2


def perplexity(name: str, nats: Sequence[float], units: Sequence[int]) -> Metric:
    """``exp(nats / units)``, summed over documents before the exponential."""
    rate, error = _rate(nats, units)
    value = math.exp(rate) if rate < 700 else math.inf
    return Metric(name, value, value * error, sum(units), NOT_SAID)


def bits(name: str, nats: Sequence[float], units: Sequence[int]) -> Metric:
    """Bits per unit."""
    rate, error = _rate(nats, units)
    return Metric(name, rate / math.log(2), error / math.log(2), sum(units), NOT_SAID)


def _rate(nats: Sequence[float], units: Sequence[int]) -> tuple[float, float]:
    """Nats per unit, and half its 95% interval by the delta method over documents."""
    n, total = len(nats), sum(units)
    if not total:
        return math.nan, math.nan
    rate = sum(nats) / total
    if n < 2:
        return rate, math.nan
    spread = sum((x - rate * u) ** 2 for x, u in zip(nats, units, strict=True))
    return rate, _Z * math.sqrt(spread * n / (n - 1)) / total


def leave_one_out_f1(answer: str, references: Sequence[str]) -> float:
    """Mean over all but one of the references of the best F1 (CoQA's evaluation script).

    So that people, who are compared with the others' answers, and models are scored alike.
    """
    scores = [token_f1(answer, reference) for reference in references]
    if len(scores) < 2:
        return max(scores, default=0.0)
    return sum(max(scores[:i] + scores[i + 1 :]) for i in range(len(scores))) / len(scores)


def rouge(answers: Sequence[str], references: Sequence[str], *, by_sentence: bool) -> list[Metric]:
    """ROUGE-1, -2 and -L as F1 in percent with stemming (rouge-score), and their mean.

    Args:
        answers: Generated summaries, one sentence a line.
        references: Published ones, one sentence a line.
        by_sentence: Whether ROUGE-L is taken line by line, as of summaries of several sentences.
    """
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]
    from rouge_score.tokenizers import DefaultTokenizer  # type: ignore[import-untyped]

    longest = "rougeLsum" if by_sentence else "rougeL"
    kinds = {"rouge1": "rouge1", "rouge2": "rouge2", "rougeL": longest}
    # given, for making its own it writes to the log of the process
    scorer = RougeScorer(list(kinds.values()), tokenizer=DefaultTokenizer(use_stemmer=True))
    rows = [
        [100 * scores[kind].fmeasure for kind in kinds.values()]
        for answer, reference in zip(answers, references, strict=True)
        for scores in [scorer.score(reference, answer)]
    ]
    metrics = [mean(name, [row[i] for row in rows]) for i, name in enumerate(kinds)]
    return [mean("rouge_mean", [sum(row) / 3 for row in rows]), *metrics]


def bleu(answers: Sequence[str], references: Sequence[str]) -> Metric:
    """BLEU of the whole corpus, cased, tokenized by 13a (sacrebleu's default)."""
    from sacrebleu.metrics.bleu import BLEU

    if not answers:
        return Metric("bleu", math.nan, math.nan, 0, 0.0)
    scorer = BLEU(effective_order=True)  # counts of a sentence; the order matters to its own score alone
    rows = [scorer.sentence_score(*pair) for pair in zip(answers, ([r] for r in references), strict=True)]
    counts = np.array([[*row.counts, *row.totals, row.sys_len, row.ref_len] for row in rows])

    def score(part: "NDArray[np.int64]") -> float:
        total = part.sum(0).tolist()
        return float(BLEU.compute_bleu(total[:4], total[4:8], *total[8:]).score)

    draws = np.random.default_rng(0).integers(0, len(rows), (_BOOTSTRAP, len(rows)))
    samples = np.array([score(counts[draw]) for draw in draws])
    return Metric("bleu", score(counts), _half_width(samples), len(answers), 0.0)
