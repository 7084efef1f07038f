"""Loss over a whole split and the units it can be told in; what a supervised set is judged by."""

from __future__ import annotations

import math
import re
import string
import warnings
from collections import Counter
from collections.abc import Callable, Sequence, Sized

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassMatthewsCorrCoef,
)
from torchmetrics.regression import PearsonCorrCoef, SpearmanCorrCoef
from torchmetrics.text import SacreBLEUScore

from gpt_toolkit.batches import TaskSpec


class MeanTokenLoss(Metric):
    """Mean negative log-likelihood in nats per token, over any number of batches and ranks.

    Sums and counts are kept in float64 and added over ranks, so uneven batches weigh as they should.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss_sum: Tensor, count: Tensor | int) -> None:
        """Add a batch: its summed loss in nats and the number of labels in it."""
        self.total += loss_sum.detach().to(self.total.dtype)
        self.count += count

    def compute(self) -> Tensor:
        """Nats per token."""
        return self.total / self.count


def perplexity(nats_per_token: float) -> float:
    """Perplexity per token; infinite where the exponential overflows."""
    return math.exp(nats_per_token) if nats_per_token < 700 else math.inf


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """Bits per UTF-8 byte of text: comparable between tokenizers, which perplexity per token is not."""
    return nats_per_token / (bytes_per_token * math.log(2))


class RowCount(Metric):
    """How many rows were judged, over all ranks."""

    full_state_update = False
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predictions: Sized, target: Sized) -> None:
        """Add a batch."""
        self.count += len(target)

    def compute(self) -> Tensor:
        """Rows so far."""
        return self.count


def set_metrics(spec: TaskSpec) -> MetricCollection:
    """The metrics of a set whose answers are classes, choices or grades; ``rows`` counts what they are of.

    Each row counts once over ranks and uneven batches: sums are added, and what needs all rows keeps them.
    F1 is that of class 1 where there are two (MRPC, QQP), else the mean over the classes.
    """
    n = spec.choices if spec.kind == "multiple_choice" else max(len(spec.labels), 2)
    kinds: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: MulticlassAccuracy(n, average="micro"),
        "f1": lambda: BinaryF1Score() if n == 2 else MulticlassF1Score(n),
        "matthews": lambda: MulticlassMatthewsCorrCoef(n),
        "pearson": PearsonCorrCoef,
        "spearman": SpearmanCorrCoef,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*save all targets and predictions in the buffer.*")  # it must
        metrics: dict[str, Metric | MetricCollection] = {name: kinds[name]() for name in spec.metrics}
    return MetricCollection({**metrics, "rows": RowCount()}, compute_groups=False)


class _BestReference(Metric):
    """Mean over rows of the best score that any of a row's references gives its answer."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, score: Callable[[str, str], float]) -> None:
        super().__init__()
        self._score = score
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add a batch."""
        for answer, right in zip(answers, references, strict=True):
            self.total += max(self._score(answer, reference) for reference in right)
            self.count += 1

    def compute(self) -> Tensor:
        """The mean."""
        return self.total / self.count


def text_metrics(spec: TaskSpec) -> MetricCollection:
    """The metrics of a set whose answers are free text; update with answers and lists of references.

    ``exact_match`` and ``token_f1`` as SQuAD's script, ``rouge`` as the F1 of ROUGE-L with stemming, ``bleu``
    as sacrebleu's, of the whole split; all between 0 and 1.
    """
    kinds: dict[str, Callable[[], Metric]] = {
        "exact_match": lambda: _BestReference(exact_match),
        "token_f1": lambda: _BestReference(token_f1),
        "rouge": lambda: _BestReference(_rouge_l()),
        "bleu": SacreBLEUScore,
    }
    metrics: dict[str, Metric | MetricCollection] = {name: kinds[name]() for name in spec.metrics}
    return MetricCollection({**metrics, "rows": RowCount()}, compute_groups=False)


def _rouge_l() -> Callable[[str, str], float]:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]
    from rouge_score.tokenizers import DefaultTokenizer  # type: ignore[import-untyped]

    # given, for making its own it writes to the log of the process
    scorer = RougeScorer(["rougeL"], tokenizer=DefaultTokenizer(use_stemmer=True))
    return lambda answer, reference: float(scorer.score(reference, answer)["rougeL"].fmeasure)


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation, articles and needless blanks."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(answer: str, reference: str) -> float:
    """1 if both are the same answer, else 0."""
    return float(normalize_answer(answer) == normalize_answer(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 of the words of an answer."""
    given, right = normalize_answer(answer).split(), normalize_answer(reference).split()
    if not given or not right:
        return float(given == right)
    common = sum((Counter(given) & Counter(right)).values())
    return 2 * common / (len(given) + len(right))
