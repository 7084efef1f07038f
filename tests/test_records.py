import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
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
        ("a.tsv", "", r"a\.tsv: empty; expected records"),
        ("a.tsv", "a\ta\n1\t2\n", r"a\.tsv, line 1: two columns named a; expected different names"),
        ("a.tsv", "a\tb\n1\n", r"a\.tsv, line 2: 1 fields, beginning with '1'; expected 2: a, b"),
        (
            "a.csv",
            'a,b\n1,"2\n3,4\n',
            r"a\.csv, line 2: broken record \(unexpected end of data\); expected quoted fields",
        ),
        ("a.csv", 'a,b\n1,"2"3\n', r"a\.csv, line 2: broken record"),
        ("a.csv", b"a,b\n1,\xff\n", r"a\.csv: byte 0xff at line 2; .* convert it.*iconv"),
        ("a.jsonl", "nonsense\n", r"a\.jsonl, line 1: Expecting value at column 1; expected JSON, one"),
        ("a.json", "[1]", r"a\.json, record 1: int '1'; expected an object"),
        ("a.json", '[{"a": 1}', r"a\.json: Expecting ',' delimiter at column 10; expected JSON, an object"),
        ("a.parquet", "no", r"a\.parquet: Parquet file size is 2 bytes, smaller than the minimum file"),
        ("a.csv.gz", b"no", r"a\.csv\.gz: Not a gzipped file \(b'no'\) near byte 2; expected gzip"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-4],
            r"a\.csv\.gz: Compressed file ended before the end-of-stream marker was reached",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    write: Write, name: str, content: str | bytes, message: str
) -> None:
    path = write(name, content)
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize("orient", ["columns", "list"])
def test_an_object_of_columns_is_a_table(write: Write, orient: str) -> None:
    columns: dict[str, list[Any]] = {"text": ["A", "B"], "label": [1, None]}
    by_row = {name: dict(enumerate(values)) for name, values in columns.items()}
    path = write("a.json", json.dumps(by_row if orient == "columns" else columns))
    assert read(path) == [({"text": "A", "label": 1}, "record 1"), ({"text": "B", "label": None}, "record 2")]


def test_missing_values_are_none_and_bytes_are_text(write: Write, tmp_path: Path) -> None:
    rows = [{"a": b"caf\xc3\xa9", "b": float("nan")}, {"a": None, "b": 1.0}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert [fields for fields, _ in read(tmp_path / "a.parquet")] == [
        {"a": "café", "b": None},
        {"a": None, "b": 1},
    ]
    assert read(write("a.jsonl", '{"a": NaN, "b": Infinity}'))[0][0] == {"a": None, "b": float("inf")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1, "a": 2}', r"a\.jsonl, line 1: an object has the key 'a' twice; expected"),
        (
            "a.json",
            '{"a": 1,\n"b": x}',
            r"a\.json, line 2: Expecting value at column 6; expected JSON, an object or an",
        ),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl, line 1: maximum recursion depth exceeded while decoding a"),
        ("a.jsonl", '{"a": ' + "1" * 5_000 + "}", r"a\.jsonl, line 1: Exceeds the limit \(4300 digits\)"),
    ],
)
def test_errors_of_json_are_one_line(write: Write, name: str, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read(write(name, content))
    assert len(str(error.value)) < 500


def test_a_column_of_parquet_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    table = pa.table([pa.array(["x"]), pa.array(["y"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: two columns named text; expected different names"):
        read(tmp_path / "a.parquet")


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Change some bytes, lose some, repeat some or cut the end."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        place = draw.randrange(len(changed) + 1)
        pieces = [b"\0", b'"', b",", b"\n", b"\r", b"\xff", b"\\ud800", b"{", b"[", b"\t", b"\xef\xbb\xbf"]
        pieces += [bytes([draw.randrange(256)]), bytes(changed[max(0, place - 30) : place])]
        changed[place : place + draw.choice((0, 0, 1, 3, 50))] = draw.choice(pieces)
    return bytes(changed if draw.random() < 0.7 else changed[: draw.randrange(len(changed) + 1)])


def check_mutations(path: Path, seeds: range) -> None:
    content = path.read_bytes()
    for seed in seeds:
        path.write_bytes(mutated(content, random.Random(seed)))
        problem: ValueError | None = None
        try:
            _ = list(open_records(path, detect_quotes=True).records())
        except ValueError as error:
            problem = error
        if problem is not None:
            assert type(problem) is ValueError, f"seed {seed}: {problem!r}"
            assert "\n" not in str(problem), f"seed {seed}: {problem}"
            assert str(path) in str(problem), f"seed {seed}: {problem}"


CONTAINERS = ("a.csv", "a.tsv", "utf16.csv", "a.csv.gz", "a.jsonl", "a.json", "columns.json", "a.parquet")


def written(folder: Path, name: str) -> Path:
    """Write a small file of a format; return its path."""
    rows = [{"text": f'Film {i}, "so"\nit was é.', "label": i % 2} for i in range(30)]
    path = folder / name
    table = pd.DataFrame(rows)
    if name.endswith(".parquet"):
        table.to_parquet(path)
    elif "json" in name:
        orient = "columns" if name == "columns.json" else "records"
        table.to_json(path, orient=orient, lines=name.endswith("l"))
    else:
        encoding = "utf-16" if name == "utf16.csv" else "utf-8"
        table.to_csv(path, index=False, sep="\t" if "tsv" in name else ",", encoding=encoding)
    return path


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    check_mutations(written(tmp_path, name), range(60))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTAINERS)
def test_thousands_of_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    check_mutations(written(tmp_path, name), range(60, 2_060))


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
