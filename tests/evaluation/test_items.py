"""Conversion of Storyworld's records to benchmark examples that every protocol can score."""

import pytest

from gpt_toolkit.evaluation.detokenizers import ESCAPE
from gpt_toolkit.evaluation.items import GAP, Cloze, Schema
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import BENCHMARKS, GROUPS
from gpt_toolkit.generation.requests import Answer, Prompt, Request
from gpt_toolkit.storyworld import benchmarks
from tests.evaluation.conftest import texts_of, written


@pytest.mark.parametrize("name", GROUPS["storyworld"])
def test_rows_are_asked_and_judged_under_every_protocol(context: Context, name: str) -> None:
    benchmark = BENCHMARKS[name]
    rows = benchmark.read(limit=4)
    assert len(rows.items) == 4
    for protocol in benchmark.protocols:
        built = protocol.build_requests(rows.items, context)
        assert ESCAPE not in str(texts_of(context, built))
        answers = [[_answer(request) for request in row] for row in built.requests]
        result = protocol.compute_metrics(built.references, answers)
        assert result.scores
    assert not context.warnings


def _answer(request: Request) -> Answer:
    return written(" something") if isinstance(request, Prompt) else Answer(-2.0, 2)


def test_every_benchmark_of_the_world_has_its_twin() -> None:
    names = {name.partition(":")[2] for name in GROUPS["storyworld"]}
    assert set(benchmarks.BENCHMARKS) <= names
    assert {"translation_back", "acceptability", "sentiment", "reading"} <= names


def test_right_answers_of_rows_are_the_world_s() -> None:
    [row] = BENCHMARKS["storyworld:names"].read(limit=1).items
    world = next(benchmarks.benchmark("names", 0, "test"))
    assert isinstance(row, Cloze)
    assert row.candidates[row.answer] == world.answer
    assert GAP in row.query
    [schema] = BENCHMARKS["storyworld:pronouns"].read(limit=1).items
    pronoun = next(benchmarks.benchmark("pronouns", 0, "test"))
    assert isinstance(schema, Schema)
    assert schema.beginnings[schema.answer].endswith(pronoun.options[pronoun.answer])
    before = pronoun.text[: pronoun.start].rstrip()
    assert all(beginning.startswith(before) for beginning in schema.beginnings)


def test_rows_are_the_same_every_time() -> None:
    benchmark = BENCHMARKS["storyworld:last_word"]
    assert benchmark.read(limit=3) == benchmark.read(limit=3)
    assert len(benchmark.read().items) == 400
