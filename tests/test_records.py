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

from gpt_toolkit.records import ending, open_records, read_records

Write = Callable[[str, str | bytes], Path]


def read(path: Path, delimiter: str | None = None, columns: tuple[str, ...] = ()) -> list[Any]:
    """Read the fields of each record and the end of its position."""
    records = open_records(path, delimiter).records(columns)
    return [(record.fields, record.where.removeprefix(f"{path}, ")) for record in records]


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
        ({"sentence": '"open', "label": "0"}, "line 2"),
        ({"sentence": 'said ""no"", twice', "label": "1"}, "line 4"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_other_fields_may_be_quoted_and_hold_anything(write: Write, delimiter: str) -> None:
    text = '\ufefftext,label\n"a, ""b""\r\nc",0\nd\u2028e\x85,1\n'.replace(",", delimiter)
    rows = read(write("a.csv", text))
    assert rows == [
        ({"text": f'a{delimiter} "b"\r\nc', "label": "0"}, "line 2"),
        ({"text": "d\u2028e\x85", "label": "1"}, "line 4"),
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
    filled = [row for row in rows if any(map(str.strip, row))]  # a line without any value is skipped
    assert [tuple(record.fields.values()) for record in read_records(path)] == filled


def test_a_field_may_be_longer_than_csvs_own_limit(write: Write) -> None:
    path = write("a.csv", f"text,label\n{'x' * 200_000},1\n")
    assert len(read(path)[0][0]["text"]) == 200_000


def test_json_is_read_as_lines_as_an_array_and_as_one_object(write: Write) -> None:
    rows: list[dict[str, Any]] = [{"a": "x", "n": 1}, {"a": "\u00e9", "n": [2]}]
    lines = write("a.jsonl", "\ufeff" + "\n\n".join(json.dumps(row) for row in rows))
    assert read(lines) == [(rows[0], "line 1"), (rows[1], "line 3")]
    for name in ("b.json", "b.txt", "b.json.gz"):
        text = json.dumps(rows, indent=1)
        array = write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
        assert read(array) == [(rows[0], "record 1"), (rows[1], "record 2")]
    assert read(write("c.json", json.dumps(rows[0], indent=1))) == [(rows[0], "record 1")]


def test_parquet_is_read_record_by_record(tmp_path: Path) -> None:
    rows = [{"a": str(i), "n": [i]} for i in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=700)
    found = read(tmp_path / "a.parquet")
    assert [fields for fields, _ in found] == rows
    assert [where for _, where in found] == [f"record {number}" for number in range(1, 3_001)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "", r"a\.tsv is empty; expected records"),
        ("a.tsv", "a\ta\n1\t2\n", r"line 1: the header names a column twice: a; rename"),
        ("a.tsv", "a\tb\n1\n", r"line 2 has 1 fields, expected 2: a, b\. It begins '1'"),
        (
            "a.csv",
            'a,b\n1,"2\n3,4\n',
            r"line 2: the record that begins here is broken: unexpected end",
        ),
        ("a.csv", 'a,b\n1,"2"3\n', r"a\.csv, line 2: the record that begins here is broken"),
        ("a.csv", b"a,b\n1,\xff\n", r"a\.csv, line 2 is not UTF-8: byte 0xff; convert it.*iconv"),
        ("a.jsonl", "nonsense\n", r"a\.jsonl, line 1 is not JSON: .*an object a line"),
        ("a.json", "[1]", r"a\.json, record 1 is not an object but int: '1'"),
        ("a.json", '[{"a": 1}', r"a\.json is not JSON: .*expected an object or an array of objects"),
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
    assert read(path, columns=("text", "label")) == [({"text": "x", "label": "1"}, "line 1")]


def test_a_bad_record_is_skipped_if_the_handler_returns(write: Write) -> None:
    path = write("a.tsv", "a\tb\n1\n2\t3\n4\t5\t6\n")
    bad: list[str] = []
    records = open_records(path).records(on_bad_record=lambda where, message: bad.append(where))
    assert [record.fields for record in records] == [{"a": "2", "b": "3"}]
    assert bad == [f"{path}, line 2", f"{path}, line 4"]


def test_a_tsv_file_of_one_column_is_not_split_at_commas(write: Write) -> None:
    assert read(write("a.tsv", "text\none, two\n")) == [({"text": "one, two"}, "line 2")]
