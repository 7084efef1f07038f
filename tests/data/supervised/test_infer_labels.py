import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit.data.supervised import SupervisedDataset, open_dataset

Write = Callable[[str, str | bytes], Path]


def labeled(*labels: object) -> str:
    return "text,label\n" + "".join(f"Text {i}.,{label}\n" for i, label in enumerate(labels))


def labels_of(opened: SupervisedDataset, split: str = "val") -> list[str]:
    return [opened.spec.labels[int(example.target or 0)] for example in opened.examples(split)]


@pytest.mark.parametrize(
    ("spelled", "labels"),
    [
        (["1", "1.0", "0", "0.0", "+1", "-0.0", "1.", "1.000000e+00"], list("11001011")),
        (["True", "false", "TRUE", "False"], ["true", "false", "true", "false"]),
        (["-1", "0", "1"], ["-1", "0", "1"]),
        (["01", "1"], ["01", "1"]),
        (["None", "some", "nan"], ["None", "some", "nan"]),
        (["NA", "EU"], ["NA", "EU"]),
        (["v1.0", "v1"], ["v1.0", "v1"]),
    ],
)
def test_a_label_means_the_same_however_it_is_spelled(
    write: Write, spelled: list[str], labels: list[str]
) -> None:
    path = write("a.csv", labeled(*spelled))
    assert labels_of(open_dataset({"val": str(path)})) == labels


@pytest.mark.parametrize(
    "values", [[True, False, True], [1, 0, 1], [1.0, 0.0, 1.0], ["x", "y", "x"], [" 1 ", "0", "1"]]
)
def test_every_format_has_the_same_labels(write: Write, tmp_path: Path, values: list[object]) -> None:
    rows = [{"text": f"Text {i}.", "label": value} for i, value in enumerate(values)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write("a.json", json.dumps(rows))
    write(
        "b.json",
        json.dumps(
            {"text": {"0": "Text 0.", "1": "Text 1.", "2": "Text 2."}, "label": dict(enumerate(values))}
        ),
    )
    write("a.csv", labeled(*values))
    found = [
        labels_of(open_dataset({"name": "x", "train": str(tmp_path / "a.csv"), "val": str(tmp_path / name)}))
        for name in ("a.csv", "a.parquet", "a.jsonl", "a.json", "b.json")
    ]
    assert found[1:] == found[:-1]
    assert len(set(found[0])) == 2


@pytest.mark.parametrize("word", ["nan", "None", "NULL", "N/A", "?"])
def test_a_word_for_a_missing_value_among_numbers_is_named_with_its_line(write: Write, word: str) -> None:
    path = str(write("a.csv", labeled("0", "1", word, "1")))
    with pytest.raises(
        ValueError, match=rf"a\.csv, line 4: label '{word.replace('?', '.')}'; expected a number"
    ):
        open_dataset({"val": path})
    opened = open_dataset({"val": path, "labels": ["0", "1", word]})
    assert labels_of(opened) == ["0", "1", word, "1"]


@pytest.mark.parametrize("missing", ["", None, float("nan")])
def test_missing_is_not_a_label(write: Write, tmp_path: Path, missing: object) -> None:
    rows = [{"text": "A.", "label": 1.0}, {"text": "B.", "label": missing if missing != "" else None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write(
        "a.jsonl",
        '{"text": "A.", "label": 1}\n{"text": "B.", "label": ' + json.dumps(missing or None) + "}\n",
    )
    write("a.csv", labeled(1, ""))
    for name, place in (("a.parquet", "record 2"), ("a.jsonl", "line 2"), ("a.csv", "line 3")):
        with pytest.raises(ValueError, match=f"{name}, {place}: no label"):
            open_dataset({"val": str(tmp_path / name)})
        opened = open_dataset({"test": str(tmp_path / name), "labels": [0, 1]})
        assert [example.target for example in opened.examples("test")] == [1, None]


def test_a_list_is_not_a_label(write: Write) -> None:
    path = write("a.jsonl", '{"text": "A.", "label": ["x"]}\n')
    with pytest.raises(ValueError, match=r"a\.jsonl, line 1: label 'label' is list .*; expected text"):
        open_dataset({"val": str(path)})


@pytest.mark.parametrize("words", [("no", "yes"), ("off", "on"), ("No", "Yes"), ("FALSE", "TRUE")])
def test_what_yaml_reads_as_booleans_are_the_files_words(write: Write, words: tuple[str, str]) -> None:
    path = str(write("a.csv", labeled(*words, words[0])))
    names = [word.lower() if word in ("FALSE", "TRUE") else word for word in words]
    opened = open_dataset({"val": path, "labels": [False, True]})
    assert list(opened.spec.labels) == names
    assert labels_of(opened) == [names[0], names[1], names[0]]


def test_a_boolean_that_is_no_label_of_the_file_is_explained(write: Write) -> None:
    path = str(write("a.csv", labeled("good", "bad")))
    with pytest.raises(
        ValueError, match=r"labels: false, as YAML reads yes, no, on and off.*\['no', 'yes'\]"
    ):
        open_dataset({"val": path, "labels": [False, True]})
    with pytest.raises(ValueError, match=r"labels: None; expected a name; put it in quotes"):
        open_dataset({"val": path, "labels": [None, "good"]})


def test_labels_that_differ_only_in_case_are_refused_unless_given(write: Write) -> None:
    path = str(write("a.csv", labeled("Good", "bad", "good")))
    with pytest.raises(ValueError, match=r"a\.csv, line 4: label 'good' differs from 'Good' only in case"):
        open_dataset({"val": path})
    assert labels_of(open_dataset({"val": path, "labels": ["Good", "good", "bad"]})) == [
        "Good",
        "bad",
        "good",
    ]


def test_decimal_commas_are_refused(write: Write) -> None:
    path = str(write("a.csv", "text;score\nA.;4,5\nB.;3\nC.;2,5\n"))
    with pytest.raises(ValueError, match=r"a\.csv, line 2: label '4,5' has a decimal comma"):
        open_dataset({"val": path})


@pytest.mark.parametrize("second", ["kind", "hypothesis"])
def test_a_second_text_that_tells_the_label_is_refused_unless_named(write: Write, second: str) -> None:
    first = "premise" if second == "hypothesis" else "words"
    rows = "".join(
        f"Long text number {i}.,it is {'good' if i % 2 else 'bad'} work,{i % 2}\n" for i in range(12)
    )
    path = str(write("a.csv", f"{first},{second},label\n{rows}"))
    with pytest.raises(
        ValueError,
        match=rf"column '{second}' determines the label: each of its 2 values has one.*text: {first}",
    ):
        open_dataset({"val": path})
    assert len(next(open_dataset({"val": path, "text": first}).examples("val")).texts) == 1
    pair = {"text_a": first, "text_b": second}
    assert len(next(open_dataset({"val": path, **pair}).examples("val")).texts) == 2


def test_a_second_text_that_recurs_under_both_labels_is_a_text(write: Write) -> None:
    rows = "".join(f"Long text number {i}.,question {i % 3} here,{i % 2}\n" for i in range(12))
    opened = open_dataset({"val": str(write("a.csv", f"words,asked,label\n{rows}"))})
    assert next(opened.examples("val")).texts == ("Long text number 0.", "question 0 here")


@pytest.mark.parametrize(
    ("answers", "names"),
    [
        (["A", "D", "B"], "ABCD"),
        (["a", "d"], "abcd"),
        ([0, 3, 1], "0123"),
        ([1, 4, 2], "1234"),
        (["1.0", "4.0"], "1234"),
    ],
)
def test_right_answers_come_back_as_they_are_spelled(write: Write, answers: list[object], names: str) -> None:
    rows = [f"Which {i}?,w,x,y,z,{answer}\n" for i, answer in enumerate(answers)]
    opened = open_dataset({"val": str(write("a.csv", "".join(["question,A,B,C,D,answer\n", *rows])))})
    assert opened.spec.labels == tuple(names)
    assert labels_of(opened) == [str(answer).removesuffix(".0") for answer in answers]
    assert next(opened.examples("val")).texts == ("", "Which 0?", "w", "x", "y", "z")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [1, 2, 3],
            r"right answers 1, 2, 3 of 4 may be counted from 0 or from 1; .*labels: \[0, 1, 2, 3\] or",
        ),
        ([0, 4], r"line 3: right answer '4'; expected 0 to 3, 1 to 4, or A to D"),
        (["A", "x"], r"line 3: right answer 'x'; expected 0 to 3, 1 to 4, or A to D"),
    ],
)
def test_right_answers_that_are_not_clear_are_refused(
    write: Write, answers: list[object], message: str
) -> None:
    rows = [f"Which {i}?,w,x,y,z,{answer}\n" for i, answer in enumerate(answers)]
    with pytest.raises(ValueError, match=message):
        open_dataset({"val": str(write("a.csv", "".join(["question,A,B,C,D,answer\n", *rows])))})
