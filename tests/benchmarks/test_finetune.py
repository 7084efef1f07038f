import json
import math
from pathlib import Path

import pytest

from benchmarks.finetune import OURS, RANDOM, SORTED, main
from benchmarks.ratios import read


def test_a_quick_run_measures_speed_cost_and_buckets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("speed", "auxiliary", "buckets"):
        assert main(["--quick", "--part", part, "--output", str(tmp_path / f"{part}.json")]) == 0
    report = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))[path.stem] for path in tmp_path.iterdir()
    }
    speed = report["speed"]["examples_per_second"]
    assert report["speed"]["ratio_to_random"] == pytest.approx(speed[OURS] / speed[RANDOM])
    assert report["speed"]["ratio_to_sorted"] == pytest.approx(speed[OURS] / speed[SORTED])
    assert report["auxiliary"]["time_ratio"] > 0
    ratios = [report["speed"][f"ratio_{name}"] for name in ("to_random", "to_sorted", "with_l1")]
    ratios.append(1 / report["auxiliary"]["time_ratio"])
    assert [ratio.value for ratio in read("finetune", report)] == pytest.approx(ratios)
    assert report["buckets"]["furthest"] < 1e-6 < report["buckets"]["largest_logit"]
    tokens = report["buckets"]["tokens_a_row"]
    assert tokens["in buckets"] < tokens["at random"]
    assert "ours to sorted by length" in capsys.readouterr().out


def test_accuracies_with_buckets_and_without_are_paired_by_seed(tmp_path: Path) -> None:
    assert main(["--quick", "--accuracy", "2", "--output", str(tmp_path / "accuracy.json")]) == 0
    found = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))["accuracy"]
    bucketed, random = found["accuracies"].values()
    assert len(bucketed) == len(random) == 2
    assert found["difference"] == pytest.approx(sum(bucketed) / 2 - sum(random) / 2)
    assert not math.isnan(found["interval"])
