"""How much of a test text is in a training corpus: shared runs of eight words (GPT-2 §4).

Texts are compared as lower-case words of letters and digits with single spaces between. A run of words is
known by a 64-bit fingerprint; of a training corpus these are kept exactly or in a Bloom filter, or, which
takes no memory for the corpus at all, they are looked for among those of the test text.

Only numpy: a character costs some ten passes over arrays, whatever the language.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Prints = NDArray[np.uint64]

WORDS: Final = 8
"""Words of a run (GPT-2 §4)."""

FALSE_POSITIVES: Final = 1e-8
"""Bound on the share of absent runs that a Bloom filter takes for present (GPT-2 §4)."""

_SEED = 20190214  # of the fingerprints; any
_BLOCK = 1 << 18  # characters or fingerprints at a time, so that arrays stay in the processor's cache; ours


def normalized(text: str) -> str:
    """Lower case, letters and digits alone, single spaces: what is compared."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def fingerprints(text: str, n_words: int = WORDS) -> Prints:
    """Of each run of words of a text, in order; none where the text has fewer words.

    Two different runs have equal ones with probability 2^-64 or little more.

    Args:
        text: Any text; it is normalized here.
        n_words: Words of a run.
    """
    if n_words < 1:
        raise ValueError(f"n_words is {n_words}, expected at least 1")
    words = np.concatenate([_EMPTY, *map(_word_prints, _blocks(text))])
    return _run_prints(words, n_words)


_EMPTY: Prints = np.empty(0, dtype=np.uint64)


def _blocks(text: str) -> Iterator[str]:
    """Parts of a text that end between words."""
    start = 0
    while start < len(text):
        end = min(start + _BLOCK, len(text))
        while end < len(text) and text[end].isalnum():
            end += 1
        yield text[start:end]
        start = end


def _draws(n: int, stream: int) -> Prints:
    """Odd random numbers."""
    random = np.random.default_rng([_SEED, stream])
    return random.integers(0, 1 << 64, n, dtype=np.uint64, endpoint=False) | np.uint64(1)


_COLUMNS = _draws(64, 0)  # a multiplier for each of a word's first characters
_ROUND = _draws(1, 1)[0]


def _letters() -> NDArray[np.bool_]:
    table = np.zeros(0x110000, dtype=np.bool_)
    table[[*range(48, 58), *range(97, 123)]] = True  # of ASCII in lower case
    return table


_IS_WORD = _letters()
_KNOWN = np.zeros(0x110000, dtype=np.bool_)
_KNOWN[:128] = True


def _in_words(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters, in lower case, are letters or digits; each is looked at once in a process."""
    if not _KNOWN[codes].all():
        for code in np.unique(codes[~_KNOWN[codes]]).tolist():
            _IS_WORD[code], _KNOWN[code] = chr(code).isalnum(), True
    return _IS_WORD[codes]


def _word_prints(text: str) -> Prints:
    """A fingerprint of each word."""
    lower = text.lower()
    codes = np.frombuffer(lower.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
    inside = _in_words(codes)
    edges = np.diff(inside.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return _EMPTY
    # a polynomial in the characters' codes, its powers by the place in the word
    lengths = ends - starts
    chars = codes[inside].astype(np.uint64)
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(chars)) - np.repeat(first, lengths)
    powers = _COLUMNS
    if (longest := int(lengths.max())) > len(powers):
        powers = _draws(longest, 0)
    return _mixed(np.add.reduceat(chars * powers[place], first))


def _run_prints(words: Prints, n_words: int) -> Prints:
    n = len(words) - n_words + 1
    if n < 1:
        return _EMPTY
    total = np.zeros(n, dtype=np.uint64)
    for place, multiplier in enumerate(_draws(n_words, 2)):
        total += words[place : place + n] * multiplier
    return _mixed(total)


def _mixed(values: Prints) -> Prints:
    """Every bit of the result depends on every bit of the value (splitmix64's last steps)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


# ------------------------------------------------------------------ documents in pieces


def document_prints(pieces: Iterable[str], n_words: int = WORDS) -> Iterator[Prints]:
    """Fingerprints of a document that comes in pieces, cut anywhere; runs go on from one to the next.

    Args:
        pieces: The document's text.
        n_words: Words of a run.
    """
    before, rest = _EMPTY, ""
    for piece in pieces:
        text = rest + piece
        cut = len(text)
        while cut and text[cut - 1].isalnum():  # the last word may go on
            cut -= 1
        rest = text[cut:]
        words = np.concatenate([before, *map(_word_prints, _blocks(text[:cut]))])
        yield _run_prints(words, n_words)
        before = words[-(n_words - 1) :] if n_words > 1 else _EMPTY
    yield _run_prints(np.concatenate([before, _word_prints(rest)]), n_words)


# ------------------------------------------------------------------ what is known of a corpus


class Known(Protocol):
    """Runs of words that a training corpus has."""

    def found(self, prints: Prints) -> NDArray[np.bool_]:
        """Whether each run is in the corpus."""


class Wanted:
    """Runs of test texts, of which a training corpus that passes by is asked; exact.

    Memory is 9 bytes a distinct run and at most 16 more, whatever the corpus.

    Args:
        prints: Of all test texts.
    """

    def __init__(self, prints: Sequence[Prints]) -> None:
        self._runs = np.unique(np.concatenate([_EMPTY, *prints]))
        self._seen = np.zeros(len(self._runs), dtype=np.bool_)
        # most runs of a corpus are none of these, which one look into this table says
        bits = min(30, max(10, math.ceil(math.log2(8 * len(self._runs) + 1))))
        self._shift = np.uint64(64 - bits)
        self._maybe = np.zeros(1 << bits, dtype=np.bool_)
        self._maybe[self._runs >> self._shift] = True

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return self._runs.nbytes + self._seen.nbytes + self._maybe.nbytes

    def see(self, prints: Prints) -> None:
        """Take in runs of the training corpus."""
        likely = prints[self._maybe[prints >> self._shift]]
        if len(likely) and len(self._runs):
            at = self._at(likely)
            self._seen[at[self._runs[at] == likely]] = True

    def found(self, prints: Prints) -> NDArray[np.bool_]:
        """Whether each run has been seen."""
        if not len(self._runs):
            return np.zeros(len(prints), dtype=np.bool_)
        at = self._at(prints)
        known: NDArray[np.bool_] = self._seen[at] & (self._runs[at] == prints)
        return known

    def _at(self, prints: Prints) -> NDArray[np.intp]:
        return np.minimum(np.searchsorted(self._runs, prints), len(self._runs) - 1)


class BloomFilter:
    """Runs of a training corpus in memory that is known beforehand; it may say yes to an absent one.

    A blocked filter (Putze, Sanders and Singler 2007): all bits of a run lie in one block of 64 bytes, so
    that memory is touched once a run. The bound is kept for the number of runs that it is made for; at 1e-8
    that takes 8 bytes a run, where a filter without blocks would take 5 and sixteen times as many looks.

    Args:
        capacity: Distinct runs that it is to hold.
        bound: Largest share of absent runs that it takes for present, when it holds so many.

    Raises:
        ValueError: If ``capacity`` or ``bound`` is out of range.
    """

    def __init__(self, capacity: int, bound: float = FALSE_POSITIVES) -> None:
        if capacity < 1 or not 0.0 < bound < 1.0:
            raise ValueError(
                f"capacity is {capacity} and bound {bound}, expected at least 1, and between 0 and 1"
            )
        self.capacity, self.bound = capacity, bound
        self._blocks: Prints = np.zeros((max(1, math.ceil(capacity / _load(bound))), _LANES), dtype=np.uint64)
        self._turns = np.zeros(len(self._blocks), dtype=np.uint16)  # whose turn it is to write a block

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return self._blocks.nbytes + self._turns.nbytes

    def add(self, prints: Prints) -> None:
        """Take in runs."""
        for start in range(0, len(prints), _AT_ONCE):
            at, bits = self._places(prints[start : start + _AT_ONCE])
            while len(at):  # runs of one block wait for each other
                turn = np.arange(len(at), dtype=self._turns.dtype)
                self._turns[at] = turn
                mine = self._turns[at] == turn
                now = at[mine]
                self._blocks[now] = self._blocks.take(now, axis=0) | bits[mine]
                at, bits = at[~mine], bits[~mine]

    def found(self, prints: Prints) -> NDArray[np.bool_]:
        """Whether each run is present, or taken for it."""
        answers = np.empty(len(prints), dtype=np.bool_)
        for start in range(0, len(prints), _AT_ONCE):
            at, bits = self._places(prints[start : start + _AT_ONCE])
            answers[start : start + _AT_ONCE] = ((self._blocks.take(at, axis=0) & bits) == bits).all(axis=1)
        return answers

    def expected_false_positives(self) -> float:
        """Share of absent runs that are taken for present now, from the bits that are set."""
        ones = _ONES[self._blocks.view(np.uint8)].reshape(-1, _LANES, 8).sum(axis=2)
        return float(((ones / 64.0) ** _BITS).prod(axis=1).mean())

    def _places(self, prints: Prints) -> tuple[NDArray[np.intp], Prints]:
        """Block of each run, and its bits there: ``(n,)`` and ``(n, 8)``."""
        at = (prints % np.uint64(len(self._blocks))).astype(np.intp)
        draws = _mixed(prints + _ROUND)
        bits = np.empty((_LANES, len(prints)), dtype=np.uint64)
        for lane in range(_LANES):
            if lane == _LANES // 2:  # 48 bits are used up
                draws = _mixed(draws)
            bits[lane] = _PAIRS[draws & np.uint64(4095)]
            draws >>= np.uint64(12)
        return at, np.ascontiguousarray(bits.T)


_PAIRS: Prints = np.array([1 << (i & 63) | 1 << (i >> 6) for i in range(4096)], dtype=np.uint64)
"""By twelve random bits: a word with two bits set, now and then one."""

_AT_ONCE = 1 << 14  # runs that a filter takes in at once; ours: their blocks stay in the processor's cache
_ONES = np.array([i.bit_count() for i in range(256)], dtype=np.uint8)  # of a byte

_LANES = 8  # words of 64 bits in a block
_BITS = 2  # that a run sets in each


def _load(bound: float) -> float:
    """Runs a block, on average, at which a blocked filter keeps a bound."""

    def rate(load: float) -> float:
        """Expected share of false positives: runs fall into blocks by a Poisson law."""
        total, weight = 0.0, math.exp(-load)
        for runs in range(int(load + 12 * math.sqrt(load) + 40)):
            filled = 1 - (1 - 1 / 64) ** (_BITS * runs)
            total += weight * filled ** (_BITS * _LANES)
            weight *= load / (runs + 1)
        return total

    low, high = 1e-6, 400.0
    while high - low > 1e-3 * low:
        middle = (low + high) / 2
        low, high = (middle, high) if rate(middle) <= bound else (low, middle)
    return 0.98 * low  # as many blocks more as chance may take


# ------------------------------------------------------------------ the paper's statistics


@dataclass(frozen=True)
class Shared:
    """Runs of a text, and how many of them a training corpus has; each occurrence counts."""

    n_runs: int
    n_found: int

    @property
    def share(self) -> float:
        """Part of the runs that are found (GPT-2 table 6); NaN where there are none."""
        return self.n_found / self.n_runs if self.n_runs else math.nan


def shared(documents: Iterable[Prints], known: Known) -> list[Shared]:
    """The overlap of each document with a training corpus."""
    return [Shared(len(prints), int(known.found(prints).sum())) for prints in documents]


def together(parts: Iterable[Shared]) -> Shared:
    """The overlap of all documents as one."""
    found = list(parts)
    return Shared(sum(part.n_runs for part in found), sum(part.n_found for part in found))
