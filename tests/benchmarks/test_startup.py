import json
import sys
from pathlib import Path

import pytest

from benchmarks.ratios import read
from benchmarks.startup import EMPTY, LITGPT, OURS, TORCH, main


def test_a_quick_run_measures_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--litgpt", sys.executable, "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    times = report["median_seconds"]
    assert times.keys() == {OURS, EMPTY, TORCH, LITGPT}
    assert report["ratio"][EMPTY] == pytest.approx(times[OURS] / times[EMPTY])
    assert times[OURS] < times[TORCH]
    assert [ratio.what for ratio in read("startup", report)] == ["gpt-toolkit --help", "--help, to litgpt's"]
    assert OURS in capsys.readouterr().out
