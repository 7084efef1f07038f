import codecs
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.utf8 import check_text, not_utf8, open_utf8

Write = Callable[[str, str | bytes], Path]

TEXT = "naïve Σ 語 🙂\nsecond line\r\n" * 40_000  # more than one block


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be", "utf-16-le"]
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_encodings_with_a_mark_are_read_as_utf8(encoding: str, is_packed: bool, write: Write) -> None:
    mark = {
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-32-be": codecs.BOM_UTF32_BE,
    }
    data = mark.get(encoding, b"") + TEXT.encode(encoding)
    path = write("a.txt.gz", gzip.compress(data)) if is_packed else write("a.txt", data)
    with open_utf8(path) as file:
        assert file.readline() == "naïve Σ 語 🙂\n".encode()
        offset = file.tell()
        assert file.read() == TEXT.encode()[len("naïve Σ 語 🙂\n".encode()) :]
    with open_utf8(path, offset) as file:
        assert file.tell() == offset
        assert file.readline() == b"second line\r\n"


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "text")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "the content is a PDF document; expected UTF-8 text; extract"),
        (zipped(), "the content is a zip archive or an office document; expected UTF-8 text; unpack"),
        (gzip.compress(b"text", mtime=0), "the content is gzip; expected UTF-8 text; add .gz to its name"),
        (b"PAR1\x15\x04", "the content is parquet; expected UTF-8 text; let its name end in .parquet"),
        ("Hello there".encode("utf-16-le"), "11 of 22 bytes are NUL, the first at offset 1; .* UTF-16LE -t"),
        ("Hello there".encode("utf-16-be"), "11 of 22 bytes are NUL, the first at offset 0; .* UTF-16BE -t"),
        (b"text" + bytes(300) + b"text", "300 of 308 bytes are NUL, the first at offset 4; .* leave it out"),
        (b"x" * 5000 + bytes(8) + b"x" * 5000, "8 of 10,008 bytes are NUL, the first at offset 5000"),
    ],
)
def test_what_is_no_text_is_refused_by_its_name(data: bytes, message: str, write: Write) -> None:
    path = write("a b.txt", data)
    with pytest.raises(ValueError, match=message) as caught, open_utf8(path):
        pass
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_single_nul_in_a_long_text_is_text(write: Write) -> None:
    data = b"a text of the web\0 and more "
    check_text(data * 8, Path("a.txt"), 0)
    check_text(data * 9 + b"x" * 1000, Path("a.txt"), 0)
    with pytest.raises(ValueError, match=r"a\.txt: 9 of 252 bytes are NUL, the first at offset 1017;"):
        check_text(data * 9, Path("a.txt"), 1000)


def test_the_fix_names_a_command_that_a_shell_understands() -> None:
    assert str(not_utf8(Path("d/my text.txt"), 0xE9, "offset 7")) == (
        "d/my text.txt: byte 0xe9 at offset 7; expected UTF-8 text; convert it, for example: "
        "iconv -f WINDOWS-1252 -t UTF-8 'my text.txt' > utf8.txt"
    )
    assert str(not_utf8(Path("a.txt.gz"), 0xE9, "offset 7")).endswith(
        "gzip -dc a.txt.gz | iconv -f WINDOWS-1252 -t UTF-8 > utf8.txt"
    )


def test_utf16_that_ends_inside_a_character_is_refused(write: Write) -> None:
    path = write("a.txt", "Hello".encode("utf-16")[:-1])
    with (
        pytest.raises(ValueError, match=r"truncated data at offset 10; expected utf-16-le text"),
        open_utf8(path) as file,
    ):
        file.read()
