"""A killed command that is repeated leaves the same files as one that was not killed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forked")


def killed(kind: str, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.faults.killed_runs", kind, str(folder)]
    done = subprocess.run(
        [*command, "--kills", str(kills), "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize(
    ("kind", "kills"),
    [
        ("fit", 5),
        ("prepare", 5),
        ("zero-shot", 3),
        pytest.param("fit", 100, marks=pytest.mark.slow),
        pytest.param("prepare", 100, marks=pytest.mark.slow),
        pytest.param("zero-shot", 100, marks=pytest.mark.slow),
    ],
)
def test_a_killed_command_ends_in_the_same_files(kind: str, kills: int, tmp_path: Path) -> None:
    report = killed(kind, tmp_path, kills, seed=kills)
    assert report["status"] == 0
    assert report["kills"] >= kills
    assert report["wrong"] == []
