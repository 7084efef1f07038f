from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.progress import ProgressBar

Write = Callable[[str, str | bytes], Path]


def test_checksums_are_remembered_until_a_file_changes(
    write: Write, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.txt", "abc")
    checksum = FileMemo(cache).checksum(path)
    with monkeypatch.context() as patch:
        patch.setattr(FileMemo, "_blake2b", lambda self, path: "read again")
        assert FileMemo(cache).checksum(path) == checksum
        path.write_bytes(b"abcd")
        assert FileMemo(cache).checksum(path) == "read again"


def test_reading_files_for_their_checksums_is_reported_once(tmp_path: Path) -> None:
    class Counting(ProgressBar):
        n_bytes = 0

        def advance(self, n: int = 1, fraction: float | None = None) -> None:
            self.n_bytes += n

    path = tmp_path / "text.txt"
    path.write_bytes(b"x" * (5 << 20))
    progress = Counting("Checking files")
    checksum = FileMemo(tmp_path / "memo", progress).checksum(path)
    assert progress.n_bytes == 5 << 20
    assert FileMemo(tmp_path / "memo", progress).checksum(path) == checksum
    assert progress.n_bytes == 5 << 20
