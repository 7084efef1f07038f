import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.data.pretraining import plain_text
from gpt_toolkit.data.pretraining.plain_text import held_out_offset, read_separated, read_text
from gpt_toolkit.data.pretraining.text_records import read_records

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
    monkeypatch.setattr(plain_text, "BLOCK_BYTES", 100)
    path = write(f"a{ending}", packed(PROSE, ending))
    blocks = list(read_text(path, 0, None))
    assert "".join(text for text, _ in blocks) == PROSE
    assert len(blocks) > 20
    assert all(text[0].isspace() for text, _ in blocks[1:])
    assert blocks[-1][1] == len(PROSE.encode())


def test_reading_resumes_after_any_block(write: Write, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_text, "BLOCK_BYTES", 100)
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
    cut = len(text[:cut].encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "BLOCK_BYTES", size)
        patch.setattr(plain_text, "_LONGEST_BLOCK", 20)
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
    with pytest.raises(
        ValueError, match=rf"a{ending}: byte 0xe9 at offset {offset:,}; expected UTF-8 text; .*iconv"
    ):
        list(read_text(path, 0, None))


def test_text_that_ends_inside_a_character_is_refused(write: Write) -> None:
    path = write("a.txt", "good night \u20ac".encode()[:-1])
    with pytest.raises(ValueError, match="byte 0xe2 at offset 11"):
        list(read_text(path, 0, None))


def test_broken_gzip_is_refused_by_name(write: Write) -> None:
    path = write("a.txt.gz", gzip.compress(PROSE.encode())[:-20])
    with pytest.raises(ValueError, match=r"a\.txt\.gz: Compressed file ended before the end-of-stream"):
        list(read_text(path, 0, None))
    with pytest.raises(ValueError, match=r"b\.jsonl\.gz: .*expected gzip"):
        list(read_records(write("b.jsonl.gz", b"not gzip at all"), "text"))


SEPARATED = [
    ("a<|e|>b", ["a", "b"]),
    ("a\n<|e|>\nb\n<|e|>\n", ["a", "b"]),
    ("<|e|>a", ["a"]),
    ("a<|e|><|e|>\n<|e|>b", ["a", "b"]),
    ("\n\na b\n\nc\n\n<|e|>\r\n  d\r\n", ["a b\n\nc", "  d"]),
    ("no mark at all\n", ["no mark at all"]),
    ("a <|e| >b<|e|", ["a <|e| >b<|e|"]),
    ("語<|e|>🙂", ["語", "🙂"]),
    ("<|e|>\n<|e|>", []),
    ("", []),
]


def documents(path: Path, separator: str = "<|e|>") -> list[str]:
    found: list[str] = []
    for text, starts_document, _ in read_separated(path, separator):
        found += [text] if starts_document else []
        found[-1] += "" if starts_document else text
    return found


@pytest.mark.parametrize(("text", "expected"), SEPARATED)
@pytest.mark.parametrize("size", [4, 5, 6, 7, 1 << 20])
def test_a_separator_ends_documents_in_blocks_of_any_size(
    text: str, expected: list[str], size: int, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_text, "BLOCK_BYTES", size)
    assert documents(write("a.txt", text)) == expected


@given(
    st.lists(st.text(alphabet="ab \n<|e\u20ac", max_size=20), max_size=8),
    st.integers(4, 30),
    st.sampled_from(["<|e|>", "\n\n", "=", "a b"]),
)
def test_documents_are_those_that_python_splits(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], size: int, separator: str
) -> None:
    text = separator.join(parts)
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_bytes(text.encode())
    expected = [part.strip("\n") for part in text.split(separator) if part.strip("\n")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "BLOCK_BYTES", size)
        assert documents(path, separator) == expected
        pieces = list(read_separated(path, separator))
        for i, (_, _, position) in enumerate(pieces):
            assert list(read_separated(path, separator, position)) == pieces[i + 1 :]


def test_many_nul_bytes_inside_a_file_are_refused_with_their_offset(write: Write, ending: str) -> None:
    path = write(f"a{ending}", packed(b"words " * 400_000 + bytes(50), ending))
    for read in (lambda: read_text(path, 0, None), lambda: read_separated(path, "<|e|>")):
        with pytest.raises(
            ValueError, match=rf"a{ending}: 50 of [\d,]+ bytes are NUL, the first at offset 2400000"
        ):
            list(read())


@pytest.mark.parametrize(
    ("text", "fraction", "val"),
    [
        ("word " * 500 + "one\n\ntwo\nthree four " + "word " * 50, 0.1, "two\nthree four " + "word " * 50),
        ("word " * 500 + "one\ntwo three " + "word " * 50, 0.1, "two three " + "word " * 50),
        ("wordword" * 100 + " " + "x" * 100, 0.1, "x" * 100),
        ("語" * 100, 0.1, "語" * 10),
        ("ab", 0.5, "b"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_held_out_end_begins_at_a_paragraph_line_word_or_character(
    text: str, fraction: float, val: str, line_end: str, write: Write, ending: str
) -> None:
    data = text.replace("\n", line_end).encode()
    offset = held_out_offset(write(f"a{ending}", packed(data, ending)), len(data), fraction)
    assert data[offset:].decode() == val.replace("\n", line_end)


@given(
    st.text(alphabet="ab \r\n\u20ac\U0001f600", min_size=2, max_size=3000), st.sampled_from([0.02, 0.1, 0.5])
)
def test_the_held_out_end_begins_near_the_fraction_and_never_inside_a_character(
    tmp_path_factory: pytest.TempPathFactory, text: str, fraction: float
) -> None:
    data = text.encode()
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_bytes(data)
    offset = held_out_offset(path, len(data), fraction)
    data[:offset].decode()
    target = int(len(data) * (1 - fraction))
    assert abs(offset - target) <= max(3, (len(data) - target) // 2)
