"""Storyworld's benchmarks: those of GPT-2 §3 in small, drawn without limit from the world.

Rows have the shape of the published files. Row ``index`` of a benchmark follows from the seed, the split and
the index alone. The test split, which is the default, holds people and things that never meet in training
documents, sentences whose combinations no training document translates, and questions that none asks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Any

from gpt_toolkit.storyworld.benchmarks.cloze import Cloze, common_nouns, names
from gpt_toolkit.storyworld.benchmarks.conversation import Conversation, conversation
from gpt_toolkit.storyworld.benchmarks.last_word import LastWord, last_word
from gpt_toolkit.storyworld.benchmarks.pronouns import Pronoun, pronouns
from gpt_toolkit.storyworld.benchmarks.questions import Question, question
from gpt_toolkit.storyworld.benchmarks.summaries import Summary, summary
from gpt_toolkit.storyworld.benchmarks.translation import Translation, translation
from gpt_toolkit.storyworld.documents import document
from gpt_toolkit.storyworld.world import SPLITS, mix

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "Cloze",
    "Conversation",
    "LastWord",
    "Pronoun",
    "Question",
    "Summary",
    "Translation",
    "benchmark",
]

_SALT = 71  # apart from the streams of documents
Draw = Callable[[int, str, int], Any]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a benchmark consists of and what its scores have to be compared with.

    Attributes:
        row: Type of its rows.
        stands_for: The published benchmark of which it is the small twin.
        metric: What ``chance`` and ``shortcut`` are given in.
        chance: Score of a blind choice: among the options, or among the people or things that a passage has
            named. None where nothing is offered for choice.
        shortcut: Best score of the rules that understand nothing (take the last name, the most frequent one,
            the commonest answer), as the tests measure it. It is above chance because few people and things
            are around at a time. None where the row is running text or a translation.
        draw: Gives the row for a seed, a split and an index.
    """

    row: type
    stands_for: str
    metric: str
    chance: float | None
    shortcut: float | None
    draw: Draw


def _drawn(salt: int, make: Callable[[Random, str], Any]) -> Draw:
    def draw(seed: int, split: str, index: int) -> Any:
        return make(_rng(salt, seed, split, index), split)

    return draw


def _rng(salt: int, seed: int, split: str, index: int) -> Random:
    return Random(mix(_SALT, salt, seed, SPLITS.index(split), index))


def _pronoun(seed: int, split: str, index: int) -> Pronoun:
    return pronouns(_rng(4, seed, split, index // 2), split, second=bool(index % 2))


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        "last_word": Benchmark(LastWord, "LAMBADA", "accuracy", 0.28, 0.41, _drawn(1, last_word)),
        "common_nouns": Benchmark(Cloze, "CBT-CN", "accuracy", 0.1, 0.51, _drawn(2, common_nouns)),
        "names": Benchmark(Cloze, "CBT-NE", "accuracy", 0.1, 0.36, _drawn(3, names)),
        "pronouns": Benchmark(Pronoun, "Winograd", "accuracy", 0.5, 0.5, _pronoun),
        "conversation": Benchmark(Conversation, "CoQA", "F1", None, 0.27, _drawn(5, conversation)),
        "summaries": Benchmark(Summary, "CNN/Daily Mail", "ROUGE-1", None, 0.25, _drawn(6, summary)),
        "translation": Benchmark(Translation, "WMT14 en-fr", "BLEU", None, None, _drawn(7, translation)),
        "questions": Benchmark(Question, "Natural Questions", "exact match", None, 0.02, question),
        "text": Benchmark(str, "WikiText", "perplexity", None, None, document),
    }
)
"""Every benchmark by its name; the numbers are those of the test split."""


def benchmark(name: str, seed: int, split: str = "test", start: int = 0) -> Iterator[Any]:
    """The rows of a benchmark, without end.

    Args:
        name: One of ``BENCHMARKS``.
        seed: Which stream.
        split: "train", "validation" or "test".
        start: Position of the first row; after reading ``n`` rows, continue with ``n``. Rows ``2 i`` and
            ``2 i + 1`` of "pronouns" are a pair.

    Returns:
        Rows of the type ``BENCHMARKS[name].row``. Those of "questions" come again after all were asked.

    Raises:
        ValueError: If the name or the split is unknown or the start negative; at once, not at the first row.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"Unknown benchmark {name!r}: choose one of {', '.join(map(repr, BENCHMARKS))}.")
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: choose one of 'train', 'validation', 'test'.")
    if start < 0:
        raise ValueError(f"The start of a benchmark must be 0 or more, got {start}.")
    draw = BENCHMARKS[name].draw
    return (draw(seed, split, index) for index in count(start))
