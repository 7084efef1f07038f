"""``gpt-toolkit predict MODEL FILE``: the rows that it writes, and its errors."""

import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.inference.classifier import Classifier
from tests.commands import Tell, assert_refused
from tests.data.fakes import spec
from tests.generation.test_surprisal import random_model
from tests.small_classifier import classifier

TEXTS = ["cold rain", "a dry well", "é, so it is"]

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def mood(place: Path) -> Classifier:
    """Write the folder of a classifier with one head."""
    model = classifier()
    model.save("mood")
    return model


@pytest.fixture
def several(place: Path) -> Classifier:
    """Write the folder of a classifier with several heads."""
    datasets = [
        TrainedDataset(spec("nli", labels=("a", "b")), columns={"text_a": "one", "text_b": "two"}),
        TrainedDataset(spec("same", "similarity")),
        TrainedDataset(spec("quiz", "multiple_choice", labels=(), choices=2)),
    ]
    model = classifier("pre", datasets)
    model.save("several")
    return model


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_files_of_every_format_give_the_same_lines(mood: Classifier, tell: Tell, monkeypatch: Any) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [["id", "text"], *([str(i), text] for i, text in enumerate(TEXTS))]
    for name, delimiter in (("x.csv", ","), ("x.tsv", "\t")):
        with Path(name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
    Path("x.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    Path("x.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    Path("x.txt.gz").write_bytes(gzip.compress("\r\n".join(TEXTS).encode()))
    pq.write_table(pa.table({"text": TEXTS}), "x.parquet")
    outputs = [
        tell("predict", "mood", f"x.{end}") for end in ("csv", "tsv", "jsonl", "txt", "txt.gz", "parquet")
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(TEXTS)))
    outputs.append(tell("predict", "mood", "-"))
    outputs.append(tell("predict", "mood", *(option for text in TEXTS for option in ("--text", text))))
    assert [said.code for said in outputs] == [0] * 8
    assert len({said.out for said in outputs}) == 1
    assert "mood: inferred: no column holds labels" in outputs[0].err
    lines = lines_of(outputs[0].out)
    for i, (line, expected) in enumerate(zip(lines, mood.predict(TEXTS), strict=True)):
        assert (line["dataset"], line["example"], line["texts"]) == ("mood", i, [TEXTS[i]])
        assert line["prediction"] == expected.label
        assert line["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
        assert "target" not in line


def test_a_table_has_a_column_for_each_probability(mood: Classifier, tell: Tell) -> None:
    Path("x.csv").write_text("body,label\ncold rain,\na well,yes\n", encoding="utf-8")
    said = tell("predict", "mood", "x.csv", "--columns", "text=body", "--out", "deep/y.csv")
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines()[-1] == f"predictions: {Path('deep/y.csv')}, 2 rows"
    with Path("deep/y.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("dataset", "example", "text", "prediction", "target"),
        *(f"probabilities.{label}" for label in ("no", "maybe", "yes")),
    ]
    assert [row["target"] for row in rows] == ["", "yes"]
    said = tell("predict", "mood", "x.csv", "--columns", "text=body", "--out", "y.jsonl")
    assert [line["texts"] for line in lines_of(Path("y.jsonl").read_text())] == [["cold rain"], ["a well"]]


def test_pairs_and_questions_are_read_by_the_chosen_head(several: Classifier, tell: Tell) -> None:
    Path("x.csv").write_text("two,one\nB,A\n", encoding="utf-8")
    said = tell("predict", "several", "x.csv", "--head", "nli")  # columns have the names of training
    [line] = lines_of(said.out)
    assert line["texts"] == ["A", "B"]
    assert line["prediction"] == several.predict(("A", "B"), head="nli").label
    Path("x.csv").write_text("sentence1,sentence2\nA,B\n", encoding="utf-8")
    [line] = lines_of(tell("predict", "several", "x.csv", "--head", "same").out)
    assert line["prediction"] == several.predict(("A", "B"), head="same").label
    Path("q.csv").write_text("question,A,B\nwho?,he,she\n", encoding="utf-8")
    [line] = lines_of(tell("predict", "several", "q.csv", "--head", "quiz").out)
    assert line["prediction"] == several.predict(("", "who?", "he", "she"), head="quiz").label
    [line] = lines_of(tell("predict", "several", "--head", "quiz", "--text", "", "who?", "he", "she").out)
    assert line["texts"] == ["", "who?", "he", "she"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["mood"], "predict: FILE and --text; expected one of them"),
        (["mood", "x.csv", "--text", "a"], "predict: FILE and --text; expected one of them"),
        (["mood", "none.csv"], r"none\.csv: no such file; expected one ending in|none\.csv: no such file"),
        (["mood", "x.png"], r"x\.png: a format that cannot be read; expected one of \.tsv"),
        (["mood", "x.csv", "--out", "x.csv"], r"--out x\.csv: is FILE itself"),
        (["mood", "x.csv", "--columns", "text"], "--columns text: expected OPTION=NAME"),
        (["mood", "x.csv", "--columns", "text=body"], "text: no column 'body'; expected one of"),
        (["mood", "x.csv", "--head", "moods"], "no head 'moods': did you mean mood"),
        (["mood", "empty.csv"], r"empty\.csv, line 3: the text is empty; expected text"),
        (["mood", "odd.csv"], r"odd\.csv, line 2: label 'no idea'; expected no, maybe, yes"),
        (["several", "x.csv"], "head: none given; expected one of nli, same, quiz"),
        (["several", "x.txt", "--head", "same"], r"x\.txt: one text a line; expected the several texts"),
        (["mood", "x.csv", "--head", "mood", "--by", "word"], "--head mood: goes with labels"),
        (["mood", "x.csv", "--by", "pair"], r"x\.csv: columns id, text; expected 'good' with the acceptable"),
        (["mood", "x.txt", "--by", "pair"], r"x\.txt: one text a line; expected columns good and bad"),
        (["mood", "--text", "a", "--by", "pair"], "--text: expected two sentences for --by pair"),
        (["mood", "x.csv", "--batch_size", 0], "batch_size: 0; expected at least 1"),
    ],
)
def test_mistakes_are_refused_in_one_line(
    options: list[object], message: str, mood: Classifier, several: Classifier, tell: Tell
) -> None:
    Path("x.csv").write_text("id,text\n0,cold\n", encoding="utf-8")
    Path("x.txt").write_text("cold\n", encoding="utf-8")
    Path("x.png").write_text("cold\n", encoding="utf-8")
    Path("empty.csv").write_text("text,label\ncold,no\n ,no\n", encoding="utf-8")
    Path("odd.csv").write_text("text,label\ncold,no idea\n", encoding="utf-8")
    said = tell("predict", *options)
    said.err = re.sub(r"\Amood: inferred: .*\n", "", said.err)
    assert_refused(said, message, 1)
    assert not list(Path().glob("*.partial"))


def test_a_language_model_gives_bits_of_texts_words_and_pairs(place: Path, tell: Tell) -> None:
    model = random_model()
    model.save("lm")
    sentences = ["Mira sat by the well.", "Otto sat."]
    Path("x.txt").write_text("\n".join(sentences), encoding="utf-8")
    said = tell("predict", "lm", "x.txt")
    assert said.err == "lm: a language model without heads, so bits of each text; see also --by\n"
    expected = model.surprisal(sentences, by="text")
    for line, [whole] in zip(lines_of(said.out), expected, strict=True):
        assert line["bits"] == pytest.approx(whole.bits)
        assert line["bits_per_byte"] == pytest.approx(whole.bits / len(line["text"].encode()))
    said = tell("predict", "lm", "x.txt", "--by", "word")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    found = [(row["example"], row["position"], row["word"]) for row in rows[-2:]]
    assert found == [("1", "0", "Otto"), ("1", "1", "sat.")]
    bits = [float(row["bits"]) for row in rows if row["example"] == "0"]
    assert sum(bits) == pytest.approx(expected[0][0].bits)
    pairs = "ID,Sentence_Bad,sentence good\n1,Otto sat.,Mira sat by the well.\n2,b,a\n"
    Path("pairs.csv").write_text(pairs, encoding="utf-8")
    said = tell("predict", "lm", "pairs.csv", "--by", "pair")
    lines = lines_of(said.out)
    assert (lines[0]["good"], lines[0]["bad"]) == tuple(sentences)
    assert lines[0]["good_bits"] == pytest.approx(expected[0][0].bits)
    n_right = sum(line["right"] for line in lines)
    assert f"({n_right} of 2 pairs)" in said.err


def test_truncated_texts_are_counted(mood: Classifier, tell: Tell) -> None:
    long = "the well is dry again, and again"
    Path("x.txt").write_text(f"cold\n{long}\n", encoding="utf-8")
    said = tell("predict", "mood", "x.txt")
    message = "1 of 2 examples are longer than the head's sequences and were truncated"
    assert said.err.splitlines()[-1] == message
    assert mood.predict(long).is_truncated
    assert mood.predict(long) == mood.predict(f"{long[:22]}?")
    assert not mood.predict(long[:22]).is_truncated


def test_help_of_predict_says_both_forms(place: Path, tell: Tell) -> None:
    said = tell("predict", "--help")
    assert said.code == 0
    assert "predict --config NAME --help" in " ".join(said.out.split())
