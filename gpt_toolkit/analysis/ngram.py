"""An n-gram language model: the baseline for a neural one, on the same tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Order:
    """The n-grams of one length that occur.

    An n-gram's key is its prefix's index among the (n-1)-grams times the vocabulary, plus its last token, so
    that keys fit into 64 bits for any n and any vocabulary.

    Attributes:
        keys: Sorted keys; an n-gram's index is its place here.
        discounted: Discounted count of each n-gram, divided by the count of its prefix.
        backoff: For each prefix, the probability that the discounts leave to the shorter context.
    """

    keys: Ids
    discounted: Floats
    backoff: Floats


class NGram:
    """Interpolated n-grams with modified Kneser-Ney smoothing (Chen and Goodman 1998, §3).

    N-grams are sorted arrays: ten million tokens take seconds, and memory grows with the number of n-grams.

    Args:
        tokens: Training tokens, ``(n,)``.
        vocab_size: Number of token ids.
        order: Length of the longest n-gram.

    Raises:
        ValueError: If the order is less than 1, or the tokens are too few.
    """

    def __init__(self, tokens: NDArray[np.integer], vocab_size: int, order: int = 5) -> None:
        if order < 1 or len(tokens) <= order:
            raise ValueError(
                f"order: {order} for {len(tokens)} tokens; expected at least 1, and more tokens than that"
            )
        self.vocab_size, self.order = vocab_size, order
        stream = np.asarray(tokens, dtype=np.int64)
        # for each order: the keys, and the index of the n-gram at each place of the stream
        keys, places = [np.arange(vocab_size)], [stream]
        for n in range(2, order + 1):
            at_place = places[-1][:-1] * vocab_size + stream[n - 1 :]
            unique, index = np.unique(at_place, return_inverse=True)
            keys.append(unique)
            places.append(index)
        self._orders = []
        for n in range(1, order + 1):
            if n == order:
                counts = np.bincount(places[n - 1], minlength=len(keys[n - 1]))
            else:  # number of contexts in which it occurs: of longer n-grams that end in it
                first = np.unique(places[n], return_index=True)[1]
                counts = np.bincount(places[n - 1][first + 1], minlength=len(keys[n - 1]))
            prefix = keys[n - 1] // vocab_size
            self._orders.append(_smoothed(keys[n - 1], counts, prefix, len(keys[n - 2]) if n > 1 else 1))

    def log_probabilities(self, tokens: NDArray[np.integer]) -> Floats:
        """Return natural-log probabilities of all tokens but the first, given those before: ``(n - 1,)``."""
        stream = np.asarray(tokens, dtype=np.int64)
        size = len(stream)
        unigrams = self._orders[0]
        probability = unigrams.discounted[stream] + unigrams.backoff[0] / self.vocab_size
        at_place = stream  # index of the n-gram that begins at each place, -1 where it never occurred
        for n in range(2, self.order + 1):
            order, prefix = self._orders[n - 1], at_place[: size - n + 1]
            key = prefix * self.vocab_size + stream[n - 1 :]
            index = np.minimum(np.searchsorted(order.keys, key), len(order.keys) - 1)
            found = (prefix >= 0) & (order.keys[index] == key)
            at_place = np.where(found, index, -1)
            known = prefix >= 0  # the context occurred, maybe before other tokens
            longer = np.where(found, order.discounted[index], 0.0)
            longer += np.where(known, order.backoff[prefix], 1.0) * probability[n - 1 :]
            probability[n - 1 :] = longer
        logarithms: Floats = np.log(probability[1:])
        return logarithms

    def loss(self, tokens: NDArray[np.integer]) -> float:
        """Return the mean negative log-likelihood in nats per token."""
        return float(-self.log_probabilities(tokens).mean())


def _smoothed(keys: Ids, counts: Ids, prefix: Ids, n_prefixes: int) -> _Order:
    """Discount counts of 1, 2 and more as their frequencies suggest; the rest is ``backoff``."""
    n1, n2, n3, n4 = (float(max((counts == n).sum(), 1)) for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    steps = (0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    table = np.array([min(max(step, 0.01 * (n > 0)), n) for n, step in enumerate(steps)])  # never 0
    discount = table[np.minimum(counts, 3)]
    totals = np.bincount(prefix, weights=counts, minlength=n_prefixes)
    divisor = np.maximum(totals, 1.0)
    backoff = np.bincount(prefix, weights=discount, minlength=n_prefixes) / divisor
    # Nothing follows a context that occurs only at the end of the stream.
    return _Order(keys, (counts - discount) / divisor[prefix], np.where(totals > 0, backoff, 1.0))
