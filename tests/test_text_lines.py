import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.text_lines import text_lines

Write = Callable[[str, str | bytes], Path]

TEXT = 'text,label\n"Žena \u2028 日本",1\n😀,0\n'


def lines_of(path: Path) -> list[str]:
    return [line for _, line in text_lines(path)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_encodings_with_a_mark_and_all_line_ends_are_read(
    write: Write, name: str, encoding: str, end: str
) -> None:
    content = TEXT.replace("\n", end).encode(encoding)
    path = write(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert lines_of(path) == [line + end for line in TEXT.split("\n")[:-1]]


def test_big_endian_utf_16_is_read(write: Write) -> None:
    assert lines_of(write("a.txt", codecs.BOM_UTF16_BE + "é\nb".encode("utf-16-be"))) == ["é\n", "b"]


def test_a_carriage_return_inside_a_line_or_quotes_ends_no_line(write: Write) -> None:
    assert lines_of(write("a.tsv", "a\tb\none\rtwo\t1\n")) == ["a\tb\n", "one\rtwo\t1\n"]
    assert lines_of(write("a.csv", '"a\rb",c\nd,e\n')) == ['"a\rb",c\n', "d,e\n"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"a,b\n1,\xe9\n",
            r"a\.csv: byte 0xe9 at line 2; expected UTF-8 text; convert it.*iconv -f WINDOWS-1252 .* a\.csv",
        ),
        (b"a\r1\r\xff\r", r"a\.csv: byte 0xff at line 3"),
        (b"a,b\n1,\0\n", r"a\.csv, line 2: NUL bytes; expected text; remove them, or save the file as UTF-8"),
        ("text,label\n" * 30, r"bytes are NUL, the first at offset 1; .* iconv -f UTF-16LE -t UTF-8 a\.csv"),
        (gzip.compress(b"text,label\n", mtime=0), r"a\.csv: the content is gzip; .*; add \.gz to its name"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0", r"a\.csv: the content is a zip archive or an office document"),
        (b"PAR1\x15\x04\x15\xf4", r"a\.csv: the content is parquet; .*; let its name end in \.parquet"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0b", r"a\.csv: truncated data at offset 6; expected utf-16-le text"),
    ],
)
def test_what_is_not_text_is_refused_with_its_line(write: Write, content: bytes | str, message: str) -> None:
    path = write("a.csv", content.encode("utf-16-le") if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=message) as error:
        lines_of(path)
    assert "\n" not in str(error.value)
