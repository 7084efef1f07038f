"""The table of benchmarks, and what holds for all of them."""

import hashlib
import os
import subprocess
import sys
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, benchmark
from gpt_toolkit.storyworld.benchmarks.questions import ROWS
from gpt_toolkit.storyworld.documents import document

NAMES = tuple(BENCHMARKS)
HASH = """
import hashlib, itertools
from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, benchmark
for name in BENCHMARKS:
    rows = repr(list(itertools.islice(benchmark(name, 5), 40)))
    print(name, hashlib.sha256(rows.encode()).hexdigest())
"""


def test_the_table_has_every_benchmark_of_the_paper() -> None:
    assert {entry.stands_for for entry in BENCHMARKS.values()} == {
        "LAMBADA", "CBT-CN", "CBT-NE", "Winograd", "CoQA", "CNN/Daily Mail", "WMT14 en-fr",
        "Natural Questions", "WikiText",
    }  # fmt: skip
    for entry in BENCHMARKS.values():
        assert entry.shortcut is None or entry.shortcut >= (entry.chance or 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_rows_have_the_type_of_the_table_in_every_split(name: str, split: str) -> None:
    for row in islice(benchmark(name, 0, split), 5):
        assert type(row) is BENCHMARKS[name].row


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_can_be_entered_at_any_position(name: str) -> None:
    stream = list(islice(benchmark(name, 3), 12))
    assert list(islice(benchmark(name, 3, start=7), 5)) == stream[7:]


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_splits_give_different_rows(name: str) -> None:
    firsts = {
        tuple(islice(benchmark(name, seed, split), 2)) for seed in (0, 1) for split in ("train", "test")
    }
    assert len(firsts) == 4


@pytest.mark.parametrize("name", NAMES)
def test_no_row_comes_twice(name: str) -> None:
    count = len(ROWS["test"]) if name == "questions" else 800
    assert len(set(islice(benchmark(name, 1), count))) == count


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "questions"])
def test_no_row_comes_twice_in_5000(name: str) -> None:
    assert len(set(islice(benchmark(name, 2), 5000))) == 5000


def test_processes_with_other_hash_seeds_give_the_same_rows() -> None:
    def run(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", HASH]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    first = run("0")
    assert first == run("4711")
    for line in first.splitlines():
        name, digest = line.split()
        assert hashlib.sha256(repr(list(islice(benchmark(name, 5), 40))).encode()).hexdigest() == digest


def test_running_text_is_that_of_the_documents_of_the_split() -> None:
    assert list(islice(benchmark("text", 4), 20)) == [document(4, "test", index) for index in range(20)]


def test_an_unknown_name_a_split_or_a_negative_start_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"'lambada'.*'last_word', 'common_nouns'"):
        benchmark("lambada", 0)
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        benchmark("last_word", 0, "valid")
    with pytest.raises(ValueError, match="-1"):
        benchmark("last_word", 0, start=-1)
