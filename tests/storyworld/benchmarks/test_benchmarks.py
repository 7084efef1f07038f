"""The table of benchmarks, and properties of all of them."""

from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import BENCHMARKS, QUESTIONS, benchmark
from gpt_toolkit.storyworld.documents import document

NAMES = tuple(BENCHMARKS)


def test_the_table_has_every_benchmark_of_the_paper() -> None:
    assert {entry.counterpart for entry in BENCHMARKS.values()} == {
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
def test_no_row_comes_twice(name: str) -> None:
    count = len(QUESTIONS["test"]) if name == "questions" else 800
    assert len(set(islice(benchmark(name, 1), count))) == count


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "questions"])
def test_no_row_comes_twice_in_5000(name: str) -> None:
    assert len(set(islice(benchmark(name, 2), 5000))) == 5000


def test_running_text_is_that_of_the_documents_of_the_split() -> None:
    assert list(islice(benchmark("text", 4), 20)) == [document(4, "test", index) for index in range(20)]
