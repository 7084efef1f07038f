"""Rules that divide the examples of one file into training and validation."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from gpt_toolkit.data.supervised.dataset import Example, Source
from gpt_toolkit.records import OnBadRecord, raise_error

TENTH: Final = "a tenth of the training file is for validation, chosen by content"
STORY_CLOZE: Final = "the validation file is divided into training and validation as the released code does"

_SEED = 3535999445  # released code: datasets.py, seed
_ONE_IN = 10  # tuned here: one example in ten

IsHeldOut: TypeAlias = Callable[[int, Example], bool]


@dataclass(frozen=True)
class Subset:
    """A subset of the examples of a source.

    Args:
        source: All examples.
        make_rule: Creates, from the source, the predicate of the held-out examples; called for each reading.
        rule: Name of the rule, for the identity.
        held_out: Whether this is the held-out subset or the rest.
    """

    source: Source
    make_rule: Callable[[Source], IsHeldOut] = field(repr=False)
    rule: str
    held_out: bool

    @property
    def title(self) -> str:
        """Form of the examples."""
        return self.source.title

    def identity(self) -> object:
        """Return the identity of the source, the rule and the subset."""
        return [self.source.identity(), self.rule, self.held_out]

    def examples(self, on_bad_record: OnBadRecord) -> Iterator[Example]:
        """Read the examples of this subset, in the order of the source."""
        is_held_out = self.make_rule(self.source)
        for index, example in enumerate(self.source.examples(on_bad_record)):
            if is_held_out(index, example) == self.held_out:
                yield example


def hold_out_tenth(source: Source, *, by_document: bool) -> dict[str, Source]:
    """Hold out about one example in ten by a hash of its texts, so the order of a file does not matter.

    Args:
        source: All examples.
        by_document: Hash the first text only: all questions about a document stay together.
    """

    def make_rule(_: Source) -> IsHeldOut:
        return lambda _, example: _hash(example.texts[:1] if by_document else example.texts) % _ONE_IN == 0

    rule = f"tenth by {'document' if by_document else 'texts'}"
    return {
        "train": Subset(source, make_rule, rule, held_out=False),
        "val": Subset(source, make_rule, rule, held_out=True),
    }


def divide_story_cloze(source: Source) -> dict[str, Source]:
    """Divide Story Cloze's validation file as GPT-1's released code does: 1,497 and 374 of 1,871 examples.

    The released code calls scikit-learn's ``train_test_split`` with a seed. That function takes the first
    examples of ``RandomState(seed).permutation(n)`` for testing; numpy guarantees this stream.
    """

    def make_rule(whole: Source) -> IsHeldOut:
        held_out = frozenset(story_cloze_rows(sum(1 for _ in whole.examples(raise_error))))
        return lambda index, _: index in held_out

    rule = f"permutation {_SEED}"
    return {
        "train": Subset(source, make_rule, rule, held_out=False),
        "val": Subset(source, make_rule, rule, held_out=True),
    }


def story_cloze_rows(n: int) -> list[int]:
    """Return the numbers of the examples that the released code holds out for validation: a fifth."""
    order = np.random.RandomState(_SEED).permutation(n)
    return [int(row) for row in order[: round(n / 5)]]


def _hash(texts: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big")
