"""Overlap compared with sets of word tuples, errors of the Bloom filter, and its memory."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.analysis import ngram_overlap as module
from gpt_toolkit.analysis.ngram_overlap import (
    BloomFilter,
    NgramIndex,
    Overlap,
    document_fingerprints,
    fingerprints,
    normalized,
    overlaps,
    total_overlap,
)

WORDS = ("a", "The", "sea", "É", "naïve", "3", "b2b", "Straße", "世界", "x" * 100)
MARKS = (" ", ", ", "\n", "--", " “", "_", "'", "\u00a0", "👋")
TEXTS = st.lists(st.sampled_from(WORDS + MARKS), max_size=80).map("".join)


def ngrams_of(text: str, n: int) -> list[tuple[str, ...]]:
    """Return the 8-grams by a plain implementation."""
    words = normalized(text).split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def random_text(seed: int, n_words: int, vocabulary: int = 12) -> str:
    draw = random.Random(seed)
    return "".join(f"w{draw.randrange(vocabulary)}{draw.choice(MARKS[:4])}" for _ in range(n_words))


def test_a_text_is_compared_as_lower_case_words_with_single_spaces() -> None:
    assert normalized("  It's\n\tÉTÉ—3.5 b2b_x 世界! ") == "it s été 3 5 b2b x 世界"


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 4))
def test_two_ngrams_have_one_fingerprint_if_and_only_if_they_are_the_same_words(
    one: str, other: str, n: int
) -> None:
    prints = np.concatenate([fingerprints(one, n), fingerprints(other, n)]).tolist()
    ngrams = ngrams_of(one, n) + ngrams_of(other, n)
    assert len(prints) == len(ngrams)
    assert len(set(prints)) == len(set(ngrams)) == len(set(zip(prints, ngrams, strict=True)))


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_pieces_of_a_document_give_the_ngrams_of_the_whole(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 5)
    text = "É3 " + random_text(1, 60) + "end"
    for n in (1, 2, 8):
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        found = np.concatenate(list(document_fingerprints(pieces, n)))
        assert np.array_equal(found, fingerprints(text, n))
        assert len(found) == len(ngrams_of(text, n))


def test_texts_shorter_than_an_ngram_have_none() -> None:
    for text in ("", "...", "one two three"):
        assert fingerprints(text, 4).tolist() == []
    with pytest.raises(ValueError, match="n_words: 0; expected at least 1"):
        fingerprints("a b", 0)


@pytest.mark.parametrize("kind", ["test n-grams", "Bloom filter"])
def test_fractions_are_those_of_sets_of_word_tuples(kind: str) -> None:
    n = 3
    tests = [random_text(seed, n_words) for seed, n_words in enumerate((200, 1, 0, 90, 90))]
    training = [random_text(seed, 150) for seed in range(10, 14)]
    prints = [fingerprints(text, n) for text in tests]
    index: NgramIndex = BloomFilter(600) if kind == "Bloom filter" else module.TestNgramIndex(prints)
    for text in training:
        index.add(fingerprints(text, n))
    there = {ngram for text in training for ngram in ngrams_of(text, n)}
    ngrams = [ngrams_of(text, n) for text in tests]
    expected = [Overlap(len(each), sum(ngram in there for ngram in each)) for each in ngrams]
    found = overlaps(prints, index)
    assert found == expected
    assert 0.1 < total_overlap(found).fraction < 0.9
    assert total_overlap(found) == tuple(map(sum, zip(*expected, strict=True)))


def test_ngrams_of_no_test_text_are_not_found() -> None:
    index = module.TestNgramIndex([fingerprints("a b c", 1)])
    index.add(fingerprints("a b c d", 1))
    assert index.contains(fingerprints("d a e", 1)).tolist() == [False, True, False]


def test_an_index_of_no_test_text_finds_nothing() -> None:
    index = module.TestNgramIndex([])
    index.add(fingerprints("a b c", 1))
    assert index.contains(fingerprints("a b c", 1)).tolist() == [False] * 3
    assert np.isnan(total_overlap([]).fraction)


@pytest.mark.parametrize(("bound", "least"), [(1e-1, 0.05), (1e-2, 0.004), (1e-3, 0.0004)])
def test_false_positives_keep_the_bound_and_no_ngram_is_missed(bound: float, least: float) -> None:
    random_prints = np.random.default_rng(0).integers(0, 1 << 64, 300_000, dtype=np.uint64)
    there, absent = random_prints[:60_000], random_prints[60_000:]
    bloom = BloomFilter(len(there), bound)
    for part in np.array_split(there, 7):
        bloom.add(part)
        bloom.add(part)  # again: nothing changes
    assert bloom.contains(there).all()
    rate = float(bloom.contains(absent).mean())
    noise = 4 * (bound / len(absent)) ** 0.5
    assert least < rate < bound + noise
    assert bloom.expected_false_positives() == pytest.approx(rate, abs=noise)


def test_the_paper_s_bound_is_kept_in_8_bytes_an_ngram_and_a_little() -> None:
    prints = np.random.default_rng(1).integers(0, 1 << 64, 200_000, dtype=np.uint64)
    bloom = BloomFilter(len(prints))
    bloom.add(prints)
    assert 1e-9 < bloom.expected_false_positives() < 1e-8
    assert 8.0 < bloom.n_bytes / len(prints) < 9.0


def test_test_ngrams_take_9_bytes_each_and_at_most_16_for_the_table() -> None:
    for n in (10_000, 100_000):
        index = module.TestNgramIndex([np.random.default_rng(2).integers(0, 1 << 64, n, dtype=np.uint64)])
        assert 9 * n < index.n_bytes <= 25 * n


@pytest.mark.parametrize(("capacity", "bound"), [(0, 0.1), (5, 0.0), (5, 1.0)])
def test_a_filter_that_cannot_be_is_refused(capacity: int, bound: float) -> None:
    with pytest.raises(ValueError, match="expected at least 1, and between 0 and 1"):
        BloomFilter(capacity, bound)
