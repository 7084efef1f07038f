"""The built-in world's twins of the benchmarks: the same protocols, and neither files nor network."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from gpt_toolkit.data.evaluation import choices, generated, last_word
from gpt_toolkit.data.evaluation.benchmark import Benchmark, text_benchmark
from gpt_toolkit.data.evaluation.gpt1 import labelled, reading
from gpt_toolkit.data.evaluation.readers import substituted
from gpt_toolkit.data.evaluation.rows import (
    Cloze,
    Conversation,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
)
from gpt_toolkit.data.evaluation.running_text import Corpus
from gpt_toolkit.data.evaluation.sources import LabelledSet, RowSource, World

PREFIX: Final = "storyworld:"
_SEED = 0  # ours: the same rows for everybody


def _last_word(row: Any) -> LastWord:
    return LastWord(row.text)


def _cloze(row: Any) -> Cloze:
    return Cloze(row.context, row.query, row.candidates.index(row.answer), row.candidates)


def _pronoun(row: Any) -> Schema:
    rest = row.text[row.start + len(row.pronoun) :]
    return substituted(row.text[: row.start], row.pronoun, rest, row.options, row.answer)


def _conversation(row: Any) -> Conversation:
    return Conversation(row.story, tuple(row.questions), tuple((answer,) for answer in row.answers))


def _summary(row: Any) -> Summary:
    return Summary(row.article, row.highlights)


def _to_sister(row: Any) -> Translation:
    return Translation(row.english, row.sister)


def _to_english(row: Any) -> Translation:
    return Translation(row.sister, row.english)


def _question(row: Any) -> Question:
    return Question(row.question, tuple(row.answers))


def _rows(name: str, convert: Callable[[Any], Any]) -> Iterator[Any]:
    from gpt_toolkit.storyworld import benchmarks

    return map(convert, benchmarks.benchmark(name, _SEED, "test"))


def _world(name: str, n: int, convert: Callable[[Any], Any]) -> RowSource:
    return World(name, n, partial(_rows, name, convert))


_text = Corpus(detokenizer=None, published=None, in_parts=False, line_ends=False, headline="word_perplexity")
_gpt1 = replace(choices.RESOLUTION[0], name="gpt1")

# Numbers of rows are ours: the whole table in three minutes on two cores.
WORLD: Final = (
    Benchmark(f"{PREFIX}last_word", "GPT-2 §3.3", _world("last_word", 400, _last_word), last_word.PROTOCOLS),
    Benchmark(f"{PREFIX}common_nouns", "GPT-2 §3.2", _world("common_nouns", 100, _cloze), choices.CLOZE),
    Benchmark(f"{PREFIX}names", "GPT-2 §3.2", _world("names", 100, _cloze), choices.CLOZE),
    text_benchmark(f"{PREFIX}text", "GPT-2 §3.1", _world("text", 100, Document), _text),
    Benchmark(
        f"{PREFIX}pronouns", "GPT-2 §3.4", _world("pronouns", 200, _pronoun), (*choices.SCHEMAS, _gpt1)
    ),
    Benchmark(
        f"{PREFIX}conversation",
        "GPT-2 §3.5",
        _world("conversation", 30, _conversation),
        generated.CONVERSATION,
    ),
    Benchmark(f"{PREFIX}summaries", "GPT-2 §3.6", _world("summaries", 30, _summary), generated.SUMMARIES),
    Benchmark(
        f"{PREFIX}translation",
        "GPT-2 §3.7",
        _world("translation", 100, _to_sister),
        generated.translation("English", "Sister")[:1],
    ),
    Benchmark(
        f"{PREFIX}translation_back",
        "GPT-2 §3.7",
        _world("translation", 100, _to_english),
        generated.translation("Sister", "English")[:1],
    ),
    Benchmark(f"{PREFIX}questions", "GPT-2 §3.8", _world("questions", 200, _question), generated.QUESTIONS),
    Benchmark(
        f"{PREFIX}acceptability",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}acceptability", "test", 200, labelled),
        choices.ACCEPTABILITY,
    ),
    Benchmark(
        f"{PREFIX}sentiment",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}sentiment", "test", 200, labelled),
        choices.SENTIMENT,
    ),
    Benchmark(
        f"{PREFIX}reading",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}reading", "test", 100, reading),
        choices.READING,
    ),
)
