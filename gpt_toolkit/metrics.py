"""Metrics: the loss of a split in several units, and the metrics of supervised datasets."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassMatthewsCorrCoef,
)
from torchmetrics.regression import PearsonCorrCoef, SpearmanCorrCoef

from gpt_toolkit import intervals
from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.class_scores import class_scores, confusions
from gpt_toolkit.text_metrics import BLEU_COUNTS, bleu, bleu_counts, exact_match, rouge_l, token_f1

_SHOWN_CLASSES = 12  # tuned here: they fit on a line


class MeanTokenLoss(Metric):
    """Mean negative log-likelihood in nats per token, over any number of batches and ranks.

    Sums and counts are float64 and added over ranks, so each token weighs the same in uneven batches.
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
        """Return the nats per token."""
        return self.total / self.count


def perplexity(nats_per_token: float) -> float:
    """Return the perplexity per token; infinite if the exponential overflows."""
    return math.exp(nats_per_token) if nats_per_token < 700 else math.inf


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """Return the bits per UTF-8 byte, which are comparable between tokenizers; token perplexity is not."""
    return nats_per_token / (bytes_per_token * math.log(2))


class ExampleCount(Metric):
    """Number of evaluated examples, over all ranks."""

    full_state_update = False
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predictions: Sized, target: Sized) -> None:
        """Add a batch."""
        self.count += len(target)

    def compute(self) -> Tensor:
        """Return the number of examples so far."""
        return self.count


class ClassF1(BinaryF1Score):
    """F1 of one class against all others.

    Args:
        index: The class.
    """

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def update(self, predictions: Tensor, target: Tensor) -> None:
        """Add a batch of classes."""
        super().update((predictions == self.index).long(), (target == self.index).long())


class DatasetMetrics(nn.Module):
    """Metrics of a dataset and of each of its subsets, such as matched and mismatched.

    Args:
        spec: The dataset.
    """

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        self.spec = spec
        build = text_metrics if spec.has_free_text else label_metrics
        self.whole = build(spec)
        self.subsets = nn.ModuleList(build(spec) for _ in spec.subsets)
        self.unlabeled = ExampleCount()
        has_classes = not (spec.levels or spec.has_free_text)
        self.confusion = MulticlassConfusionMatrix(max(len(spec.answer_names), 2)) if has_classes else None

    def leave_out(self, examples: Sized) -> None:
        """Count examples that have no target."""
        self.unlabeled.update(examples, examples)

    def update(self, predictions: Any, targets: Any, subsets: Tensor) -> None:
        """Add a batch of examples that have a target.

        Args:
            predictions: Tensor ``(B,)``, or a list of texts.
            targets: Tensor ``(B,)``, or a list of lists of reference texts.
            subsets: ``(B,)``, index of each example's subset, or -1.
        """
        if not len(predictions):
            return
        self.whole.update(predictions, targets)
        if self.confusion is not None:
            self.confusion.update(predictions, targets)
        for index, metrics in enumerate(self.subsets):
            chosen = (subsets == index).nonzero()[:, 0].tolist()
            if chosen:
                metrics.update(_select(predictions, chosen), _select(targets, chosen))  # type: ignore[operator]

    def compute(self, *, with_interval: bool) -> dict[str, float]:
        """Return the metrics over all ranks, as ``<dataset>_<metric>`` and ``<dataset>_<subset>_<metric>``.

        All ranks must call this together. Without examples the result is empty. A correlation is 0 if all
        predictions are the same.

        Args:
            with_interval: Add the half-width of the 95% interval of an accuracy.
        """
        names = [self.spec.name, *(f"{self.spec.name}_{subset}" for subset in self.spec.subsets)]
        found: dict[str, float] = {}
        for name, metrics in zip(names, (self.whole, *self.subsets), strict=True):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*method of metric .* was called before the.*")
                warnings.filterwarnings("ignore", ".*variance of predictions or target is close to zero.*")
                values = {metric: float(value) for metric, value in metrics.compute().items()}
            n = int(values.pop("examples"))
            if not n:
                continue
            values = {metric: 0.0 if math.isnan(value) else value for metric, value in values.items()}
            if with_interval and "accuracy" in values:
                values["accuracy_interval"] = intervals.normal(values["accuracy"], n)
            found |= {f"{name}_{metric}": value for metric, value in values.items()}
        return found

    def describe(self) -> dict[str, Any]:
        """Return what the metrics are of, as plain types: examples, classes with their scores, class of F1.

        The positions of right choices are counted, but are not classes with scores. All ranks must call this
        together.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*method of metric .* was called before the.*")
            n, n_unlabeled = int(self.whole["examples"].compute()), int(self.unlabeled.compute())
            matrix = [] if self.confusion is None else self.confusion.compute().tolist()
        described: dict[str, Any] = {"n_examples": n}
        if n_unlabeled:
            described["left_out"] = {"without a label": n_unlabeled}
        if matrix:
            labels = self.spec.answer_names
            counts = [sum(row) for row in matrix]
            described["class_counts"] = dict(zip(labels, counts, strict=True))
            described["majority_rate"] = max(counts) / max(n, 1)
            if self.spec.kind != "multiple_choice":
                described["class_scores"] = class_scores(labels, matrix)
                described["confusion_matrix"] = confusions(labels, matrix)
        if "f1" in self.spec.metrics:
            index = self.spec.f1_class
            described["f1_of"] = "mean over the classes" if index is None else self.spec.answer_names[index]
        return described

    def reset(self) -> None:
        """Forget all examples."""
        for metrics in (self.whole, *self.subsets, self.unlabeled, self.confusion):
            if metrics is not None:
                metrics.reset()


def describe_evaluation(name: str, described: Mapping[str, Any]) -> str:
    """Return a line on what the scores of a dataset are of.

    Args:
        name: Name of the dataset.
        described: As :meth:`DatasetMetrics.describe` returns it, with ``split``.
    """
    line = f"{name}: {described['n_examples']:,} examples of {described['split']}"
    if counts := described.get("class_counts"):
        shown = [f"{label} {n:,}" for label, n in list(counts.items())[:_SHOWN_CLASSES]]
        more = [f"{len(counts) - _SHOWN_CLASSES:,} more classes"] if len(counts) > _SHOWN_CLASSES else []
        line += f" ({', '.join(shown + more)}); majority rate {described['majority_rate']:.4f}"
    if "f1_of" in described:
        line += f"; f1 of {described['f1_of']}"
    left_out = [f"{n:,} {reason}" for reason, n in described.get("left_out", {}).items()]
    return f"{line}; left out: {', '.join(left_out)}" if left_out else line


def _select(values: Any, indices: list[int]) -> Any:
    return [values[i] for i in indices] if isinstance(values, list) else values[indices]


def label_metrics(spec: TaskSpec) -> MetricCollection:
    """Return the metrics of a dataset of classes, choices or grades, and ``examples``, their number.

    Each example counts once over ranks and uneven batches: sums are added, and metrics that need all examples
    keep them. F1 is that of the dataset's positive class: of the last of two, unless it names one. For more
    classes it is the mean over the classes.
    """
    n, f1_class = max(len(spec.answer_names), 2), spec.f1_class
    known: dict[str, Callable[[], Metric]] = {
        "accuracy": lambda: MulticlassAccuracy(n, average="micro"),
        "f1": lambda: MulticlassF1Score(n) if f1_class is None else ClassF1(f1_class),
        "matthews": lambda: _Matthews(n),
        "pearson": _Pearson,
        "spearman": SpearmanCorrCoef,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*save all targets and predictions in the buffer.*")  # intended
        return _collection(spec, known)


class _Matthews(MulticlassMatthewsCorrCoef):
    """Matthews correlation; 0 if all predictions or all targets are the same, as in scikit-learn.

    torchmetrics 1.9 returns another number for two classes, such as 0.24.
    """

    def compute(self) -> Tensor:
        is_constant = any(int((self.confmat.sum(dim=dim) > 0).sum()) < 2 for dim in (0, 1))
        return self.confmat.new_zeros((), dtype=torch.float32) if is_constant else super().compute()


class _Pearson(PearsonCorrCoef):
    """Pearson correlation in float64; in float32 it differs by 1e-5 between divisions into batches."""

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)

    def update(self, predictions: Tensor, target: Tensor) -> None:
        """Add a batch."""
        super().update(predictions.double(), target.double())


class _MeanOfAnswers(Metric):
    """Mean over examples of the score of an answer against its references."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, score: Callable[[str, Sequence[str]], float]) -> None:
        super().__init__()
        self._score = score
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add a batch."""
        for answer, right in zip(answers, references, strict=True):
            self.total += self._score(answer, right)
            self.count += 1

    def compute(self) -> Tensor:
        """Return the mean."""
        return self.total / self.count


class _CorpusBleu(Metric):
    """BLEU of all answers together."""

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(BLEU_COUNTS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add a batch."""
        for answer, right in zip(answers, references, strict=True):
            self.counts += torch.tensor(bleu_counts(answer, right), device=self.counts.device)

    def compute(self) -> Tensor:
        """Return BLEU, from 0 to 100."""
        return torch.tensor(bleu(self.counts.tolist()), dtype=torch.float64)


def text_metrics(spec: TaskSpec) -> MetricCollection:
    """Return the metrics of a dataset with free-text answers, and ``examples``, their number.

    All are between 0 and 100, against all references: ``exact_match`` and ``token_f1`` of SQuAD's script,
    ``rouge``, the F1 of ROUGE-L with stemming, and sacrebleu's ``bleu`` of the whole split.
    """
    known: dict[str, Callable[[], Metric]] = {
        "exact_match": lambda: _MeanOfAnswers(exact_match),
        "token_f1": lambda: _MeanOfAnswers(token_f1),
        "rouge": lambda: _MeanOfAnswers(rouge_l),
        "bleu": _CorpusBleu,
    }
    return _collection(spec, known)


def _collection(spec: TaskSpec, known: Mapping[str, Callable[[], Metric]]) -> MetricCollection:
    metrics: dict[str, Metric | MetricCollection] = {name: known[name]() for name in spec.metrics}
    return MetricCollection({**metrics, "examples": ExampleCount()}, compute_groups=False)
