from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from gpt_toolkit.analysis.ngram import NGram


def plain_kneser_ney(
    stream: Sequence[int], vocab_size: int, order: int, context: Sequence[int], w: int
) -> float:
    """Compute modified Kneser-Ney by its definition, with dictionaries."""

    def grams(n: int) -> Counter[tuple[int, ...]]:
        return Counter(tuple(stream[i : i + n]) for i in range(len(stream) - n + 1))

    def counts(n: int) -> dict[tuple[int, ...], int]:
        if n == order:
            return dict(grams(n))
        before = defaultdict(set)
        for gram in grams(n + 1):
            before[gram[1:]].add(gram[0])
        return {gram: len(before[gram]) for gram in grams(n)}

    def discounts(found: dict[tuple[int, ...], int]) -> list[float]:
        n1, n2, n3, n4 = (max(sum(c == n for c in found.values()), 1) for n in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        steps = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return [min(max(step, 0.01 * (n > 0)), n) for n, step in enumerate(steps)]

    def probability(n: int) -> float:
        if n == 0:
            return 1 / vocab_size
        found, history = counts(n), tuple(context[len(context) - n + 1 :])
        cut = discounts(found)
        followers = {gram: c for gram, c in found.items() if gram[:-1] == history and c}
        total = sum(followers.values())
        if not total:
            return probability(n - 1)
        own = followers.get((*history, w), 0)
        left = sum(cut[min(c, 3)] for c in followers.values()) / total
        return (own - cut[min(own, 3)]) / total + left * probability(n - 1)

    return probability(order)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_agrees_with_the_definition_by_dictionaries(order: int) -> None:
    draw = np.random.default_rng(order)
    stream = draw.integers(0, 6, 60)
    held_out = draw.integers(0, 7, 25)  # token 6 never occurred
    ours = NGram(stream, 7, order).log_probabilities(held_out)
    for t in range(order - 1, len(held_out)):
        if t == 0:
            continue
        context = held_out[max(0, t - order + 1) : t].tolist()
        expected = plain_kneser_ney(stream.tolist(), 7, order, context, int(held_out[t]))
        assert np.exp(ours[t - 1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_after_any_context_sum_to_one(order: int) -> None:
    draw = np.random.default_rng(0)
    model = NGram(draw.integers(0, 5, 200), 5, order)
    for _ in range(20):
        context = draw.integers(0, 5, order + 2)
        p = [np.exp(model.log_probabilities(np.append(context, w))[-1]) for w in range(5)]
        assert sum(p) == pytest.approx(1.0, abs=1e-12)


def test_a_longer_context_helps_where_the_text_has_one() -> None:
    draw = np.random.default_rng(1)
    words = np.array([[1, 2, 3], [4, 2, 5], [6, 7, 8]])
    text = words[draw.integers(0, 3, 4000)].ravel()
    losses = [NGram(text[:9000], 9, n).loss(text[9000:]) for n in (1, 2, 3)]
    assert all(longer < shorter - 0.1 for shorter, longer in pairwise(losses))


def test_an_order_longer_than_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="order: 5 for 4 tokens; expected at least 1, and more tokens than"):
        NGram(np.arange(4), 9, 5)
