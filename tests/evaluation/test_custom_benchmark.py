"""Custom benchmarks of one YAML file each."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.custom_benchmark import fill, read_custom, read_table
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import find
from gpt_toolkit.generation.requests import Answer, RunningText
from tests.evaluation.conftest import result_of, texts_of, written

ROWS = [
    {"country": "France", "cities": ["Paris", "Lyon"], "right": 0},
    {"country": "Peru", "cities": ["Cusco", "Lima"], "right": 1},
    {"country": "Chad", "cities": ["N'Djamena", "Moundou"], "right": 0},
]
CHOICE = {
    "name": "capitals",
    "files": "capitals.jsonl",
    "kind": "multiple_choice",
    "prompt": "The capital of {country} is",
    "choices": "{cities}",
    "answer": "{right}",
}


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Benchmark]:
    """Write a YAML file next to the examples, and read it."""
    lines = [json.dumps(row) for row in ROWS]
    (tmp_path / "capitals.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def own(**fields: Any) -> Benchmark:
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump({**CHOICE, **fields}), encoding="utf-8")
        return find([str(path)])[0]

    return own


def built(benchmark: Benchmark, context: Context) -> Any:
    found = benchmark.read()
    context = replace(context, read_examples=found.read_examples)
    return benchmark.protocols[0].build_requests(found.items, context)


def test_choices_are_scored_after_the_prompt(own: Callable[..., Benchmark], context: Context) -> None:
    benchmark = own()
    requests = built(benchmark, context)
    assert texts_of(context, requests)[1] == [
        ["The capital of Peru is", " Cusco"],
        ["The capital of Peru is", " Lima"],
    ]
    assert requests.references == [0, 1, 0]
    result = result_of(benchmark.protocols[0], requests, lambda i, k: Answer(-float(k), 1))
    assert result.metrics[0].value == pytest.approx(2 / 3)
    assert (benchmark.name, str(benchmark.protocols[0])) == ("capitals", "own-1")


def test_choices_may_be_templates_and_the_answer_one_of_them(
    own: Callable[..., Benchmark], context: Context
) -> None:
    benchmark = own(choices=["{country}", "nowhere"], answer="nowhere", metric="accuracy_per_token")
    requests = built(benchmark, context)
    assert texts_of(context, requests)[0][0][1] == " France"
    assert requests.references == [1, 1, 1]
    answers = [Answer(-6.0, 6), Answer(-7.0, 8)]
    assert result_of(benchmark.protocols[0], requests, lambda _, k: answers[k]).metrics[0].value == 1.0


def test_examples_stand_before_the_prompt(own: Callable[..., Benchmark], context: Context) -> None:
    requests = built(own(n_examples=2, separator="\n"), context)
    before = texts_of(context, requests)[1][0][0]
    shown = sorted(before.split("\n")[:-1])
    assert shown == ["The capital of Chad is N'Djamena", "The capital of France is Paris"]
    assert before.endswith("\nThe capital of Peru is")
    none = Context(context.tokenizer, context.n_ctx, n_examples=0)
    assert texts_of(context, built(own(n_examples=2), none))[1][0][0] == "The capital of Peru is"


def test_examples_may_come_from_another_file(
    own: Callable[..., Benchmark], context: Context, tmp_path: Path
) -> None:
    (tmp_path / "shown.csv").write_text("country,cities,right\nMali,Bamako,Bamako\n", encoding="utf-8")
    requests = built(own(n_examples=1, examples="shown.csv"), context)
    for row in texts_of(context, requests):
        assert row[0][0].startswith("The capital of Mali is Bamako\n\nThe capital of")


@pytest.mark.parametrize(
    ("metric", "value"), [("exact_match", 50.0), ("f1", pytest.approx(100 * (1 + 2 / 3) / 2)), ("bleu", None)]
)
def test_answers_are_generated_and_judged(
    own: Callable[..., Benchmark], context: Context, metric: str, value: Any
) -> None:
    benchmark = own(kind="generate", answer="{cities}", metric=metric, stop=";", max_new_tokens=5)
    requests = built(benchmark, context)
    assert requests.requests[0][0].stop[0] == ";"
    assert requests.requests[0][0].max_new_tokens == 5
    requests = requests._replace(requests=requests.requests[:2], references=requests.references[:2])
    result = result_of(benchmark.protocols[0], requests, lambda i, _: written([" lyon.", "Lima city"][i]))
    assert result.metrics[0].name == metric
    if value is not None:
        assert result.metrics[0].value == value


def test_last_words_and_texts_are_scored(own: Callable[..., Benchmark], context: Context) -> None:
    words = built(own(kind="last_word", prompt="Go to {country}"), context)
    assert texts_of(context, words)[1] == [["Go to", " Peru"]]
    texts = built(own(kind="perplexity", prompt="Go to {country}"), context)
    assert isinstance(texts.requests[1][0], RunningText)
    assert texts.references[1].words == 3


def test_tables_of_all_kinds_are_read(tmp_path: Path) -> None:
    for name, text in [
        ("a.json", '[{"x": "1"}]'),
        ("a.jsonl", '{"x": "1"}\n\n'),
        ("a.csv", "x\n1\n"),
        ("a.tsv", "x\ty\n1\t\n"),
    ]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_table(tmp_path / name)[0]["x"] == "1"
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"ends in none of .jsonl, .json, .csv, .tsv"):
        read_table(tmp_path / "a.txt")
    (tmp_path / "a.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no records"):
        read_table(tmp_path / "a.json")


def test_a_field_that_a_row_lacks_is_named() -> None:
    assert fill("{{x}} {x}", {"x": 3}) == "{x} 3"
    assert fill("{x}", {"x": [1]}) == [1]
    with pytest.raises(ValueError, match="needs the field 'y', but a record has x"):
        fill("{x} {y}", {"x": 1})


def test_all_faults_of_a_file_are_named_at_once(own: Callable[..., Benchmark]) -> None:
    with pytest.raises(
        ValueError, match=r"unknown field 'promt'.*prompt is missing.*n_examples is 'two', which is str"
    ):
        own(prompt="", promt="x", n_examples="two")
    with pytest.raises(ValueError, match=r"kind is 'quiz'; it is one of multiple_choice, last_word"):
        own(kind="quiz")
    with pytest.raises(ValueError, match="metric is 'f1'; for multiple_choice it is one of accuracy"):
        own(metric="f1", choices=[], answer="")
    with pytest.raises(ValueError, match="is called 'lambada', as another one is"):
        own(name="lambada")


def test_an_answer_that_is_no_choice_is_refused(own: Callable[..., Benchmark], context: Context) -> None:
    with pytest.raises(ValueError, match=r"answer 'Rome' is none of the choices \['Paris', 'Lyon'\]"):
        built(own(answer="Rome"), context)


def test_what_is_no_benchmark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("- a\n", encoding="utf-8")
    with pytest.raises(ValueError, match="should hold fields such as name, files, kind, prompt, not list"):
        read_custom(tmp_path / "own.yaml")
    with pytest.raises(FileNotFoundError):
        read_custom(tmp_path / "none.yaml")
