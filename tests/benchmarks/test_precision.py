"""The precision of the benchmarks: the machine's own, unless an option asks for another."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import overhead
from benchmarks.side_by_side import add_dtypes, add_precision, argument_parser, has_bf16, keep, parse, stamp


def options(*argv: str) -> Any:
    parser = argument_parser(None, rounds=1)
    add_precision(parser)
    add_dtypes(parser)
    return parse(parser, argv)


@pytest.mark.parametrize(
    ("bf16", "precision", "dtypes"),
    [("0", "32-true", ["float32"]), ("1", "bf16-mixed", ["float32", "bfloat16"])],
)
def test_the_default_precision_follows_the_machine(
    bf16: str, precision: str, dtypes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", bf16)
    assert (options().precision, options().dtypes) == (precision, dtypes)
    assert has_bf16() == (bf16 == "1")


def test_an_option_wins_over_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "0")
    given = options("--precision", "bf16-mixed", "--dtypes", "bfloat16")
    assert (given.precision, given.dtypes) == ("bf16-mixed", ["bfloat16"])


@pytest.mark.parametrize(("bf16", "precision"), [("0", "32-true"), ("1", "bf16-mixed")])
def test_workers_get_the_precision_of_the_machine(
    bf16: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def measure(shape: Any, rounds: int, folder: Path, precision: str) -> dict[str, Any]:
        seen.append(precision)
        return {"shape": "tiny", "ms_a_step": {"a": 1.0, "b": 1.0}, "cost_ms": 0.0, "target_ms": 1.0}

    monkeypatch.setenv("GPT_TOOLKIT_BF16", bf16)
    monkeypatch.setattr(overhead, "measure", measure)
    assert overhead.main(["--quick", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [report["precision"]] == seen == [precision]


def test_a_report_has_the_load_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_CORES", "3")
    keep(options("--output", str(tmp_path / "report.json")), {"machine": stamp([])})
    machine = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["machine"]
    assert machine["cores"] == 3
    assert machine["load_before"] >= 0
    assert machine["load_after"] >= 0
    assert machine["processor"]
