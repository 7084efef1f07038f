import json
from pathlib import Path

import pytest

from benchmarks.ratios import read
from benchmarks.training import OURS, THEIRS, main


def test_a_quick_run_measures_speed_and_memory_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    [result] = report["results"]
    speed, memory = result["tokens_per_second"], result["peak_mb"]
    assert speed.keys() == memory.keys() == {OURS, THEIRS}
    assert result["ratio"] == pytest.approx(speed[OURS] / speed[THEIRS])
    assert result["memory_ratio"] == pytest.approx(memory[OURS] / memory[THEIRS])
    assert [ratio.value for ratio in read("training", report)] == [result["ratio"], result["memory_ratio"]]
    for name in (OURS, THEIRS):
        assert memory[name] >= result["peak_mb_before_training"][name] > 0
        assert len(result["seconds"][name]) == 1
    assert "tiny" in capsys.readouterr().out
