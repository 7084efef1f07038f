import json
from pathlib import Path

import pytest

from benchmarks.ratios import read
from benchmarks.training import OURS, THEIRS, main


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_quick_run_measures_speed_and_memory_of_both(
    precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--precision", precision, "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["precision"] == precision
    [result] = report["results"]
    speed, memory = result["tokens_per_second"], result["peak_mb"]
    assert speed.keys() == memory.keys() == {OURS, THEIRS}
    assert result["ratio"] == pytest.approx(speed[OURS] / speed[THEIRS])
    assert result["memory_ratio"] == pytest.approx(memory[OURS] / memory[THEIRS])
    assert [ratio.value for ratio in read("training", report)] == [result["ratio"], result["memory_ratio"]]
    for name in (OURS, THEIRS):
        assert memory[name] >= result["peak_mb_before_training"][name] > 0
        assert len(result["seconds"][name]) == 1
    assert all((ratio.target is None) == (precision == "32-true") for ratio in read("training", report))
    said = capsys.readouterr().out
    assert "tiny" in said
    assert f"{precision}; tokens a second" in said
