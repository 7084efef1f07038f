"""Questions about lasting facts without a passage, after Natural Questions (GPT-2 §3.8).

The facts are those for which no training document asks; that they are so is said in documents of every split.
"""

from functools import lru_cache
from typing import NamedTuple

from gpt_toolkit.storyworld.facts import FACTS, answers, questions
from gpt_toolkit.storyworld.world import SPLITS, mix


class Question(NamedTuple):
    """A question, and all that counts as its answer."""

    question: str
    answers: tuple[str, ...]


ROWS = {
    split: tuple(
        Question(question, answers(fact))
        for fact in FACTS
        if fact.split == split
        for question in questions(fact)
    )
    for split in SPLITS
}
"""Every question of each split: unlike the other benchmarks this one is finite."""


@lru_cache(maxsize=8)
def _order(seed: int, split: str, turn: int) -> tuple[int, ...]:
    number = SPLITS.index(split)
    return tuple(sorted(range(len(ROWS[split])), key=lambda row: mix(seed, number, turn, row)))


def question(seed: int, split: str, index: int) -> Question:
    """The row at a position: all questions in a chance order, then all again in another."""
    turn, place = divmod(index, len(ROWS[split]))
    return ROWS[split][_order(seed, split, turn)[place]]
