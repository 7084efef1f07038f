from pathlib import Path

import pytest

from gpt_toolkit.data.supervised import open_dataset
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("rtee", r"unknown dataset 'rtee' \(did you mean rte\?\); known: snli, mnli"),
        ("MRPC", r"unknown dataset 'MRPC' \(did you mean mrpc\?\)"),
        ("chess", r"unknown dataset 'chess'; known: .*storyworld:NAME; or a file ending in \.tsv, \.csv"),
    ],
)
def test_an_unknown_set_is_refused_with_the_known(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_dataset(entry)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train: file 'none\.csv' not found \(looked in"):
        open_dataset("none.csv", tmp_path)


def test_names_are_those_of_the_papers_table() -> None:
    assert list(known_datasets())[:12] == [
        *(
            "snli",
            "mnli",
            "scitail",
            "qnli",
            "rte",
            "race",
            "story_cloze",
            "cola",
            "sst2",
            "mrpc",
            "qqp",
            "stsb",
        )
    ]
