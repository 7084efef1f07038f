import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_toolkit.data.pretraining import text_records
from gpt_toolkit.data.pretraining.text_records import read_records

Write = Callable[[str, str | bytes], Path]


def packed(text: str, ending: str) -> bytes:
    return gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode()


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_line_of_json_is_a_document(write: Write, ending: str) -> None:
    lines = ['{"text": "eins\\r\\nzwei", "n": 1}', "", '{"text": ""}', '{"text": "drei \\u00e9"}']
    path = write(f"a{ending}", packed("\ufeff" + "\n".join(lines), ending))
    records = list(read_records(path, "text"))
    assert [text for text, _, _ in records] == ["eins\nzwei", "", "drei é"]
    for i, (_, position, _) in enumerate(records):
        assert json.loads(json.dumps(position)) == position
        assert list(read_records(path, "text", position)) == records[i + 1 :]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", r"a\.jsonl, line 2: Expecting property name enclosed in double"),
        ("[1]", r"a\.jsonl, line 2: an array; expected one object"),
        ('{"body": 1, "id": 2}', r"a\.jsonl, line 2: no field 'text'; expected one of body, id"),
        ('{"text": 5}', r"a\.jsonl, line 2: field 'text' is a number; expected a string; set text_field"),
        ('{"text": "\\ud800"}', r"a\.jsonl, line 2: field 'text' with half a surrogate pair at"),
        ('{"text": null}', r"line 2: field 'text' is null; expected a string; leave the record out"),
        ('{"text": {"body": "x"}}', r"line 2: field 'text' is an object; expected a string; set text_field"),
        ('{"text": ["x"]}', r"line 2: field 'text' is an array; expected a string"),
        ('{"text": true}', r"line 2: field 'text' is a boolean; expected a string"),
        ('"a text"', r"a\.jsonl, line 2: a string; expected one object per line, such"),
        ("[" * 100_000, r"line 2: brackets are nested too deeply"),
        (b'{"text": "\xff"}', r"a\.jsonl: byte 0xff at line 2; expected UTF-8 text; .*iconv"),
    ],
)
def test_a_faulty_line_is_refused_by_its_number(write: Write, line: str | bytes, message: str) -> None:
    data = line.encode() if isinstance(line, str) else line
    path = write("a.jsonl", b'{"text": "fine"}\n' + data + b"\n")
    with pytest.raises(ValueError, match=message):
        list(read_records(path, "text"))


def parquet(path: Path, values: Sequence[str | None], name: str = "text") -> Path:
    pq.write_table(pa.table({"id": list(range(len(values))), name: values}), path, row_group_size=300)
    return path


def test_a_row_of_parquet_is_a_document(tmp_path: Path) -> None:
    texts = [f"row {i}" for i in range(1000)]
    path = parquet(tmp_path / "a.parquet", texts)
    records = list(read_records(path, "text"))
    assert [text for text, _, _ in records] == texts
    assert records[-1][2] == pytest.approx(1.0)
    for i in (0, 255, 256, 299, 300, 511, 999):
        assert list(read_records(path, "text", records[i][1])) == records[i + 1 :]


def test_broken_parquet_is_refused_by_name(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ValueError, match=r"a\.parquet: no column 'text'; expected one of id, body"):
        list(read_records(parquet(tmp_path / "a.parquet", ["x"], "body"), "text"))
    with pytest.raises(
        ValueError,
        match=r"b\.parquet, row 2 of row group 1: .* is null; expected a string; leave the record out",
    ):
        list(read_records(parquet(tmp_path / "b.parquet", ["x", None]), "text"))
    with pytest.raises(ValueError, match=r"c\.parquet: Parquet magic bytes not found in footer\. Either the"):
        list(read_records(write("c.parquet", b"junk junk junk"), "text"))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_records_of_any_line_ends_and_encoding_are_the_same(
    line_end: str, encoding: str, size: int, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_records, "BLOCK_BYTES", size)
    texts = ["first", "zwölf Boxkämpfer", "", "語 \u2028 and \x85 end no line"]
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    path = write("a.jsonl", line_end.join(lines).encode(encoding))
    records = list(read_records(path, "text"))
    assert [text for text, _, _ in records] == texts
    for i, (_, position, _) in enumerate(records):
        assert [text for text, _, _ in read_records(path, "text", position)] == texts[i + 1 :]


def test_the_number_of_a_line_counts_empty_lines_and_any_line_end(write: Write) -> None:
    for line_end in ("\n", "\r\n", "\r"):
        path = write("a.jsonl", line_end.join(['{"text": "a"}', "", "", "oops"]))
        with pytest.raises(ValueError, match=r"a\.jsonl, line 4: Expecting value"):
            list(read_records(path, "text"))


def test_json_that_is_packed_or_binary_under_a_wrong_name_is_refused(write: Write) -> None:
    data = gzip.compress(b'{"text": "a"}')
    with pytest.raises(ValueError, match=r"a\.jsonl: the content is gzip; expected UTF-8 text; add \.gz"):
        list(read_records(write("a.jsonl", data), "text"))


def test_a_row_of_parquet_that_is_not_utf8_is_refused_by_its_place(tmp_path: Path) -> None:
    values = pa.array([b"fine", b"caf\xe9"]).cast(pa.binary())
    broken = pa.StringArray.from_buffers(2, values.buffers()[1], values.buffers()[2])
    pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet, rows 1 to 2 of row group 1: byte 0xe9; expected"):
        list(read_records(tmp_path / "a.parquet", "text"))
