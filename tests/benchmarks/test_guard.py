"""The guard on made-up reports: ratios that pass, and ratios that fail."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks import page
from benchmarks.guard import compare, show
from benchmarks.ratios import BENCHMARKS, read


def overlap(ours: float, plain: float = 2.0, **more: Any) -> dict[str, Any]:
    speed = {"gpt_toolkit": ours, "gpt_toolkit, Bloom filter": 4.0, "plain Python": plain}
    return {"machine": MACHINE, "mb_per_second": speed, **more}


def startup(ours: float, empty: float = 0.010) -> dict[str, Any]:
    times = {"gpt-toolkit --help": ours, "empty Python": empty}
    return {"machine": MACHINE, "median_seconds": times, "target_seconds": 0.4}


MACHINE = {
    "date": "2026-11-27T00:00:00+00:00",
    "processor": "a processor",
    "threads": 2,
    "versions": {"gpt-toolkit": "0.1.0", "torch": "2.13.0"},
}


def failing(name: str, recorded: dict[str, Any] | None, measured: dict[str, Any] | None) -> list[str]:
    return [each.what for each in compare(name, recorded, measured) if each.fails]


@pytest.mark.parametrize(
    ("ours", "fails"), [(20.0, False), (10.0, False), (9.1, False), (9.0, True), (2.0, True)]
)
def test_a_ratio_that_falls_by_a_tenth_fails(ours: float, fails: bool) -> None:
    assert failing("overlap", overlap(10.0), overlap(ours)) == (["overlap"] if fails else [])


@pytest.mark.parametrize(
    ("ours", "fails"), [(0.01, False), (0.05, False), (0.055, False), (0.0556, True), (0.2, True)]
)
def test_where_lower_is_better_a_ratio_that_rises_fails(ours: float, fails: bool) -> None:
    assert bool(failing("startup", startup(0.05), startup(ours))) == fails


def test_a_slower_machine_is_no_regression() -> None:
    slower = overlap(5.0, 1.0)
    slower["mb_per_second"]["gpt_toolkit, Bloom filter"] = 2.0
    assert failing("overlap", overlap(10.0, 2.0), slower) == []
    assert failing("startup", startup(0.05, 0.01), startup(0.5, 0.1)) == []


def test_a_ratio_that_is_no_longer_measured_fails() -> None:
    recorded = startup(0.05)
    recorded["median_seconds"]["litgpt --help"] = 4.5
    assert failing("startup", recorded, startup(0.05)) == ["--help, to litgpt's"]


def test_a_benchmark_that_fails_or_measures_no_number_fails() -> None:
    assert failing("overlap", overlap(10.0), None) == ["overlap"]
    assert failing("overlap", overlap(10.0), overlap(math.nan)) == ["overlap"]
    assert failing("overlap", None, overlap(0.0)) == ["overlap"]


def test_what_is_not_on_record_passes_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(compare("overlap", None, overlap(10.0)))
    assert "not on record" in capsys.readouterr().out


def test_ratios_on_another_text_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    books = overlap(10.0, setting={"text": "23 files", "mb": 21.0})
    assert failing("overlap", books, books) == []
    assert not show(compare("overlap", books, overlap(10.0, setting={"text": "storyworld", "mb": 20.0})))
    assert "--record" in capsys.readouterr().out


def test_ratios_in_another_precision_are_not_compared() -> None:
    recorded, measured = (overlap(10.0, precision=name) for name in ("bf16-mixed", "32-true"))
    assert failing("overlap", recorded, recorded) == []
    assert failing("overlap", recorded, measured) == ["overlap", "overlap, Bloom filter"]


def test_the_table_names_what_regressed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show(compare("overlap", overlap(10.0), overlap(8.0)))
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if "REGRESSED" in line]
    assert line.split() == ["overlap", "5.000", "4.000", "-20.0%", "REGRESSED"]
    assert "1 of 2 ratios fail: overlap" in said


# ---------------------------------------------------------------------- the command


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the benchmarks' measurements by made-up reports."""
    found: dict[str, Any] = {"overlap": overlap(10.0), "startup": startup(0.05)}
    monkeypatch.setattr(program, "run", lambda name, options, folder: copy.deepcopy(found.get(name)))
    return found


def test_a_recorded_run_passes_and_a_worse_one_fails(
    measured: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = ["overlap", "startup", "--results", str(tmp_path)]
    assert program.main([*guard, "--record"]) == 0
    assert json.loads((tmp_path / "overlap.json").read_text(encoding="utf-8")) == measured["overlap"]
    assert program.main(guard) == 0
    measured["overlap"] = overlap(8.0)
    assert program.main(guard) == 1
    assert "REGRESSED" in capsys.readouterr().out
    assert program.main([*guard, "--record"]) == 0
    assert program.main(guard) == 0
    del measured["startup"]
    assert program.main(guard) == 1
    assert program.main([*guard, "--record"]) == 1
    assert (tmp_path / "startup.json").exists()


def test_a_quick_run_is_neither_compared_nor_recorded(
    measured: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = ["overlap", "--results", str(tmp_path)]
    assert program.main([*guard, "--record"]) == 0
    measured["overlap"] = overlap(1.0)
    assert program.main([*guard, "--quick"]) == 0
    with pytest.raises(SystemExit):
        program.main([*guard, "--quick", "--record"])
    with pytest.raises(SystemExit):
        program.main(["overlp"])
    assert "benchmark: overlp; expected " in capsys.readouterr().err


def test_every_benchmark_is_a_module_and_gets_its_options() -> None:
    for name in BENCHMARKS:
        assert (page.ROOT / "benchmarks" / f"{name}.py").is_file()
    import argparse

    args = argparse.Namespace(
        quick=True,
        rounds=3,
        threads=None,
        precision=None,
        files=["a", "b"],
        tokenizer="t",
        litgpt="/bin/litgpt",
    )
    assert program.options_of("training", args) == ["--quick", "--rounds", "3"]
    assert program.options_of("prepare", args)[3:] == ["--files", "a", "b", "--tokenizer", "t"]
    assert program.options_of("overlap", args)[3:] == ["--files", "a", "b"]
    assert program.options_of("startup", args)[3:] == ["--litgpt", "/bin/litgpt"]
    args.precision = "bf16-mixed"
    assert program.options_of("finetune", args)[3:] == ["--precision", "bf16-mixed"]
    assert program.options_of("lambada", args)[3:] == ["--dtypes", "float32", "bfloat16"]
    args.precision = "32-true"
    assert program.options_of("loss", args)[3:] == ["--dtypes", "float32"]
    assert "--precision" not in program.options_of("startup", args)


@pytest.mark.parametrize(("bf16", "title"), [("0", page.WITHOUT_BF16), ("1", page.WITH_BF16)])
def test_a_machine_is_recorded_into_its_folder_and_compared_with_it(
    bf16: str, title: str, measured: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {each: tmp_path / each for each in page.RESULTS}
    monkeypatch.setattr(page, "RESULTS", folders)
    monkeypatch.setattr(page, "renew", lambda: renewals.append(title))
    monkeypatch.setenv("GPT_TOOLKIT_BF16", bf16)
    renewals: list[str] = []
    assert program.main(["overlap", "--record"]) == 0
    assert [each for each, folder in folders.items() if folder.exists()] == renewals == [title]
    measured["overlap"] = overlap(8.0)
    assert program.main(["overlap"]) == 1
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1" if bf16 == "0" else "0")
    assert program.main(["overlap"]) == 0  # the other machine has no record


def test_another_precision_is_recorded_into_a_custom_folder_only(
    measured: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")
    with pytest.raises(SystemExit):
        program.main(["overlap", "--record", "--precision", "32-true"])
    assert "--precision: 32-true; expected bf16-mixed" in capsys.readouterr().err
    own = ["overlap", "--record", "--precision", "32-true", "--results", str(tmp_path)]
    assert program.main(own) == 0
    assert (tmp_path / "overlap.json").exists()


# ---------------------------------------------------------------------- the page


def test_the_tables_of_the_pages_are_what_the_records_say() -> None:
    recorded = page.all_reports()
    for path, made in ((page.PAGE, page.tables(recorded)), (page.README, page.short_table(recorded))):
        text = path.read_text(encoding="utf-8")
        assert text == page.renewed(text, made), "run python -m benchmarks.page"


def test_the_table_says_what_is_missed_and_what_is_missing() -> None:
    made = page.table({"overlap": overlap(10.0), "startup": startup(0.5)}, has_targets=True)
    assert "| overlap | 10 MB/s | 2 (plain Python) | 5.00 |  |" in made
    assert "| gpt-toolkit --help | 500 ms | 10 (an empty Python) | 50.00 | ≤ 400 ms, **missed** |" in made
    assert "- startup: 2026-11-27, a processor, 2 threads, torch 2.13.0" in made
    assert "- not recorded yet: training, overhead, loss, prepare" in made
    with pytest.raises(ValueError, match="page: no table"):
        page.renewed("a page", made)


def test_the_other_machine_misses_no_target() -> None:
    made = page.tables(
        {page.WITH_BF16: {"startup": startup(0.5)}, page.WITHOUT_BF16: {"startup": startup(0.5)}}
    )
    with_bf16, without_bf16 = made.split(f"### {page.WITHOUT_BF16}")
    assert "missed" in with_bf16
    assert "missed" not in without_bf16
    assert "| gpt-toolkit --help | 500 ms | 10 (an empty Python) | 50.00 |\n" in without_bf16


def generation(dtypes: dict[str, float]) -> dict[str, Any]:
    results = [
        {"dtype": dtype, "batch": batch, "tokens_per_second": {"gpt_toolkit": speed, "transformers": 10.0}}
        for dtype, speed in dtypes.items()
        for batch in (1, 8)
    ]
    return {"machine": MACHINE, "dtypes": list(dtypes), "results": results}


def test_the_short_table_has_both_machines_each_with_its_own_type() -> None:
    both = {
        page.WITH_BF16: {"generation": generation({"float32": 15.0, "bfloat16": 20.0})},
        page.WITHOUT_BF16: {"generation": generation({"float32": 30.0})},
    }
    lines = page.short_table(both).splitlines()
    assert lines[0] == "|  | CPU with bf16 | x peer | CPU without bf16 | x peer |"
    row = "| generation, batch 1 (transformers) | 20 tokens/s | 2.00 | 30 tokens/s | 3.00 |"
    assert row in lines
    assert "| prepare (nanoGPT's way) |  |  |  |  |" in lines  # not recorded
    assert len(lines) == 2 + len(page.IN_README)
    without = page.short_table({**both, page.WITHOUT_BF16: {}})
    assert "| generation, batch 8 (transformers) | 20 tokens/s | 2.00 |  |  |" in without
    assert "- not recorded yet: training" in page.tables({page.WITHOUT_BF16: {}})


def test_every_row_of_the_short_table_is_measured() -> None:
    recorded = page.reports(page.RESULTS[page.WITH_BF16])
    measured = {ratio.what for name, report in recorded.items() for ratio in read(name, report)}
    for row in page.IN_README:
        assert {row.ratio.format(dtype=dtype) for dtype in page.DTYPES.values()} <= measured


def test_every_record_can_be_read() -> None:
    for of_machine in page.all_reports().values():
        for name, report in of_machine.items():
            ratios = read(name, report)
            assert ratios, name
            assert all(ratio.value > 0 for ratio in ratios), name
            assert len({ratio.what for ratio in ratios}) == len(ratios), name


def test_records_are_made_in_the_precision_of_their_machine() -> None:
    for title, of_machine in page.all_reports().items():
        for name, report in of_machine.items():
            if name in program.TRAIN:
                assert (report["precision"] == "bf16-mixed") == (title == page.WITH_BF16), name
