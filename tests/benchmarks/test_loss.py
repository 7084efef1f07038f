import json
from pathlib import Path

import pytest

from benchmarks.loss import OURS, PLAIN, PRODUCTS, contestants, main
from benchmarks.ratios import read


def test_a_quick_run_measures_time_memory_and_error_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--dtypes", "float32", "bfloat16", "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert [each["dtype"] for each in report["results"]] == report["dtypes"] == ["float32", "bfloat16"]
    for each in report["results"]:
        names, times = contestants(each["dtype"]), each["median_seconds"]
        assert list(times) == names
        assert each["speed_ratio"][PLAIN] == pytest.approx(times[PLAIN] / times[OURS])
        assert each["memory_ratio"].keys() == set(names) - {OURS, PRODUCTS}
        assert each["error"].keys() == set(names) - {PRODUCTS}
        for name, error in each["error"].items():
            # torch returns the loss of bf16 inputs in bf16
            assert max(error.values()) < (1e-5 if each["dtype"] == "float32" else 5e-2), name
    assert "float32" in capsys.readouterr().out
    ratios = read("loss", report)
    assert ratios[0].what == "loss, N 64, D 16, V 1,000, float32, to plain"
    assert ratios[0].value == pytest.approx(1 / report["results"][0]["speed_ratio"][PLAIN])
    assert not ratios[0].higher_is_better
    assert len(ratios) == 2 * 2 + 2 * 3
