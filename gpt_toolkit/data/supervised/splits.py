"""Dividing the rows of one file into training and validation."""

import hashlib
from collections.abc import Callable
from typing import Final

import numpy as np

from gpt_toolkit.data.supervised.dataset import Held, Source
from gpt_toolkit.data.supervised.record_readers import refuse
from gpt_toolkit.data.supervised.schemas import Raw

TENTH: Final = "a tenth of the training file is for validation, chosen by content"
STORY_CLOZE: Final = "the validation file is divided into training and validation as the released code does"

_SEED = 3535999445  # released code: datasets.py, seed
_EVERY = 10  # ours: one row in ten


def tenth(source: Source, *, by_first: bool) -> dict[str, Source]:
    """Hold out about one row in ten, by a hash of its texts: the order of the rows does not matter.

    Args:
        source: All rows.
        by_first: Hash the first text alone, so that all questions of a passage stay together.
    """

    def choose(_: Source) -> Callable[[int, Raw], bool]:
        return lambda _, raw: _hash(raw.texts[:1] if by_first else raw.texts) % _EVERY == 0

    rule = f"tenth by {'document' if by_first else 'texts'}"
    return {
        "train": Held(source, choose, rule, of_held=False),
        "val": Held(source, choose, rule, of_held=True),
    }


def story_cloze(source: Source) -> dict[str, Source]:
    """Divide Story Cloze's validation file as GPT-1's released code does: 1,497 and 374 of its 1,871 rows.

    That code calls scikit-learn's ``train_test_split`` with the seed, which takes the first rows of
    ``RandomState(seed).permutation(n)`` for testing; numpy keeps that stream as it is for good.
    """

    def choose(whole: Source) -> Callable[[int, Raw], bool]:
        n_rows = sum(1 for _ in whole.rows(refuse))
        held = frozenset(held_rows(n_rows))
        return lambda index, _: index in held

    rule = f"permutation {_SEED}"
    return {
        "train": Held(source, choose, rule, of_held=False),
        "val": Held(source, choose, rule, of_held=True),
    }


def held_rows(n_rows: int) -> list[int]:
    """Numbers of the rows of Story Cloze's validation file that stay for validation: a fifth."""
    order = np.random.RandomState(_SEED).permutation(n_rows)
    return [int(row) for row in order[: round(n_rows / 5)]]


def _hash(texts: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")
