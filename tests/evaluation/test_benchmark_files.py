"""Every published format is read correctly; errors name their place."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from gpt_toolkit.evaluation import benchmark_files, items
from gpt_toolkit.evaluation.benchmark_files import FORMATS
from gpt_toolkit.evaluation.items import (
    Cloze,
    Conversation,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
    replace_pronoun,
)

Write = Callable[[str, str | bytes], Path]
CANDIDATES = "a|b|c|d|e|f|g|h|i|j"
BLOCK = "".join(f"{n} Sentence {n} .\n" for n in range(1, 21)) + f"21 XXXXX came .\tb\t\t{CANDIDATES}\n\n"
COQA = {
    "version": "1.0",
    "data": [
        {
            "source": "mctest",
            "id": "1",
            "story": "A story.",
            "questions": [{"input_text": "Who?", "turn_id": 1}, {"input_text": "Why?", "turn_id": 2}],
            "answers": [
                {"input_text": "Ann", "span_text": "Ann", "turn_id": 1},
                {"input_text": "so", "turn_id": 2},
            ],
            "additional_answers": {
                "0": [{"input_text": "Ann Lee", "turn_id": 1}, {"input_text": "no", "turn_id": 2}]
            },
        }
    ],
}
XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<collection>
<schema>
<text><txt1>The man saw  the boy when</txt1><pron> his </pron><txt2> arm hurt. </txt2></text>
<quote><quote1></quote1><pron>his </pron><quote2>arm hurt</quote2></quote>
<answers><answer>The man </answer><answer> The boy</answer></answers>
<correctAnswer> B. </correctAnswer>
</schema>
</collection>
"""


def test_lambada_in_both_forms(write: Write) -> None:
    path = write("lambada_test.jsonl", json.dumps({"text": "In my palm\n is a “stone”"}) + "\n")
    assert FORMATS["lambada"].read(path).items == [LastWord("In my palm\n is a “stone”")]
    path = write("lambada_test_plain_text.txt", "he did n't go , said ann\n\nshe left him\n")
    assert FORMATS["lambada_original"].recognizes(path.read_text())
    assert benchmark_files.read_plain_lambada(path).items == [
        LastWord("he did n't go , said ann", tokenized=True),
        LastWord("she left him", tokenized=True),
    ]


def test_cbt(write: Write) -> None:
    path = write("cbtest_CN_valid_2000ex.txt", BLOCK * 2)
    assert FORMATS["cbt"].recognizes(path.read_text())
    rows, n = benchmark_files.read_cbt(path)
    assert n == len(rows) == 2
    assert isinstance(rows[0], Cloze)
    assert rows[0].context == tuple(f"Sentence {i} ." for i in range(1, 21))
    assert rows[0][1:] == ("XXXXX came .", 1, tuple("abcdefghij"), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BLOCK.replace("7 Sentence", "8 Sentence"), r"cbt\.txt, line 7: number '8'; expected 7"),
        (BLOCK.replace("XXXXX", "Somebody"), r"cbt\.txt, line 21: not a query; expected a sentence with"),
        (BLOCK.replace("\tb\t", "\tz\t"), r"cbt\.txt, line 21: not a query; expected a sentence with XXXXX,"),
    ],
)
def test_a_broken_block_of_cbt_is_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        benchmark_files.read_cbt(write("cbt.txt", text))


def test_winograd_schemas_are_substituted(write: Write) -> None:
    rows, n = benchmark_files.read_schemas_xml(write("w.xml", XML))
    assert n == 1
    assert rows == [
        Schema(("The man saw the boy when the man's", "The man saw the boy when the boy's"), "arm hurt.", 1)
    ]


def test_both_winograd_files_hold_the_same_schemas(shared_data: Path) -> None:
    xml, n = benchmark_files.read_schemas_xml(shared_data / "wsc" / "WSCollection.xml")
    assert (len(xml), n) == (273, 283)
    assert list(xml) == list(FORMATS["wsc273"].read(shared_data / "wsc" / "winograd_wsc.jsonl").items)


def test_an_answer_at_the_beginning_of_a_sentence_keeps_its_capital() -> None:
    assert replace_pronoun("It broke.", "It", " was old.", ("The cup",), 0).beginnings == (
        "It broke. The cup",
    )
    assert replace_pronoun("", "They", "left.", ("The men",), 0).beginnings == ("The men",)


@pytest.mark.parametrize(
    "change", [("<correctAnswer> B. ", "<correctAnswer> C "), ("<answer>The man </answer>", "")]
)
def test_a_broken_schema_is_named(write: Write, change: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"w\.xml: incomplete schema 1; expected a pronoun, two answers and"):
        benchmark_files.read_schemas_xml(write("w.xml", XML.replace(*change)))
    with pytest.raises(ValueError, match=r"w\.xml: unclosed token: line 9, column 0; expected XML"):
        benchmark_files.read_schemas_xml(write("w.xml", XML[:-9]))


def test_dprd(write: Write) -> None:
    text = "The bee landed on the flower because it had pollen.\nit\nThe bee,the flower\nthe flower\n\n"
    path = write("test.c.txt", text + "Ann told Bo that her hat was big.\nher\nAnn,Bo\nAnn\n")
    assert FORMATS["dprd"].recognizes(path.read_text())
    rows = benchmark_files.read_dprd(path).items
    assert rows[0] == Schema(
        ("The bee landed on the flower because the bee", "The bee landed on the flower because the flower"),
        "had pollen.",
        1,
    )
    assert rows[1] == Schema(("Ann told Bo that Ann's", "Ann told Bo that Bo's"), "hat was big.", 0)
    with pytest.raises(ValueError, match=r"test\.c\.txt, block 1: other content; expected a sentence, a"):
        benchmark_files.read_dprd(write("test.c.txt", text.replace("\nit\n", "\nshe\n")))


def test_coqa_keeps_all_people_s_answers(write: Write) -> None:
    [row] = benchmark_files.read_coqa(write("coqa-dev-v1.0.json", json.dumps(COQA))).items
    assert row == Conversation("A story.", ("Who?", "Why?"), (("Ann", "Ann Lee"), ("so", "no")))
    with pytest.raises(ValueError, match=r"coqa-dev-v1\.0\.json: KeyError\('answers'\); expected CoQA's"):
        benchmark_files.read_coqa(write("coqa-dev-v1.0.json", '{"data": [{"story": "A"}]}'))


def test_summaries_are_read_with_their_line_breaks(write: Write) -> None:
    path = write("test.csv", 'id,article,highlights\n1,"A ""long"" one,\nwith lines","One .\nTwo ."\n')
    assert FORMATS["cnn_dm"].recognizes(path.read_text())
    assert FORMATS["cnn_dm"].read(path).items == [Summary('A "long" one,\nwith lines', "One .\nTwo .")]
    with pytest.raises(ValueError, match=r"test\.csv, line 2: no article of type str; expected a record"):
        FORMATS["cnn_dm"].read(write("test.csv", "id,article,highlights\n1,,x\n"))


def test_questions(write: Write) -> None:
    path = write("NQ-open.dev.jsonl", '{"question": "who", "answer": ["Ann", "A."]}\n')
    assert FORMATS["nq_open"].read(path).items == [Question("who", ("Ann", "A."))]
    with pytest.raises(ValueError, match=r"NQ-open\.dev\.jsonl, line 1: no answer of type list; expected a"):
        FORMATS["nq_open"].read(write("NQ-open.dev.jsonl", '{"question": "who", "answer": "Ann"}\n'))
    with pytest.raises(ValueError, match=r"NQ-open\.dev\.jsonl, line 2: Unterminated string starting at at"):
        FORMATS["nq_open"].read(
            write("NQ-open.dev.jsonl", '{"question": "who", "answer": ["x"]}\n{"question')
        )


def test_translations_are_lines_of_two_files(write: Write) -> None:
    path = write("newstest2014.en", "A dog.\nA cat.\n")
    with pytest.raises(FileNotFoundError, match=r"newstest2014\.en: no newstest2014\.fr next to it"):
        benchmark_files.read_pairs("en", "fr")(path)
    write("newstest2014.fr", "Un chien.\nUn chat.\n")
    assert benchmark_files.read_pairs("fr", "en")(path).items[1] == Translation("Un chat.", "A cat.")
    write("newstest2014.fr", "Un chien.\n")
    with pytest.raises(ValueError, match=r"newstest2014\.en: 2 lines; expected 1, as in newstest2014\.fr"):
        benchmark_files.read_pairs("en", "fr")(path)


def test_articles_together_are_the_file(write: Write, shared_data: Path) -> None:
    for name in ("test.txt", "valid.txt", "wiki.test.raw"):
        path = shared_data / "wikitext2" / name
        rows, n = benchmark_files.read_wikitext(path)
        text = path.read_text(encoding="utf-8")
        assert "".join(row.text for row in rows) == text
        assert (len(rows), n) == ((60, 3760) if name == "valid.txt" else (62, 4358))
        assert FORMATS["wikitext"].recognizes(text[:20_000]) != FORMATS["wikitext_raw"].recognizes(
            text[:20_000]
        )
        assert FORMATS["wikitext"].recognizes(text[:20_000]) == (name != "wiki.test.raw")


def test_lines_of_ptb(shared_data: Path) -> None:
    path = shared_data / "ptb" / "ptb.valid.txt"
    assert FORMATS["ptb"].recognizes(path.read_text()[:20_000])
    rows, n = benchmark_files.read_lines(path)
    assert n == 3370
    assert "".join(row.text for row in rows) == path.read_text()


def test_the_last_bytes_begin_at_a_character(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "TAIL_BYTES", 4)
    content = benchmark_files.read_tail(write("enwik8", "<mediawiki aéé"))
    assert content == ([Document("éé")], 16)
    monkeypatch.setattr(items, "TAIL_BYTES", 3)
    assert benchmark_files.read_tail(write("enwik8", "<mediawiki aéé")).items == [Document("é")]
    assert FORMATS["enwik8"].recognizes("<mediawiki xmlns")
    assert FORMATS["text8"].recognizes(" anarchism originated as")
    assert not FORMATS["text8"].recognizes("Anarchism")


SCHEMA = {"context_options": ["A", "B"], "continuation": "c", "gold": 0}


@pytest.mark.parametrize(
    ("name", "record", "message"),
    [
        ("nq_open", {"question": "who", "answer": []}, "no answer of type list"),
        (
            "nq_open",
            {"question": "who", "answer": ["Ann", None]},
            "answer: .*; expected texts, none of them empty",
        ),
        (
            "wsc273",
            {"context_options": ["A", "B"], "continuation": "c", "gold": 2},
            "gold: 2; expected 0 to 1",
        ),
        (
            "wsc273",
            {"context_options": ["A", "B"], "continuation": "c", "gold": -1},
            "gold: -1; expected 0 to 1",
        ),
        (
            "wsc273",
            {"context_options": ["A", "B"], "continuation": "c", "gold": True},
            "no gold of type int",
        ),
        (
            "wsc273",
            {"context_options": ["A", ""], "continuation": "c", "gold": 0},
            "context_options: .*; expected te",
        ),
    ],
)
def test_a_right_answer_that_cannot_be_right_is_refused_with_its_line(
    name: str, record: dict[str, object], message: str, write: Write
) -> None:
    path = write("records.jsonl", json.dumps(record) + "\n")
    with pytest.raises(ValueError, match=f"records.jsonl, line 1: {message}"):
        FORMATS[name].read(path)


DAMAGED = {
    "cbt": BLOCK,
    "coqa": json.dumps(COQA),
    "dprd": "Ann saw Bo because she came.\nshe\nAnn,Bo\nAnn\n",
    "lambada": '{"text": "a b c"}\n',
    "nq_open": '{"question": "who", "answer": ["a", "b"]}\n',
    "wsc273": '{"context_options": ["A", "B"], "continuation": "c d", "gold": 1}\n',
    "wsc_xml": XML,
}
PIECES = [b"null", b"[]", b"{}", b'""', b"-1", b"\x00", b"\xff", b",", b'"', b"\n", b"\t", b"true", b"<x>"]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_read_or_refused_in_one_line(name: str, write: Write) -> None:
    draw, content = Random(name), DAMAGED[name].encode()
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 3)):
            start = draw.randrange(len(damaged))
            damaged[start : start + draw.choice((0, 1, 3, 10))] = draw.choice(PIECES)
        path = write(
            "damaged.jsonl" if name in ("lambada", "nq_open", "wsc273") else "damaged", bytes(damaged)
        )
        try:
            FORMATS[name].read(path)
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017
