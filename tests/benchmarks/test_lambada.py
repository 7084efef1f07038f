import json
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from benchmarks.lambada import LENGTHS, OURS, THEIRS, WORDS, Plan, made_items, main
from benchmarks.ratios import read
from gpt_toolkit.backbone import DecoderConfig


@pytest.mark.filterwarnings("ignore")  # lm-eval's, where it is installed
def test_a_quick_run_measures_both_with_equal_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    assert main(["--quick", "--dtypes", "bfloat16", "--output", str(output)]) == 0
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["dtypes"] == ["float32", "bfloat16"]  # the reference is always measured
    speed = report["items_per_second"]
    assert list(speed) == [f"{who}, {dtype}" for dtype in ("float32", "bfloat16") for who in (OURS, THEIRS)]
    assert report["agreement"][f"{OURS}, float32"]["same_decisions"] == 8
    assert report["right"] == 4  # every second item asks for the model's own word
    for dtype, ratio in report["ratio_to_same_dtype"].items():
        assert ratio == pytest.approx(speed[f"{OURS}, {dtype}"] / speed[f"{THEIRS}, {dtype}"])
    assert report["ratio_to_float32"][f"{THEIRS}, float32"] == 1
    ratios = [report["ratio_to_float32"][f"{OURS}, {dtype}"] for dtype in ("float32", "bfloat16")]
    assert [ratio.value for ratio in read("lambada", report)] == ratios
    assert "8 of 8" in capsys.readouterr().out


def test_items_are_as_long_as_lambada_s() -> None:
    items = made_items(Plan(DecoderConfig(vocab_size=300, n_ctx=512, n_layer=1, n_head=1, n_embd=8), 1000))
    lengths = sorted(len(item.context) + len(item.continuation) - 1 for item in items)
    assert sum(lengths) / len(lengths) == pytest.approx(82.5, rel=0.06)
    assert lengths[500] == pytest.approx(LENGTHS[10], abs=1)
    single = sum(len(item.continuation) == 1 for item in items) / 1000
    assert single == pytest.approx(WORDS[0] / sum(WORDS), abs=0.05)
