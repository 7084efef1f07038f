"""Overlap of a test text and a training corpus: the test text's 8-grams that the corpus has (GPT-2 §4).

N-grams are of lower-case words of letters and digits. Each is represented by a 64-bit fingerprint. The
fingerprints of the test text are looked up while the corpus is read, or those of the corpus are stored in a
Bloom filter, as in the paper. Everything is numpy: a character costs about ten passes over arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Fingerprints = NDArray[np.uint64]

WORDS: Final = 8  # GPT-2 §4
FALSE_POSITIVES: Final = 1e-8  # upper bound of GPT-2 §4

_SEED = 20190214  # of the fingerprints; any
_BLOCK = 1 << 18  # characters per block: its arrays fit the processor's cache; tuned here
_EMPTY: Fingerprints = np.empty(0, dtype=np.uint64)


# ------------------------------------------------------------------ fingerprints


def normalized(text: str) -> str:
    """Return a text as it is compared: lower case, letters and digits only, single spaces."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def fingerprints(text: str, n_words: int = WORDS) -> Fingerprints:
    """Return the fingerprint of each n-gram of a text, in order; empty if the text has fewer words.

    Two different n-grams have equal fingerprints with probability 2^-64 or little more.

    Args:
        text: Any text; it is normalized here.
        n_words: Words of an n-gram.

    Raises:
        ValueError: If ``n_words`` is less than 1.
    """
    if n_words < 1:
        raise ValueError(f"n_words: {n_words}; expected at least 1")
    return _ngram_fingerprints(_word_fingerprints(text), n_words)


def document_fingerprints(pieces: Iterable[str], n_words: int = WORDS) -> Iterator[Fingerprints]:
    """Yield the fingerprints of a document that comes in pieces, cut anywhere; n-grams cross the cuts.

    Args:
        pieces: The document's text.
        n_words: Words of an n-gram.
    """
    before, rest = _EMPTY, ""
    for piece in pieces:
        text = rest + piece
        cut = len(text)
        while cut and text[cut - 1].isalnum():  # the last word may continue in the next piece
            cut -= 1
        rest = text[cut:]
        words = np.concatenate([before, _word_fingerprints(text[:cut])])
        yield _ngram_fingerprints(words, n_words)
        before = words[-(n_words - 1) :] if n_words > 1 else _EMPTY
    yield _ngram_fingerprints(np.concatenate([before, _word_fingerprints(rest)]), n_words)


def _word_fingerprints(text: str) -> Fingerprints:
    return np.concatenate([_EMPTY, *map(_block_fingerprints, _blocks(text))])


def _blocks(text: str) -> Iterator[str]:
    """Yield a text in blocks that end between words."""
    start = 0
    while start < len(text):
        end = min(start + _BLOCK, len(text))
        while end < len(text) and text[end].isalnum():
            end += 1
        yield text[start:end]
        start = end


def _draws(n: int, stream: int) -> Fingerprints:
    """Return odd random numbers."""
    random = np.random.default_rng([_SEED, stream])
    return random.integers(0, 1 << 64, n, dtype=np.uint64, endpoint=False) | np.uint64(1)


_COLUMNS = _draws(64, 0)  # a multiplier for each of a word's first characters
_ROUND = _draws(1, 1)[0]

# For each character, in lower case: whether it is a letter or digit, and whether that was looked up already.
_IS_WORD = np.zeros(0x110000, dtype=np.bool_)
_IS_WORD[[*range(48, 58), *range(97, 123)]] = True
_IS_LOOKED_UP = np.zeros(0x110000, dtype=np.bool_)
_IS_LOOKED_UP[:128] = True


def _block_fingerprints(text: str) -> Fingerprints:
    """Return the fingerprint of each word of a block."""
    lower = text.lower()
    codes = np.frombuffer(lower.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
    if not _IS_LOOKED_UP[codes].all():
        for code in np.unique(codes[~_IS_LOOKED_UP[codes]]).tolist():
            _IS_WORD[code], _IS_LOOKED_UP[code] = chr(code).isalnum(), True
    inside = _IS_WORD[codes]
    edges = np.diff(inside.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return _EMPTY
    # a polynomial in the characters' codes, whose powers follow from the place in the word
    lengths = ends - starts
    chars = codes[inside].astype(np.uint64)
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(chars)) - np.repeat(first, lengths)
    powers = _COLUMNS
    if (longest := int(lengths.max())) > len(powers):
        powers = _draws(longest, 0)
    return _mixed(np.add.reduceat(chars * powers[place], first))


def _ngram_fingerprints(words: Fingerprints, n_words: int) -> Fingerprints:
    n = len(words) - n_words + 1
    if n < 1:
        return _EMPTY
    total = np.zeros(n, dtype=np.uint64)
    for place, multiplier in enumerate(_draws(n_words, 2)):
        total += words[place : place + n] * multiplier
    return _mixed(total)


def _mixed(values: Fingerprints) -> Fingerprints:
    """Let every bit of the result depend on every bit of the value (splitmix64's last steps)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


# ------------------------------------------------------------------ indexes of n-grams


class NgramIndex(Protocol):
    """The n-grams of a training corpus."""

    def add(self, prints: Fingerprints) -> None:
        """Add n-grams of the corpus."""

    def contains(self, prints: Fingerprints) -> NDArray[np.bool_]:
        """Return for each n-gram whether the corpus has it."""


class TestNgramIndex:
    """The n-grams of test texts, each with whether the corpus has it; exact.

    Memory is 9 bytes a distinct n-gram and at most 16 more, whatever the size of the corpus.

    Args:
        prints: N-grams of all test texts.
    """

    def __init__(self, prints: Sequence[Fingerprints]) -> None:
        self._ngrams = np.unique(np.concatenate([_EMPTY, *prints]))
        self._is_found = np.zeros(len(self._ngrams), dtype=np.bool_)
        # most n-grams of a corpus are in no test text, which one look into this table shows
        bits = min(30, max(10, math.ceil(math.log2(8 * len(self._ngrams) + 1))))
        self._shift = np.uint64(64 - bits)
        self._is_likely = np.zeros(1 << bits, dtype=np.bool_)
        self._is_likely[self._ngrams >> self._shift] = True

    @property
    def n_bytes(self) -> int:
        """Memory in bytes."""
        return self._ngrams.nbytes + self._is_found.nbytes + self._is_likely.nbytes

    def add(self, prints: Fingerprints) -> None:
        """Add n-grams of the corpus; those of no test text are ignored."""
        likely = prints[self._is_likely[prints >> self._shift]]
        if len(likely) and len(self._ngrams):
            at = self._places(likely)
            self._is_found[at[self._ngrams[at] == likely]] = True

    def contains(self, prints: Fingerprints) -> NDArray[np.bool_]:
        """Return for each n-gram of a test text whether the corpus has it."""
        if not len(self._ngrams):
            return np.zeros(len(prints), dtype=np.bool_)
        at = self._places(prints)
        found: NDArray[np.bool_] = self._is_found[at] & (self._ngrams[at] == prints)
        return found

    def _places(self, prints: Fingerprints) -> NDArray[np.intp]:
        return np.minimum(np.searchsorted(self._ngrams, prints), len(self._ngrams) - 1)


_LANES = 8  # 64-bit words of a block
_BITS = 2  # bits that an n-gram sets in each word
_AT_ONCE = 1 << 14  # n-grams per batch: their filter blocks fit the processor's cache; tuned here
_PAIRS: Fingerprints = np.array([1 << (i & 63) | 1 << (i >> 6) for i in range(4096)], dtype=np.uint64)
"""By twelve random bits: a word with two bits set, rarely one."""
_ONES = np.array([i.bit_count() for i in range(256)], dtype=np.uint8)  # bits of a byte


class BloomFilter:
    """The n-grams of a training corpus in a fixed amount of memory; absent ones may be found.

    A blocked filter (Putze, Sanders and Singler 2007): all bits of an n-gram are in one block of 64 bytes, so
    that memory is accessed once an n-gram. At a bound of 1e-8 it takes 8 bytes an n-gram. A filter without
    blocks would take 5 bytes and 16 times as many accesses.

    Args:
        capacity: Distinct n-grams for which the bound holds.
        bound: Largest fraction of absent n-grams that are found.

    Raises:
        ValueError: If ``capacity`` or ``bound`` is out of range.
    """

    def __init__(self, capacity: int, bound: float = FALSE_POSITIVES) -> None:
        if capacity < 1 or not 0.0 < bound < 1.0:
            raise ValueError(
                f"capacity, bound: {capacity}, {bound}; expected at least 1, and between 0 and 1"
            )
        self.capacity, self.bound = capacity, bound
        n_blocks = max(1, math.ceil(capacity / _load(bound)))
        self._blocks: Fingerprints = np.zeros((n_blocks, _LANES), dtype=np.uint64)
        self._turns = np.zeros(n_blocks, dtype=np.uint16)  # which n-gram writes into a block now

    @property
    def n_bytes(self) -> int:
        """Memory in bytes."""
        return self._blocks.nbytes + self._turns.nbytes

    def add(self, prints: Fingerprints) -> None:
        """Add n-grams of the corpus."""
        for start in range(0, len(prints), _AT_ONCE):
            at, bits = self._places(prints[start : start + _AT_ONCE])
            while len(at):  # n-grams of one block wait for each other
                turn = np.arange(len(at), dtype=self._turns.dtype)
                self._turns[at] = turn
                mine = self._turns[at] == turn
                now = at[mine]
                self._blocks[now] = self._blocks.take(now, axis=0) | bits[mine]
                at, bits = at[~mine], bits[~mine]

    def contains(self, prints: Fingerprints) -> NDArray[np.bool_]:
        """Return for each n-gram whether the corpus has it, or seems to."""
        found = np.empty(len(prints), dtype=np.bool_)
        for start in range(0, len(prints), _AT_ONCE):
            at, bits = self._places(prints[start : start + _AT_ONCE])
            found[start : start + _AT_ONCE] = ((self._blocks.take(at, axis=0) & bits) == bits).all(axis=1)
        return found

    def expected_false_positives(self) -> float:
        """Return the fraction of absent n-grams that are found, from the bits that are set."""
        ones = _ONES[self._blocks.view(np.uint8)].reshape(-1, _LANES, 8).sum(axis=2)
        return float(((ones / 64.0) ** _BITS).prod(axis=1).mean())

    def _places(self, prints: Fingerprints) -> tuple[NDArray[np.intp], Fingerprints]:
        """Return the block of each n-gram, ``(n,)``, and its bits there, ``(n, 8)``."""
        at = (prints % np.uint64(len(self._blocks))).astype(np.intp)
        draws = _mixed(prints + _ROUND)
        bits = np.empty((_LANES, len(prints)), dtype=np.uint64)
        for lane in range(_LANES):
            if lane == _LANES // 2:  # 48 bits are used up
                draws = _mixed(draws)
            bits[lane] = _PAIRS[draws & np.uint64(4095)]
            draws >>= np.uint64(12)
        return at, np.ascontiguousarray(bits.T)


def _load(bound: float) -> float:
    """Return the mean number of n-grams a block at which a filter keeps a bound."""

    def excess(load: float) -> float:
        """Return expected false positives minus the bound; the n-grams of a block are Poisson-distributed."""
        n = np.arange(int(load + 12 * math.sqrt(load) + 40))
        filled = 1 - (1 - 1 / 64) ** (_BITS * n)
        return float(stats.poisson.pmf(n, load) @ filled ** (_BITS * _LANES)) - bound

    return 0.98 * float(optimize.brentq(excess, 1e-6, 400.0))  # chance may fill some blocks more


# ------------------------------------------------------------------ the paper's statistics


class Overlap(NamedTuple):
    """Number of n-grams of a text, and how many of them a training corpus has; each occurrence counts."""

    n_ngrams: int
    n_found: int

    @property
    def fraction(self) -> float:
        """Fraction of the n-grams that are found (GPT-2 Table 6); NaN if the text has none."""
        return self.n_found / self.n_ngrams if self.n_ngrams else math.nan


def overlaps(documents: Iterable[Fingerprints], index: NgramIndex) -> list[Overlap]:
    """Return the overlap of each document with a training corpus."""
    return [Overlap(len(prints), int(index.contains(prints).sum())) for prints in documents]


def total_overlap(parts: Sequence[Overlap]) -> Overlap:
    """Return the overlap of all documents as one."""
    return Overlap(sum(part.n_ngrams for part in parts), sum(part.n_found for part in parts))
