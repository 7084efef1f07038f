import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised import Example, SupervisedDataset, open_dataset
from gpt_toolkit.data.supervised.task_dataset import open_task_datasets
from gpt_toolkit.tokenizers.byte_tokenizer import ByteTokenizer

Write = Callable[[str, str | bytes], Path]

REVIEWS = [(f"Film {i} was {'good' if i % 3 else 'bad'}.", "pos" if i % 3 else "neg") for i in range(200)]


def reviews(delimiter: str = ",", header: str = "review,label\n") -> str:
    rows = [f"{text},{label}\n" for text, label in REVIEWS]
    return "".join([header, *rows]).replace(",", delimiter)


def rows_of(opened: SupervisedDataset, split: str = "train") -> list[tuple[tuple[str, ...], Any]]:
    return [(row.texts, row.target) for row in opened.examples(split)]


def all_rows(opened: SupervisedDataset) -> list[tuple[tuple[str, ...], Any]]:
    return sorted(rows_of(opened) + rows_of(opened, "val"))


EXPECTED = sorted(((text,), int(label == "pos")) for text, label in REVIEWS)


@pytest.mark.parametrize(
    "name", ["films.csv", "films.csv.gz", "films.tsv", "films.jsonl", "films.json", "films.parquet"]
)
def test_a_file_by_itself_is_a_set(write: Write, tmp_path: Path, name: str) -> None:
    records = [{"id": i, "review": text, "label": label} for i, (text, label) in enumerate(REVIEWS)]
    contents: dict[str, str | bytes] = {
        "films.csv": reviews(),
        "films.csv.gz": gzip.compress(reviews(";").encode()),
        "films.tsv": reviews("\t"),
        "films.jsonl": "".join(json.dumps(record) + "\n" for record in records),
        "films.json": json.dumps(records),
        "films.parquet": "",
    }
    path = write(name, contents[name])
    if not contents[name]:
        pq.write_table(pa.Table.from_pylist(records), path)
    opened = open_dataset(str(path))
    assert opened.spec == TaskSpec("films", "classification", ("neg", "pos"), 1, ("accuracy",))
    assert opened.splits == ("train", "val")
    assert all_rows(opened) == EXPECTED
    assert opened.title == f"films ({path})"
    assert opened.notes("train")[1:] == [
        "films: inferred: the label is column 'label'; the text is column 'review'",
        "films: labels found, in this order: neg, pos",
    ]
    assert opened.notes("train")[0].endswith(
        "of 200 examples; a tenth of the training file is for validation, chosen by content"
    )


def test_columns_and_labels_are_as_told(write: Write, tmp_path: Path) -> None:
    write("train.csv", "id,stars,body,title\n1,2,Fine.,A\n2,1,Poor.,B\n")
    write("dev.csv", "id,stars,body,title\n1,bad,Poor.,A\n")
    write("test.csv", "id,body\n1,Unknown.\n")
    opened = open_dataset(
        {
            "name": "my films",
            **{"train": ["train.csv"], "val": "dev.csv", "test": "test.csv"},
            **{"text": "body", "label": "stars", "labels": ["bad", 1, 2], "metric": ["f1", "accuracy"]},
        },
        tmp_path,
    )
    assert opened.spec == TaskSpec("my_films", "classification", ("bad", "1", "2"), 1, ("f1", "accuracy"))
    assert rows_of(opened) == [(("Fine.",), 2), (("Poor.",), 1)]
    assert rows_of(opened, "val") == [(("Poor.",), 0)]
    assert rows_of(opened, "test") == [(("Unknown.",), None)]
    assert opened.notes("train") == []


def test_a_file_without_a_header_has_numbered_columns(write: Write) -> None:
    path = write("a.csv", "7,Good.,1\n8,Bad.,0\n")
    opened = open_dataset({"val": str(path), "header": False, "text": 2, "label": 3})
    assert rows_of(opened, "val") == [(("Good.",), 1), (("Bad.",), 0)]
    assert opened.spec.labels == ("0", "1")


def test_a_delimiter_may_be_told(write: Write) -> None:
    path = write("a.csv", "text|label\nOne, two; three.|1\n'Four.|0\n")
    opened = open_dataset({"val": str(path), "delimiter": "|"})
    assert rows_of(opened, "val") == [(("One, two; three.",), 1), (("'Four.",), 0)]


@pytest.mark.parametrize(
    ("options", "kind", "labels", "metrics"),
    [
        ({}, "classification", ("0", "1", "10"), ("accuracy",)),
        ({"kind": "similarity"}, "similarity", ("0", "1", "10"), ("accuracy",)),
        ({"kind": "graded"}, "graded", tuple(str(i) for i in range(11)), ("pearson", "spearman")),
        ({"kind": "graded", "labels": [0, 5, 10]}, "graded", ("0", "5", "10"), ("pearson", "spearman")),
    ],
)
def test_two_texts_are_a_pair_of_the_kind_told(
    write: Write, options: Mapping[str, object], kind: str, labels: tuple[str, ...], metrics: tuple[str, ...]
) -> None:
    path = write("a.tsv", "idx\tone\ttwo\tscore\n0\tA.\tB.\t10\n1\tC.\tD.\t1\n2\tE.\tF.\t0\n")
    opened = open_dataset({"val": str(path), **options})
    assert (opened.spec.kind, opened.spec.labels, opened.spec.metrics) == (kind, labels, metrics)
    assert [texts for texts, _ in rows_of(opened, "val")] == [("A.", "B."), ("C.", "D."), ("E.", "F.")]


def test_two_texts_with_fractions_for_labels_are_graded(write: Write) -> None:
    opened = open_dataset({"val": str(write("a.tsv", "one\ttwo\tscore\nA.\tB.\t4.5\nC.\tD.\t0\n"))})
    assert (opened.spec.kind, opened.spec.labels) == ("graded", ("0", "1", "2", "3", "4", "5"))
    assert rows_of(opened, "val") == [(("A.", "B."), 4.5), (("C.", "D."), 0.0)]
    assert opened.notes("val")[-1] == "a: graded from 0 to 5, the range found"


def test_one_text_with_fractions_for_labels_is_graded(write: Write) -> None:
    opened = open_dataset({"val": str(write("a.csv", "text,score\nA.,-0.5\nB.,2\nC.,1.25\n"))})
    assert (opened.spec.kind, opened.spec.labels) == ("graded", ("-1", "0", "1", "2"))
    assert opened.spec.levels == (-1.0, 0.0, 1.0, 2.0)
    assert rows_of(opened, "val") == [(("A.",), -0.5), (("B.",), 2.0), (("C.",), 1.25)]


@pytest.mark.parametrize(
    ("answers", "labels", "targets", "names"),
    [
        (["x", "y"], [0, 1], [0, 1], ("0", "1")),
        (["x", "y"], [1, 2], [0, 1], ("1", "2")),
        ("all", ["B", "A"], [1, 0], ("A", "B")),
        ("all", ["b", "a"], [1, 0], ("a", "b")),
    ],
)
def test_answers_are_columns_or_a_list(
    write: Write, answers: object, labels: list[object], targets: list[int], names: tuple[str, ...]
) -> None:
    given = {"x": "Yes.", "y": "No.", "all": ["Yes.", "No."], "story": "He slept.", "asked": "Did he?"}
    text = "".join(json.dumps({**given, "label": label}) + "\n" for label in labels)
    opened = open_dataset(
        {"val": str(write("a.jsonl", text)), "document": "story", "question": "asked", "answers": answers}
    )
    assert (opened.spec.kind, opened.spec.choices, opened.spec.labels) == ("multiple_choice", 2, names)
    texts = ("He slept.", "Did he?", "Yes.", "No.")
    assert rows_of(opened, "val") == [(texts, target) for target in targets]


def test_an_answer_may_be_text(write: Write) -> None:
    text = '{"body": "Long.", "short": "S."}\n{"body": "Longer.", "short": ["L.", "M."]}\n'
    opened = open_dataset(
        {
            "val": str(write("a.jsonl", text)),
            "kind": "text",
            "input": "body",
            "target": "short",
            "prompt": "TL;DR:",
        }
    )
    assert opened.spec == TaskSpec("a", "text", (), 1, ("rouge",), max_new_tokens=100)
    assert list(opened.examples("val")) == [
        Example(("Long.",), 0, 0, references=("S.",)),
        Example(("Longer.",), 0, 1, references=("L.", "M.")),
    ]
    assert opened.prompt == "TL;DR:"


def test_two_files_of_lines_are_input_and_target(write: Write, tmp_path: Path) -> None:
    write("a.en", "One.\nTwo.\n")
    write("a.de", "Eins.\nZwei.\n")
    entry = {"name": "numbers", "val": {"input": "a.en", "target": "a.de"}, "metric": "bleu"}
    opened = open_dataset(entry, tmp_path)
    assert opened.spec.metrics == ("bleu",)
    assert [(row.texts, row.references) for row in opened.examples("val")] == [
        (("One.",), ("Eins.",)),
        (("Two.",), ("Zwei.",)),
    ]


def test_a_set_is_named_after_its_file_or_the_folder_of_a_train_file(write: Write) -> None:
    names = ["films/train.csv", "films/validation.tsv", "x/my.films.csv", "x/train_films.csv"]
    opened = [
        open_dataset(str(write(name, reviews("\t" if name.endswith(".tsv") else ",")))) for name in names
    ]
    assert [one.spec.name for one in opened] == ["films", "films", "my_films", "train_films"]


def test_identity_follows_content_columns_and_labels(write: Write) -> None:
    path = str(write("a.csv", "id,text,other,label\n1,A.,B.,x\n2,C.,D.,y\n"))
    entries: list[dict[str, object]] = [
        {"val": path, "text": "text"},
        {"val": path, "text": "other"},
        {"val": path, "text": "text", "labels": ["y", "x"]},
    ]
    identities = [open_dataset(entry).identity("val") for entry in entries]
    assert len(set(identities)) == 3
    copy = str(write("b/a.csv", Path(path).read_bytes()))
    assert open_dataset({"val": copy, "text": "text"}).identity("val") == identities[0]


@pytest.mark.parametrize(
    ("options", "content", "message"),
    [
        ({"txt": "a"}, "text,label\nA.,1\n", r"custom dataset: option 'txt' \(did you mean text\?\)"),
        (
            {"kind": "entailment"},
            "text,label\nA.,1\n",
            "kind: 'entailment'; expected one of classification, similarity,",
        ),
        (
            {"text": "body"},
            "text,label\nA.,1\n",
            r"a\.csv: text: no column 'body'; expected one of text, label",
        ),
        (
            {},
            "A film.,1\nB.,0\n",
            r"a\.csv: columns A film\., 1; expected one named label, labels,",
        ),
        ({"header": False, "text": 4, "label": 2}, "A.,1\n", r"no column '4'.*columns .* numbered from 1"),
        (
            {"header": False, "text": 1, "label": 2},
            "text,label\nA.,x\nB.,y\nC.,x\n",
            r"a\.csv, line 1: label 'label' of no other example, with header:",
        ),
        ({}, "a,b,c,label\nA.,B.,C.,1\n", r"3 columns look like texts \(a, b, c\).*text: NAME"),
        ({}, "a,label\n1,1\n", r"0 columns look like texts \(none\)"),
        ({"text_a": "a"}, "a,label\nA.,1\n", r"a\.csv: text_a without text_b; expected both"),
        ({"kind": "similarity"}, "a,label\nA.,1\n", r"a\.csv: text a; expected two for kind similarity"),
        (
            {"kind": "graded"},
            "a,b,label\nA.,B.,x\nA.,B.,y\n",
            r"a \(.*a\.csv\): graded labels x, y; expected numbers",
        ),
        ({"kind": "text", "input": "a"}, "a,b\nA.,B.\n", r"a\.csv: no target for kind text; expected each"),
        (
            {"kind": "multiple_choice"},
            "a,b,label\nA.,B.,1\n",
            r"a\.csv: no document or question for kind multiple_choice;",
        ),
        ({"document": "a", "answers": "b"}, "a,b,label\nA.,B.,1\n", r"a\.csv: column 'b' without lists"),
        (
            {"metric": "bleu"},
            "text,label\nA.,1\nB.,0\n",
            r"a \(.*a\.csv\): metric 'bleu' for kind classification; expected",
        ),
        (
            {"prompt": "TL;DR:"},
            "text,label\nA.,1\nB.,0\n",
            r"a \(.*a\.csv\): prompt for kind classification; expected kind",
        ),
        ({"labels": "x"}, "text,label\nA.,1\n", "labels: 'x'; expected a list of labels"),
        ({"labels": [1, "1"]}, "text,label\nA.,1\n", r"a \(.*a\.csv\): labels: 1, 1; expected each once"),
        ({"delimiter": "::"}, "text,label\nA.,1\n", "delimiter: '::'; expected one character"),
        ({}, "text,label\nA.,1\nB.,1\n", r"a \(.*a\.csv\): one label '1' for all examples; expected at"),
        (
            {"kind": "classification"},
            "text,label\nA.,1\nB.,0.5\n",
            r"labels such as '0\.5' for kind classification; expected classes; .*kind: graded",
        ),
        ({}, "text,label\nA.,1\nB.,\n", r"a\.csv, line 3: no label"),
        ({}, "text,label\n,1\nB.,0\n", r"a\.csv, line 2: the text is empty"),
        (
            {"labels": ["x", "y"]},
            "text,label\nA.,x\nB.,z\n",
            r"a\.csv, line 3: label 'z'; expected x, y",
        ),
        ({}, "text,label\n", r"a\.csv: a header alone; expected examples"),
        ({}, "text,label\nA.,B.,1\n", r"a\.csv, line 2: 3 fields, beginning with 'A\.,B\.,1'; expected"),
    ],
)
def test_what_is_wrong_is_refused(
    write: Write, options: Mapping[str, object], content: str, message: str
) -> None:
    path = write("a.csv", content)
    with pytest.raises(ValueError, match=message):
        list(open_dataset({"val": str(path), **options}).examples("val"))


def test_a_label_column_of_texts_is_refused(write: Write) -> None:
    rows = "".join(f"Text {i}.,Another {i}.\n" for i in range(1_100))
    with pytest.raises(ValueError, match=r"a \(.*a\.csv\): more than 1,000 different labels, such as"):
        _ = open_dataset(str(write("a.csv", f"text,label\n{rows}"))).spec


def test_an_answer_that_is_empty_is_refused(write: Write) -> None:
    path = write("a.csv", "d,x,y,label\nHe slept.,Yes.,,0\n")
    opened = open_dataset({"val": str(path), "document": "d", "answers": ["x", "y"]})
    with pytest.raises(ValueError, match=r"a\.csv, line 2: answer 2 is empty; expected text"):
        rows_of(opened, "val")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "x"}, "custom dataset: no files; expected train, val or test"),
        ({"train": "a.csv", "files": "a.csv"}, "train, files: both given; expected one of them, because"),
        ({"train": "a.xlsx"}, r"train: unknown format of .*a\.xlsx; expected"),
        ({"train": []}, r"train: \[\]; expected a path or a list of paths"),
        ({"train": {"input": "a.csv"}}, "train: keys input; expected input and target for a pair of files"),
        (
            {"train": {"input": "a.csv", "target": "a.csv"}, "val": "a.csv"},
            "train, val, test: pairs of input and target for some; expected",
        ),
        ({"train": {"input": "a.csv", "target": "a.csv"}, "kind": "graded"}, "kind: graded; expected text"),
        ({"train": ["a.csv", "b.jsonl"]}, r"train: several formats \(.*; expected files of one format"),
    ],
)
def test_files_that_make_no_set_are_refused(
    write: Write, tmp_path: Path, entry: Mapping[str, object], message: str
) -> None:
    for name in ("a.csv", "a.xlsx"):
        write(name, "text,label\nA.,1\n")
    write("b.jsonl", '{"text": "A.", "label": 1}\n')
    with pytest.raises(ValueError, match=message):
        _ = open_dataset(entry, tmp_path).spec


TRAIN = "text,label\nA.,x\nB.,y\n"


@pytest.mark.parametrize("header", ["text,Label", " TEXT,label ", "Text,LABEL"])
def test_columns_of_other_splits_are_matched_without_case_and_spaces(
    write: Write, tmp_path: Path, header: str
) -> None:
    write("train.csv", TRAIN)
    for name in ("val.csv", "test.csv"):
        write(name, f"{header}\nC.,y\nD.,x\n")
    opened = open_dataset({"train": "train.csv", "val": "val.csv", "test": "test.csv"}, tmp_path)
    for split in ("val", "test"):
        assert rows_of(opened, split) == [(("C.",), 1), (("D.",), 0)]


@pytest.mark.parametrize(
    ("split", "content", "message"),
    [
        (
            "test",
            "text,labl\nC.,x\n",
            r"test\.csv: column 'labl'; expected 'label', as in .*train\.csv",
        ),
        ("test", "text,target\nC.,z\n", r"test\.csv: column 'target'; expected 'label', as in .*train\.csv"),
        ("test", "text,verdict\nC.,x\nD.,\n", r"test\.csv: column 'verdict'; expected 'label', as in"),
        (
            "test",
            "words,label\nC.,x\n",
            r"test\.csv: columns words, label; expected 'text', as in",
        ),
        (
            "val",
            "text\nC.\n",
            r"val\.csv: columns text; expected 'label', as in .*train\.csv",
        ),
        (
            "test",
            "text,Label,LABEL\nC.,x,y\n",
            r"test\.csv: columns 'Label' and 'LABEL'; expected one 'label'",
        ),
    ],
)
def test_a_column_that_is_missing_or_misspelled_is_named_with_the_expected_one(
    write: Write, tmp_path: Path, split: str, content: str, message: str
) -> None:
    write("train.csv", TRAIN)
    write(f"{split}.csv", content)
    with pytest.raises(ValueError, match=message):
        open_dataset({"train": "train.csv", split: f"{split}.csv"}, tmp_path)


@pytest.mark.parametrize("columns", ["text", "text,note", "id,text,length"])
def test_a_test_file_may_lack_labels_and_have_other_columns(
    write: Write, tmp_path: Path, columns: str
) -> None:
    write("train.csv", TRAIN)
    write("test.csv", f"{columns}\n{','.join('C' for _ in columns.split(','))}\n")
    opened = open_dataset({"train": "train.csv", "test": "test.csv"}, tmp_path)
    assert rows_of(opened, "test") == [(("C",), None)]


@pytest.mark.parametrize(
    "name", ["Q: final.csv", "storyworld: notes.csv", "[1] {a} #2.csv", "日本 é.csv", "rte.csv", "items.csv"]
)
def test_a_file_may_have_any_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(name, reviews())
    assert all_rows(open_dataset(name)) == EXPECTED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"question": "text"},
            r"a \(.*a\.csv\): question for kind classification; expected kind",
        ),
        (
            {"prompt": "Q:"},
            r"a \(.*a\.csv\): prompt for kind classification; expected kind",
        ),
        (
            {"kind": "text", "input": "text", "target": "label", "labels": ["x", "y"]},
            r"a \(.*a\.csv\): labels for kind text; expected kind",
        ),
        ({"header": "no"}, r"header: 'no'; expected true or false"),
    ],
)
def test_an_option_of_another_kind_is_refused(
    write: Write, options: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        open_dataset({"val": str(write("a.csv", TRAIN)), **options})


def test_questions_without_a_document_are_divided_by_question(write: Write) -> None:
    rows = [f"Which is {i // 2}?,{i},{i + 1},{'AB'[i % 3 == 0]}\n" for i in range(200)]
    opened = open_dataset(str(write("quiz.csv", "".join(["question,A,B,answer\n", *rows]))))
    train, val = ({texts[1] for texts, _ in rows_of(opened, split)} for split in ("train", "val"))
    assert 2 <= len(val) <= 20
    assert len(train) + len(val) == 100
    assert not train & val


@pytest.mark.parametrize(("n_ctx", "expected"), [(256, 100), (64, 32)])
def test_generated_answers_fit_the_context(write: Write, n_ctx: int, expected: int) -> None:
    path = write("pairs.csv", "input,target\n" + "".join(f"how {i}?,so {i}.\n" for i in range(30)))
    [one] = open_task_datasets([str(path)], None, ByteTokenizer(), n_ctx, as_text=False)
    assert one.spec.max_new_tokens == expected
    notes = [note for note in one.dataset.notes("train") if "generated answers" in note]
    assert notes == (
        [] if expected == 100 else ["pairs: generated answers have at most 32 tokens, half of n_ctx"]
    )
