import json
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from benchmarks.generation import OURS, PLAIN, THEIRS, main
from benchmarks.ratios import read


def test_a_quick_run_measures_both_with_equal_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--dtypes", "float32", "bfloat16", "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["dtypes"] == ["float32", "bfloat16"]
    assert [(each["dtype"], each["batch"]) for each in report["results"]] == [
        ("float32", 1),
        ("float32", 2),
        ("bfloat16", 1),
        ("bfloat16", 2),
    ]
    assert [each["equal_tokens"] for each in report["results"][:2]] == [12, 24]
    for each in report["results"]:
        speed = each["tokens_per_second"]
        assert each["ratio_to_transformers"] == pytest.approx(speed[OURS] / speed[THEIRS])
        assert each["share_of_bound"] == pytest.approx(speed[OURS] / each["bound_tokens_per_second"])
        assert speed.keys() == {OURS, THEIRS, PLAIN}
        assert sum(each["where_time_goes"].values()) == pytest.approx(1, abs=0.01)
    ratios = [each["ratio_to_transformers"] for each in report["results"]]
    assert [ratio.value for ratio in read("generation", report)] == ratios
    assert report["machine"]["versions"]["transformers"] != "not installed"
    assert "bfloat16, batch 2" in capsys.readouterr().out


@pytest.mark.parametrize("packed", ["0", "1"])
def test_tokens_are_equal_with_packed_weights_and_without(
    packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_PACKED", packed)
    assert main(["--quick", "--dtypes", "float32", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [each["equal_tokens"] for each in report["results"]] == [12, 24]
