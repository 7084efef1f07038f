"""``gpt-toolkit overlap``: counts of every document and corpus, compared with sets of word tuples."""

import argparse
import json
from pathlib import Path

import pytest

from gpt_toolkit.analysis.ngram_overlap import normalized
from gpt_toolkit.cli import overlap
from tests.analysis.test_ngram_overlap import ngrams_of, random_text


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    overlap.add_arguments(parser)
    return overlap.run(parser.parse_args(list(map(str, arguments))))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    text = random_text(0, 300, vocabulary=400)
    (tmp_path / "test.jsonl").write_text(
        "".join(json.dumps({"text": part}) + "\n" for part in (text, "Nothing of it is there."))
    )
    words = normalized(text).split()
    (tmp_path / "train.txt").write_text("So! " + "; ".join(words[100:200]).upper(), encoding="utf-8")
    (tmp_path / "other.txt").write_text("Another text of nothing but its own eight words.", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--bloom"]])
def test_the_command_counts_every_document_against_every_corpus(
    options: list[str], files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpora = ["--train", files / "train.txt", "--train", files / "other.txt", files / "other.txt"]
    arguments = ["--test", files / "test.jsonl", *corpora, "--output", files / "o.json", "--documents", 1]
    assert run(*arguments, *options) == 0
    report = json.loads((files / "o.json").read_text(encoding="utf-8"))
    [own, other] = report["corpora"].values()
    assert (own["ngrams"], own["found"]) == (293, 93)
    assert own["fraction"] == pytest.approx(93 / 293)
    assert [document["found"] for document in own["documents"]] == [93, 0]
    assert own["documents"][1] == {
        "document": f"{files / 'test.jsonl'}:1",
        "ngrams": 0,
        "found": 0,
        "fraction": None,
    }
    assert (other["ngrams"], other["found"]) == (293, 0)
    out = capsys.readouterr().out
    assert "31.74%" in out
    assert f"{files / 'test.jsonl'}:0" in out


def test_a_filter_that_overflows_says_so(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--test", files / "test.jsonl", "--train", files / "train.txt", "--bloom"]
    assert run(*arguments, "--capacity", 2) == 0
    assert "more n-grams than the filter was made for" in capsys.readouterr().err


def test_real_test_sets_against_real_training_text(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ptb = ["--test", shared_data / "ptb" / "ptb.test.txt", "--train", shared_data / "ptb" / "ptb.valid.txt"]
    assert run(*ptb, "--output", tmp_path / "ptb.json") == 0
    [corpus] = json.loads((tmp_path / "ptb.json").read_text(encoding="utf-8"))["corpora"].values()
    texts = [path.read_text(encoding="utf-8") for path in (ptb[1], ptb[3]) if isinstance(path, Path)]
    there = set(ngrams_of(texts[1], 8))
    ngrams = ngrams_of(texts[0], 8)
    assert (corpus["ngrams"], corpus["found"]) == (len(ngrams), sum(ngram in there for ngram in ngrams))
    assert corpus["found"] > 0
    named = [
        "--benchmarks",
        "lambada",
        "--root",
        shared_data,
        "--train",
        shared_data / "ptb" / "ptb.valid.txt",
    ]
    assert run(*named) == 0
    assert "5,153" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--train", "t.txt"], "test text: none; expected --test FILE or --benchmarks NAME"),
        (
            ["--test", "t.txt", "--train", "nothing.txt"],
            r"train: 'nothing\.txt' not found in .*; expected a file or folder",
        ),
        (["--test", "t.txt", "--train", "t.txt", "--ngram", "0"], "--ngram: 0; expected at least 1"),
        (["--test", "t.txt", "--train", "t.txt"], "test text: no 8-grams; expected some"),
        (
            ["--test", "t.txt", "--train", "t.txt", "--output", "no/o.json"],
            r"--output: no/o\.json; expected a file in an existing folder",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text("few words", encoding="utf-8")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run(*options)
