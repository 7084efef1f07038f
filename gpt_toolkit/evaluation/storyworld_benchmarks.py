"""The built-in world's twins of the benchmarks: the same protocols, and neither files nor network."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from gpt_toolkit.evaluation import free_text, lambada, multiple_choice
from gpt_toolkit.evaluation.benchmark import Benchmark, text_benchmark
from gpt_toolkit.evaluation.benchmark_files import substituted
from gpt_toolkit.evaluation.gpt1_benchmarks import labelled, reading
from gpt_toolkit.evaluation.item_sources import LabelledSet, RowSource, World
from gpt_toolkit.evaluation.items import (
    Cloze,
    Conversation,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
)
from gpt_toolkit.evaluation.perplexity import Corpus

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
_gpt1 = replace(multiple_choice.RESOLUTION[0], name="gpt1")

# Numbers of rows are ours: the whole table in three minutes on two cores.
WORLD: Final = (
    Benchmark(f"{PREFIX}last_word", "GPT-2 §3.3", _world("last_word", 400, _last_word), lambada.PROTOCOLS),
    Benchmark(
        f"{PREFIX}common_nouns", "GPT-2 §3.2", _world("common_nouns", 100, _cloze), multiple_choice.CLOZE
    ),
    Benchmark(f"{PREFIX}names", "GPT-2 §3.2", _world("names", 100, _cloze), multiple_choice.CLOZE),
    text_benchmark(f"{PREFIX}text", "GPT-2 §3.1", _world("text", 100, Document), _text),
    Benchmark(
        f"{PREFIX}pronouns",
        "GPT-2 §3.4",
        _world("pronouns", 200, _pronoun),
        (*multiple_choice.SCHEMAS, _gpt1),
    ),
    Benchmark(
        f"{PREFIX}conversation",
        "GPT-2 §3.5",
        _world("conversation", 30, _conversation),
        free_text.CONVERSATION,
    ),
    Benchmark(f"{PREFIX}summaries", "GPT-2 §3.6", _world("summaries", 30, _summary), free_text.SUMMARIES),
    Benchmark(
        f"{PREFIX}translation",
        "GPT-2 §3.7",
        _world("translation", 100, _to_sister),
        free_text.translation("English", "Sister")[:1],
    ),
    Benchmark(
        f"{PREFIX}translation_back",
        "GPT-2 §3.7",
        _world("translation", 100, _to_english),
        free_text.translation("Sister", "English")[:1],
    ),
    Benchmark(f"{PREFIX}questions", "GPT-2 §3.8", _world("questions", 200, _question), free_text.QUESTIONS),
    Benchmark(
        f"{PREFIX}acceptability",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}acceptability", "test", 200, labelled),
        multiple_choice.ACCEPTABILITY,
    ),
    Benchmark(
        f"{PREFIX}sentiment",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}sentiment", "test", 200, labelled),
        multiple_choice.SENTIMENT,
    ),
    Benchmark(
        f"{PREFIX}reading",
        "GPT-1 §5",
        LabelledSet(f"{PREFIX}reading", "test", 100, reading),
        multiple_choice.READING,
    ),
)
