"""The guard on made reports: what it lets pass, and what it stops."""

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


def test_the_table_names_what_regressed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show(compare("overlap", overlap(10.0), overlap(8.0)))
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if "REGRESSED" in line]
    assert line.split() == ["overlap", "5.000", "4.000", "-20.0%", "REGRESSED"]
    assert "1 of 2 ratios fail: overlap" in said


# ---------------------------------------------------------------------- the command


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Reports that stand for what the benchmarks measure."""
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
    assert "no benchmark overlp" in capsys.readouterr().err


def test_every_benchmark_is_a_module_and_gets_its_options() -> None:
    for name in BENCHMARKS:
        assert (page.ROOT / "benchmarks" / f"{name}.py").is_file()
    import argparse

    args = argparse.Namespace(
        quick=True, rounds=3, threads=None, files=["a", "b"], tokenizer="t", litgpt="/bin/litgpt"
    )
    assert program.options_of("training", args) == ["--quick", "--rounds", "3"]
    assert program.options_of("prepare", args)[3:] == ["--files", "a", "b", "--tokenizer", "t"]
    assert program.options_of("overlap", args)[3:] == ["--files", "a", "b"]
    assert program.options_of("startup", args)[3:] == ["--litgpt", "/bin/litgpt"]


# ---------------------------------------------------------------------- the page


def test_the_table_of_the_page_is_what_the_records_say() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    made = page.renewed(text, page.table(page.reports()))
    readme = page.README.read_text(encoding="utf-8")
    assert readme == page.renewed(readme, page.short_table(page.reports()))
    assert text == made, "run python -m benchmarks.page"


def test_the_table_says_what_is_missed_and_what_is_missing() -> None:
    made = page.table({"overlap": overlap(10.0), "startup": startup(0.5)})
    assert "| overlap | 10 MB/s | plain Python | 2 | 5.00 |  |" in made
    assert "| gpt-toolkit --help | 500 ms | an empty Python | 10 | 50.00 | ≤ 400 ms, **missed** |" in made
    assert "- startup: 2026-11-27, a processor, 2 threads, torch 2.13.0" in made
    assert "- not recorded yet: training, overhead, loss, prepare" in made
    with pytest.raises(ValueError, match="has no table"):
        page.renewed("a page", made)


def test_every_record_can_be_read() -> None:
    for name, report in page.reports().items():
        ratios = read(name, report)
        assert ratios, name
        assert all(ratio.value > 0 for ratio in ratios), name
        assert len({ratio.what for ratio in ratios}) == len(ratios), name
