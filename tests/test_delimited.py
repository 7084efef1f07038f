from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.delimited import find_dialect
from gpt_toolkit.records import open_records, read_records

Write = Callable[[str, str | bytes], Path]


def fields(path: Path) -> list[list[str]]:
    return [list(record.fields.values()) for record in read_records(path, detect_quotes=True)]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("text,label", ","),
        ("text;label", ";"),
        ('"a,b";label', ";"),
        ('"a;b",label', ","),
        ("text\tlabel, or none", "\t"),
        ("text|label", "|"),
        ("text", ","),
        ("sep=;", ";"),
        ('"sep=|"', "|"),
        ("SEP=\t", "\t"),
    ],
)
def test_the_first_line_tells_the_delimiter(write: Write, header: str, delimiter: str) -> None:
    path = write("a.csv", f"{header}\nx\n")
    assert find_dialect(path, None, is_tsv=False, detect_quotes=False).delimiter == delimiter
    assert find_dialect(path, "#", is_tsv=False, detect_quotes=False).delimiter == "#"


def test_the_line_that_names_the_delimiter_is_not_a_record(write: Write) -> None:
    path = write("a.csv", "sep=;\r\ntext;label\r\nA, b;1\r\n")
    assert fields(path) == [["A, b", "1"]]
    assert [record.where for record in read_records(path)] == [f"{path}, line 3"]
    with pytest.raises(ValueError, match=r"a\.csv: empty; expected records"):
        open_records(write("a.csv", "sep=;\n"))


@pytest.mark.parametrize(
    ("content", "records"),
    [
        ('text\tn\nsaid "so"\t1\n', [['said "so"', "1"]]),
        ('text\tn\n"open\t1\n', [['"open', "1"]]),
        ('text\tn\n"whole"\t1\n', [['"whole"', "1"]]),
        ('text\tn\n"open\t1\nclose"\t2\n', [['"open', "1"], ['close"', "2"]]),
        ('text\tn\n"so" he said\t1\n"a ""b"""\t2\n', [['"so" he said', "1"], ['"a ""b"""', "2"]]),
        ('text\tn\n"said ""so"""\t1\n', [['said "so"', "1"]]),
        ('"text"\t"n"\n"whole"\t"1"\n', [["whole", "1"]]),
        ('text\tn\n"two\nlines"\t1\n', [["two\nlines", "1"]]),
        ('n\ttext\n1\t"two\nlines"\n2\tx\n', [["1", "two\nlines"], ["2", "x"]]),
        ('text\tn\n"a\tb"\t1\n', [["a\tb", "1"]]),
    ],
)
def test_quotes_between_tabs_enclose_fields_only_in_files_that_were_written_so(
    write: Write, content: str, records: list[list[str]]
) -> None:
    assert fields(write("a.tsv", content)) == records


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (",text,label\n0,A,x\n1,B,y\n", [["A", "x"], ["B", "y"]]),
        ("text,label,,\nA,x,,\nB,y\nC,z,\n", [["A", "x"], ["B", "y"], ["C", "z"]]),
        ("text,label\nA,x,,\n,,\n , \nB,y\n\n", [["A", "x"], ["B", "y"]]),
        (" text , label \nA,x\n", [["A", "x"]]),
    ],
)
def test_unnamed_columns_and_lines_without_values_are_left_out(
    write: Write, content: str, records: list[list[str]]
) -> None:
    path = write("a.csv", content)
    assert fields(path) == records
    assert list(next(read_records(path)).fields) == ["text", "label"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,,label\nA,b,x\n", r"line 2: column 2 holds 'b', but the header has no name for it"),
        ("text,label\nA,x,z\n", r"a\.csv, line 2: 3 fields, beginning with 'A,x,z'; expected 2: text, label"),
        ("text,label\nA\n", r"a\.csv, line 2: 1 fields, beginning with 'A'; expected 2: text, label"),
        ("text,text \nA,b\n", r"a\.csv, line 1: two columns named text; expected different names"),
        (
            'text,label\n"A,x\n',
            r"a\.csv, line 2: broken record \(unexpected end of data\); expected quoted fields",
        ),
        (
            "text,label\nA\rB,x\n",
            r"a\.csv, line 2: broken record \(new-line character seen in unquoted field\);",
        ),
    ],
)
def test_a_file_that_fits_no_dialect_is_refused_with_its_line(
    write: Write, content: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fields(write("a.csv", content))
