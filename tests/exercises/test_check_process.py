"""A learner's file in a process of its own."""

from pathlib import Path

import pytest

from gpt_toolkit.exercises import EXERCISES
from gpt_toolkit.exercises.check_process import check_file

START = "def causal_mask(length, past):\n"


@pytest.mark.parametrize(
    ("source", "seconds", "message"),
    [
        (f"{START}    while True: pass\n", 0.2, "mine.py: did not finish within 0.2 s; "),
        ("import os\nos._exit(0)\n", None, "mine.py: Python ended before the check was complete; "),
        (f"{START}    return input()\n", None, "mine.py:2: EOFError: "),
    ],
)
def test_a_file_that_hangs_or_ends_python_is_named(
    source: str, seconds: float | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(source, encoding="utf-8")
    passed, found = check_file(EXERCISES["gpt1-3.1b"], path, seconds)
    assert not passed
    assert found.startswith(message)
