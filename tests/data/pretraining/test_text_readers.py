import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.data.pretraining import text_readers
from gpt_toolkit.data.pretraining.text_readers import character_boundary, read_records, read_text

Write = Callable[[str, str | bytes], Path]

PROSE = "Es war einmal ein König, der hatte drei Töchter. 🐦 \n\n" * 50


@pytest.fixture(params=[".txt", ".txt.gz"])
def ending(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def packed(text: str | bytes, ending: str) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return gzip.compress(data) if ending.endswith(".gz") else data


def test_a_text_file_is_read_whole_in_small_blocks(
    write: Write, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_readers, "BLOCK_BYTES", 100)
    path = write(f"a{ending}", packed(PROSE, ending))
    blocks = list(read_text(path, 0, None))
    assert "".join(text for text, _ in blocks) == PROSE
    assert len(blocks) > 20
    assert all(text[0].isspace() for text, _ in blocks[1:])
    assert blocks[-1][1] == len(PROSE.encode())


def test_reading_resumes_after_any_block(write: Write, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_readers, "BLOCK_BYTES", 100)
    path = write(f"a{ending}", packed(b"\xef\xbb\xbf" + PROSE.replace("\n", "\r\n").encode(), ending))
    blocks = list(read_text(path, 0, None))
    for i in range(0, len(blocks), 5):
        assert list(read_text(path, blocks[i][1], None)) == blocks[i + 1 :]


def test_a_byte_order_mark_is_dropped_and_line_ends_become_line_feeds(write: Write, ending: str) -> None:
    path = write(f"a{ending}", packed(b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\n", ending))
    assert [text for text, _ in read_text(path, 0, None)] == ["one\ntwo\nthree\n\n"]


@given(st.text(alphabet="ab \r\n\u00e4\u20ac\U0001f600", max_size=60), st.integers(4, 12), st.integers(0, 60))
def test_blocks_of_any_size_give_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int, cut: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_bytes(text.encode())
    cut = character_boundary(path, min(cut, len(text.encode())))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_readers, "BLOCK_BYTES", size)
        patch.setattr(text_readers, "_LONGEST_BLOCK", 20)
        head = "".join(piece for piece, _ in read_text(path, 0, cut))
        tail = "".join(piece for piece, _ in read_text(path, cut, None))
    data = text.encode()
    universal = [part.decode().replace("\r\n", "\n").replace("\r", "\n") for part in (data[:cut], data[cut:])]
    assert [head, tail] == universal


def test_a_text_without_spaces_is_cut_after_four_megabytes(write: Write) -> None:
    path = write("a.txt", "x" * (9 << 20))
    assert [len(text) for text, _ in read_text(path, 0, None)] == [4 << 20, 4 << 20, 1 << 20]


def test_an_empty_file_gives_nothing(write: Write) -> None:
    assert list(read_text(write("a.txt", ""), 0, None)) == []
    assert list(read_text(write("b.txt", b"\xef\xbb\xbf"), 0, None)) == []
    assert list(read_records(write("a.jsonl", ""), "text")) == []


@pytest.mark.parametrize("before", [0, 10, 1 << 20, (1 << 20) + 7])
def test_text_that_is_not_utf8_is_refused_with_its_offset(write: Write, before: int, ending: str) -> None:
    path = write(f"a{ending}", packed(b"a " * (before // 2) + b"caf\xe9 au lait", ending))
    offset = before // 2 * 2 + 3
    with pytest.raises(ValueError, match=rf"a{ending} is not UTF-8: byte 0xe9 at offset {offset}; .*iconv"):
        list(read_text(path, 0, None))


def test_text_that_ends_inside_a_character_is_refused(write: Write) -> None:
    path = write("a.txt", "good night \u20ac".encode()[:-1])
    with pytest.raises(ValueError, match="not UTF-8: byte 0xe2 at offset 11"):
        list(read_text(path, 0, None))


def test_broken_gzip_is_refused_by_name(write: Write) -> None:
    path = write("a.txt.gz", gzip.compress(PROSE.encode())[:-20])
    with pytest.raises(ValueError, match=r"a\.txt\.gz is broken gzip near byte \d+.*again"):
        list(read_text(path, 0, None))
    with pytest.raises(ValueError, match=r"b\.jsonl\.gz is broken gzip"):
        list(read_records(write("b.jsonl.gz", b"not gzip at all"), "text"))


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
        ("{oops", r"a\.jsonl, line 2 is not JSON \(.*one object a line"),
        ("[1]", r"a\.jsonl, line 2 is not an object but list;"),
        ('{"body": 1, "id": 2}', r"a\.jsonl, line 2 has no field 'text'; its fields: body, id; set"),
        ('{"text": 5}', r"a\.jsonl, line 2: field 'text' is not a string but int"),
        ('{"text": "\\ud800"}', r"a\.jsonl, line 2: field 'text' holds half a surrogate pair"),
        (b'{"text": "\xff"}', r"a\.jsonl, line 2 is not UTF-8"),
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
    with pytest.raises(ValueError, match=r"a\.parquet has no column 'text'; it has id, body; set text"):
        list(read_records(parquet(tmp_path / "a.parquet", ["x"], "body"), "text"))
    with pytest.raises(ValueError, match=r"b\.parquet, row 2 of row group 1: .* not a string but NoneType"):
        list(read_records(parquet(tmp_path / "b.parquet", ["x", None]), "text"))
    with pytest.raises(ValueError, match=r"c\.parquet is not a readable parquet file"):
        list(read_records(write("c.parquet", b"junk junk junk"), "text"))
