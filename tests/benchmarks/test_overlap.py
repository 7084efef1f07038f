import json
from pathlib import Path

import pytest

from benchmarks.overlap import BLOOM, OURS, PLAIN, divide, main
from benchmarks.ratios import read


def test_a_quick_run_measures_all_with_equal_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    speed = report["mb_per_second"]
    assert speed.keys() == {OURS, BLOOM, PLAIN}
    assert report["ratio"] == pytest.approx(speed[OURS] / speed[PLAIN])
    assert 0 < report["found"] < report["runs"]
    assert [ratio.value for ratio in read("overlap", report)] == [report["ratio"], report["ratio_bloom"]]
    assert "runs are found" in capsys.readouterr().out


def test_the_last_twentieth_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for name, text in (("a", "a" * 970), ("b", "b" * 20), ("c", "c" * 10)):
        (tmp_path / "train" / name).write_text(text, encoding="utf-8")
    divide(tmp_path / "train", tmp_path / "test")
    assert (tmp_path / "test").read_text(encoding="utf-8").split() == ["a" * 20, "b" * 20, "c" * 10]
    assert [path.read_text(encoding="utf-8") for path in (tmp_path / "train").iterdir()] == ["a" * 950]
