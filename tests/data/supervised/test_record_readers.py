import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.data.supervised.record_readers import Record, ending, read_head, read_table, refuse

Write = Callable[[str, str | bytes], Path]


def read(path: Path, delimiter: str | None = None, columns: tuple[str, ...] = ()) -> list[Record]:
    return list(read_table(path, read_head(path, delimiter), columns, "refused", refuse))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("train.tsv", ".tsv"),
        ("a.b.CSV.gz", ".csv.gz"),
        ("x.jsonl.gz", ".jsonl.gz"),
        ("x.json", ".json"),
        ("x.parquet", ".parquet"),
        ("x.parquet.gz", ""),
        ("README", ""),
        ("x.tsv.bak", ""),
    ],
)
def test_a_file_is_known_by_its_ending(name: str, known: str) -> None:
    assert ending(Path(name)) == known


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.csv", "a.txt"])
def test_tabs_part_fields_and_quotes_between_them_are_characters(write: Write, name: str) -> None:
    text = '\ufeffsentence\tlabel\r\n"open\t0\r\n\r\nsaid ""no"", twice\t1\r\n'
    path = write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    assert read(path) == [
        Record({"sentence": '"open', "label": "0"}, 2),
        Record({"sentence": 'said ""no"", twice', "label": "1"}, 4),
    ]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_other_fields_may_be_quoted_and_hold_anything(write: Write, delimiter: str) -> None:
    text = '\ufefftext,label\n"a, ""b""\r\nc",0\nd\u2028e\x85,1\n'.replace(",", delimiter)
    rows = read(write("a.csv", text))
    assert rows == [
        Record({"text": f'a{delimiter} "b"\r\nc', "label": "0"}, 2),
        Record({"text": "d\u2028e\x85", "label": "1"}, 4),
    ]


@given(st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)] * 2)))
def test_what_csv_writes_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    import csv

    path = tmp_path_factory.mktemp("any") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *rows])
    assert [tuple(record.fields.values()) for record in read(path)] == rows


def test_a_field_may_be_longer_than_csvs_own_limit(write: Write) -> None:
    path = write("a.csv", f"text,label\n{'x' * 200_000},1\n")
    assert len(read(path)[0].fields["text"]) == 200_000


def test_json_is_read_as_lines_as_an_array_and_as_one_object(write: Write) -> None:
    rows: list[dict[str, Any]] = [{"a": "x", "n": 1}, {"a": "\u00e9", "n": [2]}]
    lines = write("a.jsonl", "\ufeff" + "\n\n".join(json.dumps(row) for row in rows))
    assert read(lines) == [Record(rows[0], 1), Record(rows[1], 3)]
    for name in ("b.json", "b.txt", "b.json.gz"):
        text = json.dumps(rows, indent=1)
        array = write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
        assert read(array) == [Record(rows[0], 1), Record(rows[1], 2)]
    assert read(write("c.json", json.dumps(rows[0], indent=1))) == [Record(rows[0], 1)]


def test_parquet_is_read_row_by_row(tmp_path: Path) -> None:
    rows = [{"a": str(i), "n": [i]} for i in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=700)
    read_rows = read(tmp_path / "a.parquet")
    assert [record.fields for record in read_rows] == rows
    assert [record.line for record in read_rows] == list(range(1, 3_001))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "", r"a\.tsv is empty; rows were expected"),
        ("a.tsv", "a\ta\n1\t2\n", r"line 1: the header names a column twice: a, a"),
        ("a.tsv", "a\tb\n1\n", r"line 2 has 1 fields, expected 2: a, b\. It begins '1'"),
        ("a.csv", 'a,b\n1,"2\n3,4\n', r"a\.csv, line 2: the row that begins here is broken: unexpected end"),
        ("a.csv", 'a,b\n1,"2"3\n', r"a\.csv, line 2: the row that begins here is broken"),
        ("a.csv", b"a,b\n1,\xff\n", r"a\.csv, line 2 is not UTF-8: byte 0xff\. Convert .*iconv"),
        ("a.jsonl", "nonsense\n", r"a\.jsonl, line 1 is not JSON: .*an object a line"),
        ("a.json", "[1]", r"a\.json, row 1 is not an object but int: '1'"),
        ("a.json", '[{"a": 1}', r"a\.json is not JSON: .*Expected an array of objects, or one object"),
        ("a.parquet", "no", r"a\.parquet is not a readable parquet file"),
        ("a.csv.gz", b"no", r"a\.csv\.gz is broken gzip"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-4],
            r"a\.csv\.gz is broken gzip near byte",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    write: Write, name: str, content: str | bytes, message: str
) -> None:
    path = write(name, content)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_file_without_a_header_has_its_columns_named(write: Write) -> None:
    path = write("a.tsv", "x\t1\n")
    assert read(path, columns=("text", "label")) == [Record({"text": "x", "label": "1"}, 1)]
