import json
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from benchmarks.generation import OURS, PLAIN, THEIRS, main
from benchmarks.ratios import read
from benchmarks.side_by_side import CPU
from gpt_toolkit.hardware import has_int8_products


def test_a_quick_run_measures_both_with_equal_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--dtypes", "float32", "bfloat16", "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["dtypes"] == ["float32", "bfloat16"]
    found = [(each["dtype"], each["batch"]) for each in report["results"]]
    assert found[:4] == [("float32", 1), ("float32", 2), ("bfloat16", 1), ("bfloat16", 2)]
    assert found[4:] == ([("int8", 1), ("int8", 2)] if has_int8_products(CPU) else [])
    assert [each["equal_tokens"][THEIRS] for each in report["results"][:2]] == [12, 24]
    for each in report["results"]:
        speed = each["tokens_per_second"]
        assert each["ratio"].keys() == speed.keys() - {OURS}
        for name, ratio in each["ratio"].items():
            assert ratio == pytest.approx(speed[OURS] / speed[name])
        assert each["share_of_bound"] == pytest.approx(speed[OURS] / each["bound_tokens_per_second"])
        assert {OURS, THEIRS, PLAIN} <= speed.keys() or each["dtype"] == "int8"
        assert sum(each["where_time_goes"].values()) == pytest.approx(1, abs=0.01)
    ratios = [each["ratio"][THEIRS] for each in report["results"][:4]]
    assert [ratio.value for ratio in read("generation", report) if ratio.beside == THEIRS] == ratios
    assert report["machine"]["versions"]["transformers"] != "not installed"
    assert "bfloat16, batch 2" in capsys.readouterr().out


@pytest.mark.parametrize("packed", ["0", "1"])
def test_tokens_are_equal_with_packed_weights_and_without(
    packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_PACKED", packed)
    assert main(["--quick", "--dtypes", "float32", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [each["equal_tokens"][THEIRS] for each in report["results"][:2]] == [12, 24]
