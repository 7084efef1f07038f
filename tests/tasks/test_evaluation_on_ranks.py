"""Two ranks score and predict each example once, also if one of them has no example."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.evaluation_on_ranks import evaluate, write_inputs


def values(content: Any) -> Any:
    """Return the content with numbers that are compared with a tolerance."""
    if isinstance(content, dict):
        return {key: values(value) for key, value in content.items()}
    if isinstance(content, list):
        return [values(value) for value in content]
    return pytest.approx(content, abs=1e-6) if isinstance(content, float) else content


def test_two_ranks_give_the_scores_and_predictions_of_one(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    command = [sys.executable, "-m", "tests.tasks.evaluation_on_ranks", "2", str(tmp_path)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    two = json.loads((tmp_path / "results.json").read_text())
    one = json.loads(json.dumps(evaluate(1, tmp_path)))
    assert two.keys() == one.keys()
    for name, expected in one.items():
        assert two[name] == values(expected), name
        assert expected["predict"]
