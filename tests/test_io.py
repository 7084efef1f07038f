"""Errors of reading, as one line with the path."""

from pathlib import Path

import pytest

from gpt_toolkit.io import explain_read_errors

PATH = Path("folder/a.json")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("n_layer"), "folder/a.json: cannot be read (KeyError: 'n_layer'); copy it again"),
        (ValueError("two\n lines"), "folder/a.json: cannot be read (ValueError: two lines); copy it again"),
        (RecursionError("deep"), "folder/a.json: cannot be read (RecursionError: deep); copy it again"),
        (ValueError("folder/a.json: wrong"), "folder/a.json: wrong"),
        (ValueError(f"folder/a.json: {'9' * 5000}"), f"folder/a.json: {'9' * 985} ..."),
        (FileNotFoundError("gone"), "gone"),
    ],
    ids=range(6),
)
def test_any_error_of_reading_is_one_line_with_the_path(error: Exception, message: str) -> None:
    with pytest.raises((ValueError, OSError)) as raised, explain_read_errors(PATH, "copy it again"):
        raise error
    assert str(raised.value) == message
