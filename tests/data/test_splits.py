import pytest

from gpt_toolkit.data.splits import split_named


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("valid", "val"),
        ("Validation", "val"),
        ("dev", "val"),
        ("test-00000-of-00002", "test"),
        ("wiki.train", "train"),
        ("ptb.valid", "val"),
        ("a", None),
        ("protest", None),
        ("trained", None),
    ],
)
def test_names_of_files_and_folders_speak_of_splits(name: str, split: str | None) -> None:
    assert split_named(name) == split
