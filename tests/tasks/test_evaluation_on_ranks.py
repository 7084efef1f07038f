"""Two ranks score and predict each example once, also if one of them has no example."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.evaluation_on_ranks import write_inputs


def values(content: Any) -> Any:
    """Return the content with numbers that are compared with a tolerance."""
    if isinstance(content, dict):
        return {key: values(value) for key, value in content.items()}
    if isinstance(content, list):
        return [values(value) for value in content]
    return pytest.approx(content, abs=1e-6) if isinstance(content, float) else content


def evaluated(ranks: int, folder: Path) -> Any:
    """Return the results of a program of its own, whose data are fakes."""
    # other tests leave Lightning's seed in the environment, which processes of DDP would take
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PL_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.evaluation_on_ranks", str(ranks), str(folder)],
        capture_output=True,
        text=True,
        env=outer | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


def test_two_ranks_give_the_scores_and_predictions_of_one(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    one, two = evaluated(1, tmp_path), evaluated(2, tmp_path)
    assert two.keys() == one.keys()
    for name, expected in one.items():
        assert two[name] == values(expected), name
        assert expected["predict"]
