"""A run of 20,000 steps: memory, open files, threads and checkpoints do not grow, and every row is right."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.soak import PROCESS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not PROCESS.is_dir(), reason="the process is observed in /proc")
def test_a_run_of_20_000_steps_does_not_grow(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.faults.soak",
        str(tmp_path),
        "--steps",
        "20000",
        "--every",
        "1000",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert report["code"] == 0
    assert report["wrong_rows"] == []
    assert report["checkpoints"] == ["best.ckpt", "last.ckpt"]
    samples = report["samples"][4:]  # memory of the first validations and checkpoints is kept
    assert [sample["step"] for sample in samples] == list(range(5000, 20_001, 1000))
    for name in ("fd", "task"):
        assert len({sample[name] for sample in samples}) == 1, name
    sizes = [sample["checkpoint"] for sample in samples]
    assert max(sizes) - min(sizes) < 1000  # numbers have more digits
    growth = samples[-1]["memory"] - samples[0]["memory"]
    assert growth < 5e6, f"{growth:,} bytes in 15,000 steps"  # 1 MB was measured
