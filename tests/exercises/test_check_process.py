"""A learner's file in a process of its own."""

import signal
import subprocess
import sys
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_check_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass\n")
    code = (
        "from pathlib import Path\nfrom gpt_toolkit.exercises import EXERCISES\n"
        "from gpt_toolkit.exercises.check_process import check_file\n"
        f"check_file(EXERCISES['gpt1-3.1b'], Path({str(path)!r}))\n"
    )
    command = [sys.executable, "-c", code]
    # returns when all processes that have its output have ended
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
