"""A benchmark of your own is one YAML file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.custom_benchmark import read_custom
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.protocol import RequestSet
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
Own = Callable[..., Benchmark]


@pytest.fixture
def own(tmp_path: Path) -> Own:
    """Write a YAML file next to the records, and read it; a field that is None is left out."""

    def own(records: Any = ROWS, **fields: Any) -> Benchmark:
        lines = [json.dumps(record) for record in records]
        (tmp_path / "capitals.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        path = tmp_path / "own.yaml"
        given = {key: value for key, value in {**CHOICE, **fields}.items() if value is not None}
        path.write_text(yaml.safe_dump(given), encoding="utf-8")
        return find([str(path)])[0]

    return own


def built(benchmark: Benchmark, context: Context) -> RequestSet:
    found = benchmark.read()
    context = replace(context, examples=found.read_examples())
    return benchmark.protocols[0].build_requests(found.items, context)


TEXT = {"choices": None, "answer": None}
"""Fields that kinds without choices do not have."""


def test_choices_are_scored_after_the_prompt(own: Own, context: Context) -> None:
    benchmark = own()
    requests = built(benchmark, context)
    assert texts_of(context, requests)[1] == [
        ["The capital of Peru is", " Cusco"],
        ["The capital of Peru is", " Lima"],
    ]
    assert requests.references == [0, 1, 0]
    result = result_of(benchmark.protocols[0], requests, lambda i, k: Answer(-float(k), 1))
    [score] = result.scores
    assert score.value == score.majority == pytest.approx(2 / 3)
    assert (score.n, score.chance) == (3, 0.5)
    assert (benchmark.name, str(benchmark.protocols[0])) == ("capitals", "own-1")


def test_choices_may_be_templates_and_the_answer_one_of_them(own: Own, context: Context) -> None:
    benchmark = own(choices=["{country}", "nowhere"], answer="nowhere", metric="accuracy_per_token")
    requests = built(benchmark, context)
    assert texts_of(context, requests)[0][0][1] == " France"
    assert requests.references == [1, 1, 1]
    answers = [Answer(-6.0, 6), Answer(-7.0, 8)]
    [score] = result_of(benchmark.protocols[0], requests, lambda _, k: answers[k]).scores
    assert (score.metric, score.value) == ("accuracy_per_token", 1.0)


def test_the_choice_that_gains_most_over_the_premise_may_be_chosen(own: Own, context: Context) -> None:
    benchmark = own(metric="accuracy_pmi", premise="The capital is")
    requests = built(benchmark, context)
    assert texts_of(context, requests)[0][2:] == [["The capital is", " Paris"], ["The capital is", " Lyon"]]
    gains = [-6.0, -7.0, -2.0, -9.0]  # the first choice loses 4, the second gains 2
    result = result_of(benchmark.protocols[0], requests, lambda _, k: Answer(gains[k], 3))
    assert result.scores[0].metric == "accuracy_pmi"
    assert [item["chosen"] for item in result.items] == [1] * len(result.items)
    assert "after 'The capital is' alone" in benchmark.protocols[0].statement
    alone = texts_of(context, built(own(metric="accuracy_pmi"), context))[0][2]
    assert alone == ["<|endoftext|>", " Paris"]


def test_a_space_stands_between_prompt_and_choice_unless_one_is_there(own: Own, context: Context) -> None:
    for prompt, expected in [("{country} is ", ["Paris", "Lyon"]), ("{country}:\n", ["Paris", "Lyon"])]:
        [first, *_] = own(prompt=prompt).read().items
        assert list(first.options) == expected
    records = [{**ROWS[0], "cities": [" Paris", " Lyon"]}]
    assert own(records).read().items[0].options == (" Paris", " Lyon")


def test_an_empty_prompt_is_an_empty_prompt(own: Own, context: Context) -> None:
    requests = built(own(prompt=""), context)
    assert texts_of(context, requests)[0] == [["<|endoftext|>", "Paris"], ["<|endoftext|>", "Lyon"]]


def test_examples_stand_before_the_prompt(own: Own, context: Context) -> None:
    benchmark = own(n_examples=2, separator="\n")
    [protocol] = benchmark.protocols
    assert protocol.n_examples == 2
    two = replace(context, n_examples=2, seed=5)
    before = texts_of(context, built(benchmark, two))[1][0][0]
    shown = sorted(before.split("\n")[:-1])
    assert shown == ["The capital of Chad is N'Djamena", "The capital of France is Paris"]
    assert before.endswith("\nThe capital of Peru is")
    assert texts_of(context, built(benchmark, context))[1][0][0] == "The capital of Peru is"
    assert "multiple_choice with 2 examples drawn by seed 5 from the others and" in protocol.describe(two)
    assert protocol.describe(context) == (
        "multiple_choice with no examples and the prompt 'The capital of {country} is': the choice of the "
        "highest summed log-probability of its tokens, as defined in own.yaml."
    )


def test_examples_may_come_from_another_file(own: Own, context: Context, tmp_path: Path) -> None:
    shown = json.dumps({"country": "Mali", "cities": ["Bamako", "Gao"], "right": "A"})
    (tmp_path / "shown.jsonl").write_text(shown, encoding="utf-8")
    requests = built(own(examples="shown.jsonl"), replace(context, n_examples=1))
    for row in texts_of(context, requests):
        assert row[0][0].startswith("The capital of Mali is Bamako\n\nThe capital of")


REFERENCES = [["Paris", "Lutetia"], ["the city of Lima", "Lima"]]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("exact_match", 50.0),
        ("token_f1", pytest.approx(100 * (1 + 4 / 5) / 2)),
        ("bleu", None),
        ("rouge", None),
    ],
)
def test_answers_are_generated_and_compared_with_all_references(
    own: Own, context: Context, metric: str, value: Any
) -> None:
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    records = [{"country": "x", "names": names} for names in REFERENCES]
    fields = {"kind": "generate", "choices": None, "answer": "{names}", "metric": metric}
    benchmark = own(records, **fields, stop=";", max_new_tokens=5)
    requests = built(benchmark, context)
    assert requests.requests[0][0].stop[0] == ";"  # type: ignore[union-attr]
    assert requests.requests[0][0].max_new_tokens == 5  # type: ignore[union-attr]
    answers = ["lutetia.", "Lima city"]
    result = result_of(benchmark.protocols[0], requests, lambda i, _: written(answers[i]))
    first = result.scores[0]
    assert "up to 2 references" in first.label
    if metric == "bleu":
        columns = [list(column) for column in zip(*REFERENCES, strict=True)]
        value = pytest.approx(sacrebleu.corpus_bleu(answers, columns).score)
    elif metric == "rouge":
        scorer = RougeScorer(["rouge1"], use_stemmer=True)
        pairs = zip(answers, REFERENCES, strict=True)
        best = [max(scorer.score(r, a)["rouge1"].fmeasure for r in names) for a, names in pairs]
        first, value = result.scores[1], pytest.approx(50 * sum(best))
    assert first.value == value
    assert first.scale == "0 to 100"


def test_a_record_without_an_answer_is_left_out_and_counted(own: Own) -> None:
    records = [
        {"country": "A", "names": []},
        {"country": "B", "names": None},
        {"country": "C", "names": ""},
        {"country": "D", "names": ["", "None", None]},
        {"country": "E", "names": "nan"},
    ]
    found = own(records, kind="generate", choices=None, answer="{names}").read()
    assert [(item.prompt[-4:], item.references) for item in found.items] == [
        ("D is", ("None",)),
        ("E is", ("nan",)),
    ]
    assert found.left_out == {"without an answer": 3}
    with pytest.raises(ValueError, match=r"capitals.jsonl: no record has an answer; expected one in"):
        own(records[:3], kind="generate", choices=None, answer="{names}").read()


def test_results_name_the_record_that_they_are_of(own: Own, tmp_path: Path) -> None:
    own([{**ROWS[0], "right": None}, *ROWS[1:]])
    data = ZeroShotDataModule(str(tmp_path / "own.yaml"), tokenizer="bytes", n_ctx=90)
    data.setup()
    [evaluation] = data.evaluations.values()
    answers = {number: Answer(-float(number), 1) for number in range(4)}
    first, second = evaluation.records(evaluation.result(answers))
    assert first["record"].endswith("capitals.jsonl, line 2")
    assert (first["row"], first["right"], first["chosen"], first["correct"]) == (0, 1, 0, False)
    assert second["record"].endswith("capitals.jsonl, line 3")
    assert evaluation.counts == "2 scored; 1 left out: without an answer"


def test_words_for_nothing_are_data_and_an_empty_cell_is_an_empty_text(own: Own, tmp_path: Path) -> None:
    text = "country,a,b,right\nNone,nan,null,nan\n,NA,-1,-1\n"
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    found = own(files="rows.csv", choices=["{a}", "{b}"]).read()
    assert [item.prompt for item in found.items] == ["The capital of None is", "The capital of  is"]
    assert [item.options for item in found.items] == [(" nan", " null"), (" NA", " -1")]
    assert [item.right for item in found.items] == [0, 1]
    assert list(found.warnings) == ["1 records have no country, which is empty in their texts"]


def test_last_words_and_texts_are_scored(own: Own, context: Context) -> None:
    words = built(own(kind="last_word", prompt="Go to {country}", **TEXT), context)
    assert texts_of(context, words)[1] == [["Go to", " Peru"]]
    texts = built(own(kind="perplexity", prompt="Go to {country}", **TEXT), context)
    assert isinstance(texts.requests[1][0], RunningText)
    assert texts.references[1].words == 3


def test_texts_are_scored_under_the_protocols_of_others_too(own: Own, context: Context) -> None:
    benchmark = own(kind="perplexity", prompt="Go to {{{country}}}", **TEXT)
    assert list(map(str, benchmark.protocols)) == ["own-1", "lm-eval-1", "hf-strided-1"]
    statement = benchmark.protocols[0].describe(context)
    assert "Go to {{{country}}}" in statement
    items = benchmark.read().items
    joined = benchmark.protocols[2].build_requests(items, context)
    assert texts_of(context, joined) == [[["\n\n".join(item.text for item in items)]]]


def test_a_text_file_is_one_record(own: Own, context: Context, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("One, two\n\tthree.\n", encoding="utf-8")
    fields = {**TEXT, "kind": "perplexity", "prompt": "{text}", "files": "book.txt"}
    texts = built(own(**fields), context)
    assert texts_of(context, texts) == [[["<|endoftext|>One, two\n\tthree.\n"]]]
    (tmp_path / "book.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"book.txt: prompt: no text; expected text"):
        own(**fields).read()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '[{"x": "1"}]'),
        ("a.jsonl", '{"x": "1"}\n\n'),
        ("a.csv", "x\n1\n"),
        ("a.tsv", "x\ty\n1\t\n"),
    ],
)
def test_records_of_all_kinds_are_read(own: Own, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    [item] = own(kind="perplexity", prompt="{x}", files=name, **TEXT).read().items
    assert item.prompt == "1"


def test_files_that_hold_no_records_are_refused(own: Own, tmp_path: Path) -> None:
    fields: dict[str, Any] = {**TEXT, "kind": "perplexity", "prompt": "{x}"}
    (tmp_path / "a.xlsx").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a.xlsx: unknown kind of file; expected a name that ends in .tsv"):
        own(files="a.xlsx", **fields).read()
    (tmp_path / "a.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a.json: no records; expected at least one"):
        own(files="a.json", **fields).read()
    with pytest.raises(FileNotFoundError, match=r"none.csv: no such file; expected a file of records"):
        own(files="none.csv", **fields).read()


def test_names_of_columns_are_data(own: Own) -> None:
    records = [{"a b": "1", "c: d": "2", "e!f": "3", "g.h[0]": "4", "é": "5"}]
    prompt = "{a b}{c: d}{e!f}{g.h[0]}{é}{{x}}"
    [item] = own(records, kind="perplexity", prompt=prompt, **TEXT).read().items
    assert item.prompt == "12345{x}"


def test_a_field_that_a_record_lacks_is_named_with_its_line(own: Own) -> None:
    with pytest.raises(
        ValueError,
        match=r"capitals.jsonl, line 1: no field 'contry' \(did you mean country\?\) for '.*'; e",
    ):
        own(prompt="{contry}").read()
    with pytest.raises(ValueError, match=r"line 1: cities: .*; expected text; a list can only be the"):
        own(prompt="{cities}").read()


def test_all_problems_of_a_file_are_named_at_once(own: Own) -> None:
    with pytest.raises(
        ValueError,
        match=r"own\.yaml: unknown field 'promt' \(did you mean prompt\?\);",
    ):
        own(prompt=None, promt="x", n_examples="two")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": "quiz"}, r"own\.yaml: kind: 'quiz'; expected one of multiple_choice,"),
        (
            {"metric": "f1", "choices": [], "answer": ""},
            "metric: 'f1'; expected one of ",
        ),
        ({"name": "lambada"}, "with the name 'lambada' of another benchmark"),
        ({"answer_is": "positon"}, "answer_is: 'positon'; expected one of text, index, number, letter"),
        ({"choices": [True, False]}, "choices: True \\(bool\\); expected a text"),
        ({"n_examples": -1}, "n_examples: -1; expected at least 0"),
        ({"n_examples": True}, "n_examples: True \\(bool\\); expected"),
        ({"prompt": "{country"}, r"prompt: '{country' .*; double a brace of the text"),
        ({"max_new_tokens": 4}, "max_new_tokens is given, but multiple_choice does not use it"),
        ({"kind": "perplexity", "prompt": "", **TEXT}, "prompt is empty, and perplexity scores the prompt"),
        (
            {"kind": "perplexity", "n_examples": 2, **TEXT},
            "n_examples is given, but perplexity does not use",
        ),
        ({"files": ""}, "files is empty"),
    ]
    for fields, message in wrong:
        with pytest.raises(ValueError, match=message):
            own(**fields)


@pytest.mark.parametrize(
    ("cities", "message"),
    [
        (
            ["Paris", "Paris "],
            "expected different texts; change one of the equal choices",
        ),
        (["Paris", ""], "expected no empty choice; fill it or remove the record"),
        (["Paris", None], "expected no empty choice"),
        (["Paris"], "expected a list of at least two"),
        ('["Paris", "Lyon"]', "expected a list of at least two"),
    ],
)
def test_choices_that_cannot_be_told_apart_are_refused(own: Own, cities: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"capitals.jsonl, line 2: choices: .*; {message}"):
        own([ROWS[0], {**ROWS[0], "cities": cities}]).read()


def test_a_file_that_is_not_a_benchmark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("- a\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"own.yaml: list; expected fields such as name, files, kind, prompt"
    ):
        read_custom(tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("name: [\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"own.yaml:2: invalid YAML: ") as caught:
        read_custom(tmp_path / "own.yaml")
    assert "\n" not in str(caught.value)
    (tmp_path / "own.yaml").write_text("name: a\nprompt: b\nprompt: c\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"own.yaml:3: invalid YAML: prompt is given twice; remove one$"):
        read_custom(tmp_path / "own.yaml")
    with pytest.raises(FileNotFoundError):
        read_custom(tmp_path / "none.yaml")


@pytest.mark.parametrize("field", ["kind: []", "kind: {a: b}", "metric: [1]", "answer_is: {}"])
def test_a_field_of_an_unexpected_type_is_one_line(field: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        f"name: a\nfiles: b.jsonl\nkind: generate\nprompt: c\nanswer: d\n{field}\n".replace(
            "kind: generate\n" if field.startswith("kind") else "\0", ""
        )
    )
    with pytest.raises(ValueError, match=rf"^{path}: ") as raised:
        read_custom(path)
    assert "\n" not in str(raised.value)
