import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.data.supervised.infer_schema import Columns, infer_columns
from gpt_toolkit.records import open_records

Write = Callable[[str, str | bytes], Path]

WORDS = ["The sea was calm.", "A storm came.", "No one slept.", "It rained all day."]


def infer(path: Path, *, needs_label: bool = True, **options: Any) -> Columns:
    return infer_columns(options, open_records(path), needs_label=needs_label)


def csv_of(columns: Mapping[str, Sequence[object]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "".join(",".join(map(str, row)) + "\n" for row in [list(columns), *rows])


def table(names: str, **given: Sequence[object]) -> str:
    """Return a file of columns as CSV; columns that are not given have different texts."""
    texts = {name: [f"{name} {word}" for word in WORDS] for name in names.split(",")}
    labels = {"label": [0, 1, 0, 1], "target": [0, 1, 0, 1]}
    return csv_of(
        {name: given.get(name.strip(), labels.get(name.strip().lower(), texts[name])) for name in texts}
    )


@pytest.mark.parametrize(
    ("names", "texts", "label"),
    [
        ("text,label,label_text", ["text"], "label"),
        ("label_text,label,text", ["text"], "label"),
        ("text,date,label", ["text"], "label"),
        ("author,text,label", ["text"], "label"),
        ("note,Text ,LABEL", ["Text"], "LABEL"),
        ("id,sentence,label,source", ["sentence"], "label"),
        ("title,content,label", ["content"], "label"),
        ("review,stars,label", ["review"], "label"),
        ("hypothesis,premise,label", ["premise", "hypothesis"], "label"),
        ("idx,sentence1,sentence2,label", ["sentence1", "sentence2"], "label"),
        ("Sentence 1,Sentence 2,label", ["Sentence 1", "Sentence 2"], "label"),
        ("question1,question2,id,label", ["question1", "question2"], "label"),
        ("question,sentence,label", ["question", "sentence"], "label"),
        ("question,label", ["question"], "label"),
        ("headline,label", ["headline"], "label"),
        ("one,two,label", ["one", "two"], "label"),
    ],
)
def test_known_names_decide_what_columns_hold(write: Write, names: str, texts: list[str], label: str) -> None:
    columns = infer(write("a.csv", table(names)))
    assert (columns.kind, list(columns.schema.texts), columns.schema.label) == (
        "classification",
        texts,
        label,
    )
    assert f"the label is column {label!r}" in columns.inferred


@pytest.mark.parametrize("value", ["100", "nan", "None", "2020-01-01", "0.5", ""])
def test_the_first_value_does_not_decide(write: Write, value: str) -> None:
    path = write("a.csv", table("words,remark,label", words=[value, *WORDS[1:]], remark=["seen"] * 4))
    assert infer(path).schema.texts == ("words",)


@pytest.mark.parametrize(
    "values",
    [
        ["2020-01-01", "2020-01-02", "01/02/2020", "2020-01-01 10:00"],
        ["0.5", "1e-3", "12%", "-7"],
        ["tt0123", "tt0456", "user_9", "4f-7a"],
        ["http://a.b/c", "https://d.e", "x@y.org", "http://f"],
        ["kim", "kim", "kim", "kim"],
        ["", "", "", ""],
    ],
)
def test_numbers_dates_codes_addresses_and_constants_are_no_texts(write: Write, values: list[str]) -> None:
    assert infer(write("a.csv", table("words,other,label", other=values))).schema.texts == ("words",)


def test_what_is_not_used_is_said(write: Write) -> None:
    columns = infer(write("a.csv", table("id,text,note,label_text,label")))
    assert columns.inferred == (
        "the label is column 'label'; the text is column 'text'; not used: 'note', 'label_text'"
    )


@pytest.mark.parametrize("names", ["text,Text,label", "text,label,LABEL "])
def test_two_columns_of_one_name_but_for_case_are_refused(write: Write, names: str) -> None:
    with pytest.raises(ValueError, match=r"a\.csv: columns .* have one name but for case and spaces"):
        infer(write("a.csv", table(names)))
    assert infer(write("a.csv", table("text,Text,label")), text="Text").schema.texts == ("Text",)


def test_input_and_target_are_free_text_unless_options_say_otherwise(write: Write) -> None:
    path = write("a.csv", table("Input,target"))
    columns = infer(path)
    assert (columns.kind, columns.schema.input, columns.schema.target) == ("text", "Input", "target")
    assert columns.inferred == "the input is column 'Input'; the target is column 'target'"
    assert infer(path, kind="classification").kind == "classification"
    assert infer(path, labels=["0", "1"]).kind == "classification"


@pytest.mark.parametrize(
    ("record", "document", "question", "answers", "label"),
    [
        ({"question": "Who?", "choices": ["a", "b"], "answer": 0}, (), "question", "choices", "answer"),
        (
            {"question": "Who?", "A": "x", "B": "y", "C": "z", "D": "w", "answer": "D"},
            *((), "question", ("A", "B", "C", "D"), "answer"),
        ),
        (
            {"context": "He ran.", "ending0": "a", "ending1": "b", "label": 1, "query": "Then?"},
            *(("context",), "query", ("ending0", "ending1"), "label"),
        ),
        (
            {"question": "Who?", "Option 2": "b", "Option 1": "a", "Answer Key": 2, "passage": "P."},
            *(("passage",), "question", ("Option 1", "Option 2"), "Answer Key"),
        ),
    ],
)
def test_questions_with_answers_are_multiple_choice_with_or_without_a_document(
    write: Write, record: dict[str, Any], document: object, question: str, answers: object, label: str
) -> None:
    columns = infer(write("a.jsonl", json.dumps(record) + "\n"))
    schema = columns.schema
    assert columns.kind == "multiple_choice"
    assert (schema.document, schema.question, schema.answers, schema.label) == (
        document,
        question,
        answers,
        label,
    )


def test_a_question_alone_or_a_document_alone_is_enough(write: Write) -> None:
    path = write("a.csv", table("q,x,y,label"))
    assert infer(path, question="q", answers=["x", "y"]).schema.document == ()
    assert infer(path, document="q", answers=["x", "y"]).schema.question == ""
    with pytest.raises(ValueError, match=r"a\.csv: no document or question for kind multiple_choice;"):
        infer(path, answers=["x", "y"])


def test_labels_may_be_absent_where_they_are_not_needed(write: Write) -> None:
    path = write("a.csv", "text\nA storm.\n")
    columns = infer(path, needs_label=False)
    assert (columns.schema.texts, columns.schema.label) == (("text",), "")
    assert columns.inferred == "no column holds labels; the text is column 'text'"
    with pytest.raises(ValueError, match=r"a\.csv: columns text; expected one named label, labels,"):
        infer(path)


def test_a_column_of_json_that_the_first_object_lacks_is_known(write: Write) -> None:
    path = write("a.jsonl", '{"text": "A."}\n{"text": "B.", "label": 1}\n')
    assert infer(path).schema.label == "label"


@pytest.mark.parametrize(("option", "name"), [(False, "no"), (True, "On"), (2020, "2020"), ("TEXT", " text")])
def test_a_name_that_yaml_changes_or_that_differs_in_case_is_found(
    write: Write, option: object, name: str
) -> None:
    path = write("a.csv", table(f"{name},label"))
    assert infer(path, text=option).schema.texts == (name.strip(),)
