"""Checksums of files, compared with zlib and with changed bytes."""

import json
import os
import zlib
from pathlib import Path

import pytest

from gpt_toolkit.checksums import file_checksum, read_checked_json, verify_file, write_checked_json


def test_the_checksum_of_a_file_is_zlibs(tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = os.urandom((1 << 22) + 5)
    path.write_bytes(content)
    assert file_checksum(path) == zlib.crc32(content)
    assert file_checksum(path, 7) == zlib.crc32(content[7:])


def test_a_process_reads_a_file_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    n_read: list[Path] = []

    def counted(path: Path, start: int) -> int:
        n_read.append(path)
        return 5

    monkeypatch.setattr("gpt_toolkit.checksums.file_checksum", counted)
    verify_file(path, 5, "make it again")
    verify_file(path, 5, "make it again")
    assert len(n_read) == 1
    path.write_bytes(b"abcd")
    verify_file(path, 5, "make it again")
    assert len(n_read) == 2
    with pytest.raises(
        ValueError, match=f"^{path}: checksum 0x00000005; expected 0x00000006; make it again$"
    ):
        verify_file(path, 6, "make it again")


def test_an_object_with_its_checksum_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    value = {"b": [1, 2.5, None, "ä"], "a": {"x": 1e-300}}
    write_checked_json(path, value)
    assert read_checked_json(path, "") == value
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4))  # the same content
    assert read_checked_json(path, "") == value


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", '{"crc32": 0}', '{"a": 1, "crc32": 7}', "[" * 10_000])
def test_anything_else_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"^{path}: damaged \(.*\); delete it$"):
        read_checked_json(path, "delete it")
