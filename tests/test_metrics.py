"""Metrics of datasets compared with plain formulas, also over ranks with uneven last batches."""

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torchmetrics import MetricCollection

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.class_scores import class_table
from gpt_toolkit.metrics import (
    DatasetMetrics,
    MeanTokenLoss,
    describe_evaluation,
    label_metrics,
    text_metrics,
)

JUDGED = {
    "classes": TaskSpec("classes", "classification", ("a", "b", "c"), 1, ("accuracy", "f1", "matthews")),
    "pairs": TaskSpec("pairs", "similarity", ("no", "yes"), 1, ("f1", "accuracy", "matthews")),
    "grades": TaskSpec("grades", "graded", ("0", "1", "2"), 1, ("pearson", "spearman")),
    "few": TaskSpec("few", "graded", ("0", "1", "2"), 1, ("pearson", "spearman")),
    "texts": TaskSpec("texts", "text", (), 1, ("rouge", "bleu", "exact_match", "token_f1")),
}
BATCHES = {"classes": [4, 4, 3], "pairs": [4, 3, 1], "grades": [4, 4, 1], "few": [5], "texts": [3, 3, 1]}
"""Rows of each batch; batch i is rank i % 2's, so that rank 1 has fewer, and of ``few`` none."""
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "the", "dog", "run", "to", "an", "old", "oak"]


def rows_of(name: str) -> tuple[Any, Any]:
    """Return all predictions and targets of a dataset."""
    draw, n = torch.Generator().manual_seed(len(name)), sum(BATCHES[name])
    if name == "texts":
        cut = torch.randint(2, len(WORDS), (n, 2), generator=draw).tolist()
        return [" ".join(WORDS[:a]) for a, _ in cut], [[" ".join(WORDS[:b]), "The cat!"] for _, b in cut]
    if JUDGED[name].kind == "graded":
        target = torch.randint(0, 5, (n,), generator=draw) / 2  # with ties, as grades have
        return target + torch.randn(n, generator=draw), target
    n_classes = len(JUDGED[name].labels)
    return tuple(torch.randint(0, n_classes, (n,), generator=draw) for _ in range(2))  # type: ignore[return-value]


def metrics_of(name: str) -> MetricCollection:
    return (text_metrics if name == "texts" else label_metrics)(JUDGED[name])


def judge(name: str, ranks: Sequence[int]) -> dict[str, float]:
    """Score the batches of some of two ranks; return the values over all processes."""
    metrics, (predictions, targets), start = metrics_of(name), rows_of(name), 0
    for number, size in enumerate(BATCHES[name]):
        if number % 2 in ranks:
            metrics.update(predictions[start : start + size], targets[start : start + size])
        start += size
    return {key: float(value) for key, value in metrics.compute().items()}


def judge_as_rank(rank: int, folder: Path) -> None:
    """Score this rank's batches together with the other rank, in a separate process."""
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo"}
    store = f"file://{folder / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    found = {name: judge(name, [rank]) for name in JUDGED}
    (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore")
def test_two_ranks_with_uneven_last_batches_count_each_row_once(tmp_path: Path) -> None:
    spawn(judge_as_rank, (tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    for rank in (0, 1):
        found = json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8"))
        for name in JUDGED:
            alone = judge(name, [0, 1])
            assert alone["examples"] == sum(BATCHES[name])
            assert found[name] == pytest.approx(alone, rel=1e-5, abs=1e-6), name


def confusion(predictions: Tensor, targets: Tensor, n: int) -> list[list[int]]:
    """Return counts by target and prediction."""
    pairs = list(zip(targets.tolist(), predictions.tolist(), strict=True))
    return [[pairs.count((t, p)) for p in range(n)] for t in range(n)]


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric .* was called before")
@pytest.mark.parametrize("name", ["classes", "pairs"])
def test_scores_of_classes_are_those_of_the_formulas(name: str) -> None:
    predictions, targets = rows_of(name)
    n = len(JUDGED[name].labels)
    c = confusion(predictions, targets, n)
    right, total = sum(c[k][k] for k in range(n)), len(targets)
    t = [sum(c[k]) for k in range(n)]
    p = [sum(row[k] for row in c) for k in range(n)]
    f1 = [2 * c[k][k] / (t[k] + p[k]) for k in range(n)]
    spread = (total**2 - sum(x * x for x in p)) * (total**2 - sum(x * x for x in t))
    matthews = (right * total - sum(a * b for a, b in zip(p, t, strict=True))) / math.sqrt(spread)
    found = judge(name, [0, 1])
    assert found["accuracy"] == pytest.approx(right / total)
    assert found["f1"] == pytest.approx(f1[1] if n == 2 else sum(f1) / n)
    assert found["matthews"] == pytest.approx(matthews, abs=1e-6)


@pytest.mark.parametrize("prediction", [0, 1])
def test_the_matthews_correlation_of_a_constant_prediction_is_0(prediction: int) -> None:
    metrics = DatasetMetrics(JUDGED["pairs"])
    targets = torch.tensor([1, 0, 1, 1, 0, 1, 1, 0, 1])
    metrics.update(torch.full_like(targets, prediction), targets, torch.full_like(targets, -1))
    assert metrics.compute(with_interval=False)["pairs_matthews"] == 0.0


def test_correlations_are_those_of_the_formulas() -> None:
    def correlation(x: Tensor, y: Tensor) -> float:
        x, y = x - x.mean(), y - y.mean()
        return float((x * y).sum() / (x.norm() * y.norm()))

    def ranks(values: Tensor) -> Tensor:
        """Return ranks from 1; equal values get the mean of their ranks."""
        below = (values[None] < values[:, None]).sum(dim=1)
        equal = (values[None] == values[:, None]).sum(dim=1)
        return below + (equal + 1) / 2

    predictions, targets = (values.double() for values in rows_of("grades"))
    found = judge("grades", [0, 1])
    assert found["pearson"] == pytest.approx(correlation(predictions, targets), abs=1e-5)
    assert found["spearman"] == pytest.approx(correlation(ranks(predictions), ranks(targets)), abs=1e-5)


def test_an_answer_is_judged_by_the_reference_that_is_nearest() -> None:
    metrics = text_metrics(TaskSpec("x", "text", (), 1, ("rouge", "exact_match", "token_f1"), (), 5))
    metrics.update(["The cat."], [["a dog", "cat"]])
    metrics.update(["a black cat", "nothing"], [["cat sat"], ["something else"]])
    found = {key: float(value) for key, value in metrics.compute().items()}
    # SQuAD's script drops articles and punctuation: "cat" is exact; "black cat" has 1 of 2 and 1 of 2 words
    assert found["exact_match"] == pytest.approx(100 / 3)
    assert found["token_f1"] == pytest.approx(100 * (1.0 + 0.5 + 0.0) / 3)
    # ROUGE-L: 1 common word of (2, 1), (3, 2) and (1, 2) words
    assert found["rouge"] == pytest.approx(100 * (2 / 3 + 2 / 5 + 0.0) / 3)
    assert found["examples"] == 3


def test_bleu_is_sacrebleus_of_the_whole_split() -> None:
    from sacrebleu import corpus_bleu

    answers, references = rows_of("texts")
    columns = [list(column) for column in zip(*references, strict=True)]
    expected = corpus_bleu(answers, columns).score
    assert judge("texts", [0, 1])["bleu"] == pytest.approx(expected, abs=1e-4)


def test_a_split_s_loss_weighs_each_label_alike() -> None:
    metric = MeanTokenLoss()
    metric.update(torch.tensor(6.0), 3)
    metric.update(torch.tensor(1.0), torch.tensor(1))
    assert float(metric.compute()) == pytest.approx(7 / 4)


@pytest.mark.parametrize("positive", ["", "attack", "normal"])
def test_f1_is_of_the_positive_class_as_scikit_learn_has_it(positive: str) -> None:
    scikit = pytest.importorskip("sklearn.metrics")
    spec = TaskSpec("s", "classification", ("attack", "normal"), 1, ("accuracy", "f1"), positive=positive)
    draw = torch.Generator().manual_seed(1)
    predictions, targets = (torch.randint(0, 2, (50,), generator=draw) for _ in range(2))
    metrics = DatasetMetrics(spec)
    metrics.update(predictions, targets, torch.full((50,), -1))
    names = [[spec.labels[i] for i in values.tolist()] for values in (targets, predictions)]
    found, of = metrics.compute(with_interval=False), metrics.describe()
    assert of["f1_of"] == (positive or "normal")
    assert found["s_f1"] == pytest.approx(scikit.f1_score(*names, pos_label=of["f1_of"]))
    assert found["s_accuracy"] == pytest.approx(scikit.accuracy_score(*names))


def test_one_of_many_classes_can_be_the_positive_one() -> None:
    scikit = pytest.importorskip("sklearn.metrics")
    spec = TaskSpec("s", "classification", ("a", "b", "c"), 1, ("f1",), positive="b")
    predictions, targets = torch.tensor([0, 1, 1, 2, 1, 0]), torch.tensor([1, 1, 0, 2, 1, 0])
    metrics = DatasetMetrics(spec)
    metrics.update(predictions, targets, torch.full((6,), -1))
    expected = scikit.f1_score(targets == 1, predictions == 1)
    assert metrics.compute(with_interval=False) == {"s_f1": pytest.approx(expected)}
    mean = DatasetMetrics(dataclasses.replace(spec, positive=""))
    mean.update(predictions, targets, torch.full((6,), -1))
    expected = scikit.f1_score(targets, predictions, average="macro")
    assert mean.compute(with_interval=False) == {"s_f1": pytest.approx(expected)}
    assert mean.describe()["f1_of"] == "mean over the classes"


def test_scores_say_what_they_are_of() -> None:
    spec = TaskSpec("s", "classification", ("-1", "0", "1"), 1, ("accuracy",))
    metrics = DatasetMetrics(spec)
    metrics.update(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 0]), torch.full((4,), -1))
    metrics.leave_out(torch.zeros(2))
    described = {"split": "test", **metrics.describe()}
    assert described == {
        "split": "test",
        "n_examples": 4,
        "class_counts": {"-1": 3, "0": 1, "1": 0},
        "majority_rate": 0.75,
        "class_scores": {
            "-1": {"precision": 0.5, "recall": 1 / 3, "f1": 0.4},
            "0": {"precision": 0.0, "recall": 0.0, "f1": 0.0},
            "1": {"precision": 0.0, "recall": 0.0, "f1": 0.0},
        },
        "confusion_matrix": {"-1": {"-1": 1, "0": 2}, "0": {"-1": 1}, "1": {}},
        "left_out": {"without a label": 2},
    }
    line = "s: 4 examples of test (-1 3, 0 1, 1 0); majority rate 0.7500; left out: 2 without a label"
    assert describe_evaluation("s", described) == line
    metrics.reset()
    assert metrics.describe()["n_examples"] == 0


def test_scores_of_each_class_and_confusions_are_those_of_scikit_learn() -> None:
    scikit = pytest.importorskip("sklearn.metrics")
    labels = ("a", "b", "c", "never")
    draw = torch.Generator().manual_seed(3)
    predictions, targets = (torch.randint(0, 3, (200,), generator=draw) for _ in range(2))
    metrics = DatasetMetrics(TaskSpec("s", "classification", labels, 1, ("accuracy",)))
    for part in range(0, 200, 64):
        chosen = slice(part, part + 64)
        metrics.update(predictions[chosen], targets[chosen], torch.full((len(targets[chosen]),), -1))
    described = metrics.describe()
    indices = range(len(labels))
    expected = scikit.precision_recall_fscore_support(targets, predictions, labels=indices, zero_division=0)
    for i, label in enumerate(labels):
        scores = described["class_scores"][label]
        found = (scores["precision"], scores["recall"], scores["f1"], described["class_counts"][label])
        assert found == pytest.approx([values[i] for values in expected])
    matrix = scikit.confusion_matrix(targets, predictions, labels=indices)
    for i, label in enumerate(labels):
        assert [described["confusion_matrix"][label].get(other, 0) for other in labels] == list(matrix[i])


def test_a_model_that_picks_answers_has_no_scores_of_positions() -> None:
    metrics = DatasetMetrics(TaskSpec("s", "multiple_choice", (), 3, ("accuracy",)))
    metrics.update(torch.tensor([0, 2]), torch.tensor([0, 1]), torch.full((2,), -1))
    described = metrics.describe()
    assert described["class_counts"] == {"0": 1, "1": 1, "2": 0}
    assert "class_scores" not in described
    assert class_table(described) == []


def test_an_unknown_positive_class_is_refused() -> None:
    with pytest.raises(ValueError, match="s: positive: 'c'; expected one of its labels: a, b"):
        TaskSpec("s", "classification", ("a", "b"), 1, ("f1",), positive="c")
