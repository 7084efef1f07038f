import json
from pathlib import Path

import pytest

from benchmarks.overhead import BARE, OURS, main
from benchmarks.ratios import read


def test_a_quick_run_measures_a_step_of_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    [result] = report["results"]
    of_a_step = result["ms_a_step"]
    assert of_a_step.keys() == {OURS, BARE}
    assert result["cost_ms"] == pytest.approx(of_a_step[OURS] - of_a_step[BARE])
    [ratio] = read("overhead", report)
    assert ratio.value == pytest.approx(of_a_step[OURS] / of_a_step[BARE])
    assert "may cost" in capsys.readouterr().out
