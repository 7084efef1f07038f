import json
from pathlib import Path

import pytest

from benchmarks.ratios import read
from benchmarks.training import COMPILED, OURS, THEIRS, main, measure, quick_shapes


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
    assert result["ratio"] == {THEIRS: pytest.approx(speed[OURS] / speed[THEIRS])}
    assert result["memory_ratio"] == {THEIRS: pytest.approx(memory[OURS] / memory[THEIRS])}
    values = [result["ratio"][THEIRS], result["memory_ratio"][THEIRS]]
    assert [ratio.value for ratio in read("training", report)] == values
    for name in (OURS, THEIRS):
        assert memory[name] >= result["peak_mb_before_training"][name] > 0
        assert len(result["seconds"][name]) == 1
    assert all((ratio.target is None) == (precision == "32-true") for ratio in read("training", report))
    said = capsys.readouterr().out
    assert "tiny" in said
    assert f"{precision}; tokens a second" in said


@pytest.mark.slow
def test_a_compiled_loop_trains_too(tmp_path: Path) -> None:
    [shape] = quick_shapes()
    result = measure(shape, 1, tmp_path, "32-true", compiles=True)
    assert result["tokens_per_second"].keys() == {OURS, THEIRS, COMPILED}
    assert result["ratio"].keys() == {THEIRS, COMPILED}
