"""Storyworld counterparts of the benchmarks of GPT-2 §3, drawn without limit.

Examples have the shape of the published files. Example ``index`` of a benchmark depends on the seed, the
split and the index alone. The default is the test split. Its people and things never meet in training
documents. No training document translates its combinations of words or asks its questions.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from gpt_toolkit.storyworld.benchmarks.missing_words import Cloze, LastWord, common_nouns, last_word, names
from gpt_toolkit.storyworld.benchmarks.pronoun_pairs import Pronoun, pronouns
from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.documents import conversation as write_conversation
from gpt_toolkit.storyworld.documents import document, report_and_summary
from gpt_toolkit.storyworld.facts import FACTS, answers, questions
from gpt_toolkit.storyworld.meanings import MeaningChooser
from gpt_toolkit.storyworld.people import PEOPLE, SPLITS, check_split, mix
from gpt_toolkit.storyworld.vallic import english, translate

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

_SALT = 71  # separates the examples from the streams of documents
FEWEST_WORDS = 7  # tuned here: shorter English sentences repeat within a few thousand examples
Draw = Callable[[int, str, int], Any]


class Conversation(NamedTuple):
    """A passage, questions about it in their order, and the answer to each (CoQA)."""

    story: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]


class Summary(NamedTuple):
    """An article, and its summary in one or two sentences (CNN/Daily Mail)."""

    article: str
    highlights: str


class Translation(NamedTuple):
    """A sentence in English, and in the sister language (WMT14)."""

    english: str
    sister: str


class Question(NamedTuple):
    """A question without a passage, and all accepted answers (Natural Questions)."""

    question: str
    answers: tuple[str, ...]


def conversation(rng: Random, split: str) -> Conversation:
    """Draw a passage with questions; in them "she" is the hero and "it" the thing of earlier questions."""
    story, asked = write_conversation(rng, split)
    asked_questions, short_answers = zip(*asked, strict=True)
    return Conversation(story, asked_questions, short_answers)


def summary(rng: Random, split: str) -> Summary:
    """Draw a report and its summary."""
    return Summary(*report_and_summary(rng, split))


def translation(rng: Random, split: str) -> Translation:
    """Draw a sentence with an object, in both languages."""
    chooser = Chooser(rng)
    while True:
        people = [chooser.pick(PEOPLE) for _ in range(2)]
        meaning = MeaningChooser(rng, split, people).meaning()
        if meaning.object is None:
            continue
        row = Translation(english(meaning), translate(meaning))
        if row.english.count(" ") >= FEWEST_WORDS - 1:
            return row


QUESTIONS = {
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
def _question_order(seed: int, split: str, turn: int) -> tuple[int, ...]:
    number = SPLITS.index(split)
    return tuple(sorted(range(len(QUESTIONS[split])), key=lambda row: mix(seed, number, turn, row)))


def _question(seed: int, split: str, index: int) -> Question:
    """Return the question at a position: all in random order, then all again in another order."""
    turn, place = divmod(index, len(QUESTIONS[split]))
    return QUESTIONS[split][_question_order(seed, split, turn)[place]]


def _rng(salt: int, seed: int, split: str, index: int) -> Random:
    return Random(mix(_SALT, salt, seed, SPLITS.index(split), index))


def _drawn(salt: int, make: Callable[[Random, str], Any]) -> Draw:
    def draw(seed: int, split: str, index: int) -> Any:
        return make(_rng(salt, seed, split, index), split)

    return draw


def _pronoun(seed: int, split: str, index: int) -> Pronoun:
    return pronouns(_rng(4, seed, split, index // 2), split, is_second=bool(index % 2))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark and the scores with which its results are to be compared.

    Attributes:
        row: Type of its examples.
        counterpart: Name of the published benchmark.
        metric: Unit of ``chance`` and ``shortcut``.
        chance: Score of a blind choice: among the options, or among the people or things that a passage has
            named. None if there are no options.
        shortcut: Best score of the rules that understand nothing (take the last name, the most frequent one,
            the commonest answer), as the tests measure it. It is above chance because only a few people
            and things occur in a passage. None for running text and translation.
        draw: Function that returns the example for a seed, a split and an index.
    """

    row: type
    counterpart: str
    metric: str
    chance: float | None
    shortcut: float | None
    draw: Draw


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        "last_word": Benchmark(LastWord, "LAMBADA", "accuracy", 0.28, 0.41, _drawn(1, last_word)),
        "common_nouns": Benchmark(Cloze, "CBT-CN", "accuracy", 0.1, 0.51, _drawn(2, common_nouns)),
        "names": Benchmark(Cloze, "CBT-NE", "accuracy", 0.1, 0.36, _drawn(3, names)),
        "pronouns": Benchmark(Pronoun, "Winograd", "accuracy", 0.5, 0.5, _pronoun),
        "conversation": Benchmark(Conversation, "CoQA", "F1", None, 0.27, _drawn(5, conversation)),
        "summaries": Benchmark(Summary, "CNN/Daily Mail", "ROUGE-1", None, 0.25, _drawn(6, summary)),
        "translation": Benchmark(Translation, "WMT14 en-fr", "BLEU", None, None, _drawn(7, translation)),
        "questions": Benchmark(Question, "Natural Questions", "exact match", None, 0.02, _question),
        "text": Benchmark(str, "WikiText", "perplexity", None, None, document),
    }
)
"""Every benchmark by its name; the scores are those of the test split."""


def benchmark(name: str, seed: int, split: str = "test", start: int = 0) -> Iterator[Any]:
    """Return an endless stream of the examples of a benchmark.

    Args:
        name: A key of ``BENCHMARKS``.
        seed: Number of the stream.
        split: "train", "validation" or "test".
        start: Position of the first example. After reading ``n`` examples, continue with ``n``. Examples
            ``2 i`` and ``2 i + 1`` of "pronouns" are a pair.

    Returns:
        Examples of the type ``BENCHMARKS[name].row``. Those of "questions" repeat after all were asked.

    Raises:
        ValueError: If the name or the split is unknown or the start negative; at once, not when the first
            example is read.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"benchmark: {name!r}; expected one of {', '.join(map(repr, BENCHMARKS))}")
    check_split(split)
    if start < 0:
        raise ValueError(f"start: {start}; expected 0 or more")
    draw = BENCHMARKS[name].draw
    return (draw(seed, split, index) for index in count(start))
