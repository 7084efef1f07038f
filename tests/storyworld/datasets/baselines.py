"""Baselines without understanding: small classifiers of words, and metrics."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Features = Callable[[tuple[str, ...]], Iterable[str]]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:['-][a-z]+)*|[.,?!:]", text.lower())


def bag(texts: tuple[str, ...]) -> list[str]:
    """Return the words of all texts, each tagged with its text."""
    return [f"{place}:{word}" for place, text in enumerate(texts) for word in words(text)]


def difference(texts: tuple[str, ...]) -> list[str]:
    """Return the words of one text alone, and of both."""
    first, second = (set(words(text)) for text in texts)
    return [f"one:{word}" for word in sorted(first ^ second)] + [
        f"both:{word}" for word in sorted(first & second)
    ]


class WordClassifier:
    """Logistic regression over counts of words, or over their presence as naive Bayes has it.

    Args:
        rows: Texts to learn from.
        targets: Their classes, from 0.
        features: Turns texts into words.
        naive: Naive Bayes (presence, smoothed by one) instead of logistic regression.
    """

    def __init__(
        self,
        rows: Sequence[tuple[str, ...]],
        targets: Sequence[int],
        features: Features = bag,
        naive: bool = False,
    ) -> None:
        self.features = features
        counts = Counter(word for row in rows for word in set(features(row)))
        common = [word for word, number in sorted(counts.items()) if number >= 5]
        self.column = {word: column for column, word in enumerate(common)}
        x = self._matrix(rows)
        y = np.eye(max(targets) + 1, dtype=np.float32)[np.asarray(targets)]
        if naive:
            present = (x > 0).astype(np.float32)
            rate = (y.T @ present + 1) / (y.sum(0)[:, None] + 2)
            self.weight = (np.log(rate) - np.log1p(-rate)).T
            self.bias = np.log1p(-rate).sum(1) + np.log(y.mean(0))
            self.binary = True
            return
        self.binary = False
        self.weight, self.bias = np.zeros((x.shape[1], y.shape[1]), np.float32), np.log(y.mean(0))
        momentum = np.zeros_like(self.weight)
        for _ in range(80):
            error = _softmax(x @ self.weight + self.bias) - y
            momentum = 0.9 * momentum + x.T @ error / len(x) + 1e-3 * self.weight
            self.weight -= 0.3 * momentum

    def _matrix(self, rows: Sequence[tuple[str, ...]]) -> npt.NDArray[np.float32]:
        x = np.zeros((len(rows), len(self.column)), np.float32)
        for number, row in enumerate(rows):
            for word in self.features(row):
                if word in self.column:
                    x[number, self.column[word]] += 1
        return x

    def scores(self, rows: Sequence[tuple[str, ...]]) -> npt.NDArray[np.float32]:
        x = self._matrix(rows)
        return np.asarray((x > 0 if self.binary else x) @ self.weight + self.bias)

    def predict(self, rows: Sequence[tuple[str, ...]]) -> list[int]:
        return [int(label) for label in self.scores(rows).argmax(1)]


def _softmax(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    e = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def accuracy(predicted: Sequence[int], targets: Sequence[int]) -> float:
    return sum(p == t for p, t in zip(predicted, targets, strict=True)) / len(targets)


def matthews(predicted: Sequence[int], targets: Sequence[int]) -> float:
    """Return the Matthews correlation of two classes; 0 if one class is never predicted."""
    value = np.corrcoef(predicted, targets)[0, 1] if len(set(predicted)) > 1 else 0.0
    return float(value)


def pearson(predicted: Sequence[float], targets: Sequence[float]) -> float:
    return float(np.corrcoef(predicted, targets)[0, 1])
