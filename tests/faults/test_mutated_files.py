"""Each reader, with changed bytes: refused in one line, or read as what was written."""

import signal
from pathlib import Path

import pytest

from tests.faults.mutated_files import READERS, Reader, try_mutations

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a hang is ended by a signal")
SLOW_READERS = {"config": 3, "parquet": 20}
"""Number of mutations in the default run of readers that take long."""


@pytest.mark.parametrize("name", READERS)
def test_some_mutations(name: str, tmp_path: Path) -> None:
    counts, wrong = try_mutations(READERS[name], tmp_path, SLOW_READERS.get(name, 40), seed=0)
    assert wrong == []
    assert counts.total() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_ten_thousand_mutations(name: str, tmp_path: Path) -> None:
    counts, wrong = try_mutations(READERS[name], tmp_path, 10_000, seed=1)
    assert wrong == []
    assert counts.total() == 10_000


def test_the_outcomes_are_told_apart(tmp_path: Path) -> None:
    def read(path: Path) -> str:
        content = path.read_bytes()
        if content == b"a" * 100:
            return "content"
        if len(content) > 100:
            raise ValueError(f"{path}: damaged")
        if len(content) < 50:
            raise KeyError("internal")
        raise ValueError("no name")

    def write(folder: Path) -> Path:
        (folder / "file").write_bytes(b"a" * 100)
        return folder / "file"

    counts, wrong = try_mutations(Reader(write, read), tmp_path, 200, seed=0)
    assert counts.keys() >= {"refused", "traceback", "unclear"}
    assert len(wrong) == counts["traceback"] + counts["unclear"]
    silent, _ = try_mutations(
        Reader(write, lambda path: path.read_bytes(), is_checked=True), tmp_path, 50, seed=0
    )
    assert silent["different"] > 40
