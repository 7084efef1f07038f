import dataclasses
from pathlib import Path

import pytest
import yaml

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from gpt_toolkit.data.supervised.prompt_templates import (
    TEMPLATES,
    PromptTemplate,
    prompt_template,
    spec_as_text,
)
from gpt_toolkit.storyworld.datasets import DATASETS
from tests.data.fakes import spec, tokenizer

N_TEXTS = {"similarity": 2, "graded": 2, "multiple_choice": 6, "text": 1}
PAIRS = {"snli", "mnli", "scitail", "qnli", "rte", "entailment"}


def n_texts(known: TaskSpec) -> int:
    if known.kind == "multiple_choice":
        return known.choices + 2
    return N_TEXTS.get(known.kind, 2 if known.name in PAIRS else 1)


def row(n: int, target: int | float | None = 1, **fields: object) -> Example:
    return Example(tuple(f"text{i}" for i in range(n)), target, 0, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "n", "example", "expected"),
    [
        (known_datasets()["sst2"].spec, 1, row(1, 1), "text0\nThis opinion is positive"),
        (known_datasets()["rte"].spec, 2, row(2, 0), "text0\nQuestion: text1 True or false?\nAnswer: true"),
        (
            known_datasets()["mrpc"].spec,
            2,
            row(2, 0),
            "First: text0\nSecond: text1\nDo both say the same? Yes or no: no",
        ),
        (
            known_datasets()["stsb"].spec,
            2,
            row(2, 3.8),
            "First: text0\nSecond: text1\nHow close are they in meaning, 0, 1, 2, 3, 4 or 5? 4",
        ),
        (
            known_datasets()["race"].spec,
            6,
            row(6, 2),
            "text0\nQuestion: text1\nA. text2\nB. text3\nC. text4\nD. text5\nAnswer: C",
        ),
        (known_datasets()["cnn_dm"].spec, 1, row(1, 0, references=("short", "other")), "text0\nTL;DR: short"),
        (spec("mine", labels=("not_so", "so")), 1, row(1, 0), "text0\nLabel (not so or so): not so"),
    ],
)
def test_a_row_is_put_into_words(known: TaskSpec, n: int, example: Example, expected: str) -> None:
    assert "".join(prompt_template(known, n).texts(example)) == expected


def test_the_first_field_ends_the_part_that_is_truncated() -> None:
    head, rest, answer = prompt_template(known_datasets()["qnli"].spec, 2).texts(row(2, 0))
    assert (head, answer) == ("text1", " yes")  # the sentence is truncated, the question is not
    assert rest == "\nQuestion: text0\nIs the question answered above? Yes or no:"


def test_a_line_without_content_is_left_out() -> None:
    story = dataclasses.replace(known_datasets()["race"].spec, name="mine", choices=2)
    head, rest, _ = prompt_template(story, 4).texts(Example(("A story.", "", "One.", "Two."), 0, 0))
    assert head + rest == "A story.\nA. One.\nB. Two.\nAnswer:"


def test_braces_in_a_text_are_text() -> None:
    example = Example(("{text} {0} }{",), 1, 0)
    assert prompt_template(known_datasets()["sst2"].spec, 1).texts(example)[0] == "{text} {0} }{"


def test_an_unknown_answer_is_empty_and_a_set_may_ask_in_its_own_words() -> None:
    assert prompt_template(known_datasets()["sst2"].spec, 1).texts(row(1, None))[2] == ""
    assert prompt_template(known_datasets()["sst2"].spec, 1).references(row(1, None)) == ()
    own = spec("mine", "text", labels=())
    example = row(1, 0, references=("yes", "indeed"))
    assert prompt_template(own, 1, "In {short}: ").texts(example) == ("text0", "\nIn {short}:", " yes")
    assert prompt_template(own, 1, " =").texts(example) == ("text0", " =", " yes")
    assert prompt_template(own, 1).references(example) == ("yes", "indeed")


def test_an_empty_prompt_is_an_empty_prompt() -> None:
    free = TaskSpec("free", "text", (), 1, ("rouge",), max_new_tokens=5)
    example = Example(("A text",), None, 0, references=("a word",))
    assert prompt_template(free, 1, "").texts(example) == ("A text", "", " a word")
    assert prompt_template(free, 1).texts(example) == ("A text", "\nAnswer:", " a word")


def test_a_template_is_taken_by_name_only_where_its_fields_are_there() -> None:
    assert prompt_template(spec("similarity", "classification"), 1).template.startswith("{text}")
    assert prompt_template(spec("sst2", "similarity"), 2).template.startswith("First: {a}")


@pytest.mark.parametrize("name", [*known_datasets(), *DATASETS])
def test_every_set_has_words_of_its_own(name: str) -> None:
    if name in known_datasets():
        known = known_datasets()[name].spec
    else:
        task = DATASETS[name]
        kind: Kind = "classification" if task.kind == "entailment" else task.kind
        labels = task.labels or (tuple("012345") if kind == "graded" else ())
        known = spec(name, kind, labels=labels, choices=4 if kind == "multiple_choice" else 1)
    prompt = prompt_template(known, n_texts(known))
    own = yaml.safe_load((TEMPLATES / "datasets.yaml").read_text())[name]
    assert prompt.template == own["prompt"]
    assert not prompt.template.endswith(" ")
    example = row(n_texts(known), 0, references=("the answer",))
    text = "".join(prompt.texts(example))
    asked = known.kind != "multiple_choice" or "{question}" in prompt.template  # stories have no question
    assert all(f"text{i}" in text for i in range(n_texts(known)) if asked or i != 1)
    assert text.endswith(prompt.references(example)[0])
    if name in known_datasets() and "words" in own:
        assert set(known.labels) <= set(own["words"])


def test_words_that_stand_for_two_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="labels of mine: a b, a b; expected different words"):
        prompt_template(spec("mine", labels=("a_b", "a b")), 1)


def test_a_set_as_text_keeps_its_metrics_and_has_words_for_labels() -> None:
    mnli = known_datasets()["mnli"].spec
    taken = spec_as_text(mnli, prompt_template(mnli, 2), tokenizer())
    assert taken == dataclasses.replace(
        mnli, kind="text", labels=("true", "neither", "false"), max_new_tokens=len(" neither") + 1
    )
    mrpc = known_datasets()["mrpc"].spec
    taken = spec_as_text(mrpc, prompt_template(mrpc, 2), tokenizer())
    assert (mrpc.positive, taken.positive, taken.f1_class) == ("equivalent", "yes", 1)
    race = known_datasets()["race"].spec
    taken = spec_as_text(race, prompt_template(race, 6), tokenizer())
    assert (taken.labels, taken.choices, taken.subsets) == (("A", "B", "C", "D"), 1, ("middle", "high"))
    assert taken.n_outputs == 0
    nq = known_datasets()["nq_open"].spec
    assert spec_as_text(nq, prompt_template(nq, 1), tokenizer()) == nq


def test_a_grade_is_its_nearest_level() -> None:
    levels = prompt_template(spec("g", "graded", labels=tuple("012345")), 2)
    assert [levels.label_index(grade) for grade in (0, 0.4, 0.5, 2.49, 4.6, 5)] == [0, 0, 1, 2, 5, 5]
    stars = prompt_template(spec("s", "graded", labels=("1", "2", "4")), 1)
    assert [stars.words[stars.label_index(grade)] for grade in (1, 1.6, 3.0, 4)] == ["1", "2", "4", "4"]


def test_another_template_or_other_words_make_another_view() -> None:
    keys = {
        PromptTemplate("s", "single", "{text}?", ("a", "b")).key,
        PromptTemplate("s", "single", "{text}!", ("a", "b")).key,
        PromptTemplate("s", "single", "{text}?", ("a", "c")).key,
    }
    assert len(keys) == 3


def test_templates_are_plain_files_in_the_package() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} == {"datasets.yaml", "defaults.yaml"}
    assert isinstance(TEMPLATES, Path)
