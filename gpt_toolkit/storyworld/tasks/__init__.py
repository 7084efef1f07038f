"""Labelled rows of every task type of GPT-1's Table 1, drawn from Storyworld without limit, offline.

Every row follows from (seed, split, position) alone. Validation and test rows are about a person and a thing
that meet in no row, and in no story, of another split. What a row is about is drawn before its label wherever
that is possible, so that nothing but the meaning gives the label away.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from types import MappingProxyType

from gpt_toolkit.storyworld.tasks.acceptability import ACCEPTABILITY
from gpt_toolkit.storyworld.tasks.endings import ENDINGS
from gpt_toolkit.storyworld.tasks.entailment import ENTAILMENT
from gpt_toolkit.storyworld.tasks.paraphrase import PARAPHRASE
from gpt_toolkit.storyworld.tasks.reading import READING
from gpt_toolkit.storyworld.tasks.row import Labelled, LabelledTask
from gpt_toolkit.storyworld.tasks.sentiment import SENTIMENT
from gpt_toolkit.storyworld.tasks.similarity import SIMILARITY
from gpt_toolkit.storyworld.world import mix

__all__ = ["ROWS_VERSION", "TASKS", "Labelled", "LabelledTask", "labelled"]

ROWS_VERSION = 2
"""Raised whenever a row of any task changes."""

TASKS: Mapping[str, LabelledTask] = MappingProxyType(
    {
        task.name: task
        for task in (ACCEPTABILITY, SENTIMENT, ENTAILMENT, PARAPHRASE, SIMILARITY, READING, ENDINGS)
    }
)
"""The tasks by name; a task's place is part of what its rows are made from."""


def labelled(task: str, seed: int, split: str, start: int = 0) -> Iterator[Labelled]:
    """Draw labelled rows without end.

    Args:
        task: One of ``TASKS``.
        seed: Which stream.
        split: "train", "validation" or "test"; for entailment also "validation_mismatched" and
            "test_mismatched", whose premises are of genres that the other splits do not have.
        start: Position of the first row; after reading ``n`` rows, continue with ``n``.

    Returns:
        The rows from that position onward.

    Raises:
        ValueError: If the task or the split is unknown or the start negative; at once, before a row is read.
    """
    if task not in TASKS:
        raise ValueError(f"Unknown task {task!r}: choose one of {', '.join(map(repr, TASKS))}.")
    found = TASKS[task]
    if split not in found.splits:
        raise ValueError(
            f"{task} has no split {split!r}: choose one of {', '.join(map(repr, found.splits))}."
        )
    if start < 0:
        raise ValueError(f"The start of a stream must be 0 or more, got {start}.")
    stream = mix(seed, [*TASKS].index(task), found.splits.index(split))
    return (found.draw(Random(mix(stream, index)), split) for index in count(start))
