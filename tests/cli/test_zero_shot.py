"""``gpt-toolkit zero-shot``: the table, the files it writes, and its errors."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.score_report import ScoredModel, draw, number, score_table
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer

LAMBADA = [
    {"text": "Ana has a boat and Ben has a boat"},
    {"text": "They sail at noon and come home at night"},
]
FEW = ["--benchmarks", "storyworld:last_word,storyworld:pronouns", "--limit", "3"]
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=64, n_layer=1, n_head=2, n_embd=16))
    folder = tmp_path_factory.mktemp("models") / "model"
    LanguageModel(decoder, load_tokenizer("bytes")).save(folder)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a folder with a LAMBADA of two examples."""
    (tmp_path / "lambada").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in LAMBADA)
    (tmp_path / "lambada" / "lambada_test.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Run the command in this process: return exit code, output and errors."""
    monkeypatch.setenv("GPT_TOOLKIT_TRACEBACK", "")

    def tell(*arguments: object) -> tuple[int, str, str]:
        code = main(["zero-shot", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return tell


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_table_json_rows_and_figure_tell_the_same(tell: Tell, model: Path, tmp_path: Path) -> None:
    files = ["--output", tmp_path / "t.json", "--rows", tmp_path / "r.jsonl", "--figure", tmp_path / "f.png"]
    code, out, err = tell(model, *FEW, *files)
    assert code == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert "0.0 M parameters; " in err
    for score in report["scores"]:
        line = next(line for line in out.splitlines() if score["metric"] in line)
        assert score["benchmark"] in out
        assert number(score["value"]) in out, line
    assert report["model"] == str(model)
    assert report["settings"] == {
        "benchmarks": "storyworld:last_word,storyworld:pronouns",
        **{"protocols": None, "root": None, "no_check_files": False, "limit": 3, "n_examples": None},
        **{"dtype": "float32", "devices": 1, "batch_tokens": 4096, "seed": 0},
    }
    for name, protocol in report["protocols"].items():
        assert f"  {name}: {protocol['statement']}" in out
    records = json_lines(tmp_path / "r.jsonl")
    built = [record for record in records if record["protocol"] == "lm-eval-1"]
    assert [record["row"] for record in built] == [0, 1, 2] * 2  # of two benchmarks
    by_name = {(s["benchmark"], s["protocol"], s["metric"]): s["value"] for s in report["scores"]}
    correct = [r["correct"] for r in built if r["benchmark"] == "storyworld:pronouns"]
    assert sum(correct) / 3 == pytest.approx(by_name["storyworld:pronouns", "lm-eval-1", "accuracy"])
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "f.png", "r.jsonl", "t.json"]


def test_the_figure_has_models_of_other_sizes_beside_this_one(
    tell: Tell, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    wide = Decoder(DecoderConfig(vocab_size=257, n_ctx=64, n_layer=1, n_head=2, n_embd=32))
    LanguageModel(wide, load_tokenizer("bytes")).save(tmp_path / "wide")
    options = ["--benchmarks", "storyworld:text", "--protocols", "lm-eval", "--limit", "2"]
    assert tell(model, *options, "--output", tmp_path / "small.json")[0] == 0
    drawn: list[tuple[list[int], list[float]]] = []
    errorbar = Axes.errorbar

    def noted(self: Axes, x: Any, y: Any, **options: Any) -> Any:
        drawn.append((x, y))
        return errorbar(self, x, y, **options)

    monkeypatch.setattr(Axes, "errorbar", noted)
    files = ["--figure", tmp_path / "f.png", "--beside", tmp_path / "small.json"]
    assert tell(tmp_path / "wide", *options, *files, "--output", tmp_path / "wide.json")[0] == 0
    reports = [
        json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) for name in ("small", "wide")
    ]
    expected = (
        [report["n_params"] for report in reports],
        [report["scores"][0]["value"] for report in reports],
    )
    assert drawn == [expected]


def test_an_axis_and_an_interval_stay_in_the_range_of_the_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []

    def keep(figure: Figure, path: Path, **options: Any) -> None:
        figures.append(figure)
        path.touch()

    monkeypatch.setattr(Figure, "savefig", keep)
    names: dict[str, Any] = {"benchmark": "lambada", "protocol": "paper-1"}
    low = Score("accuracy", 0.01, 9, "examples", "0 to 1", 0.2, "normal", **names)
    high = Score("perplexity", 40.0, 9, "words", "from 1, lower is better", 50.0, "normal", **names)
    assert low.bounds == pytest.approx((0.0, 0.21))
    assert high.bounds == (1.0, 90.0)
    assert all(map(math.isnan, replace(low, interval=math.nan).bounds))
    scores = [replace(low, benchmark=name) for name in ("lambada", "cbt_cn", "cbt_ne", "own")]
    draw(ScoredModel(10_000, scores), [], "model", tmp_path / "f.png")
    panels = figures[0].axes
    assert len(panels) == 4
    grid = panels[0].get_gridspec()
    assert grid is not None
    assert grid.get_geometry() == (2, 2)  # no empty place
    assert {panel.get_ylim()[0] for panel in panels} == {0.0}
    labels = [panel.get_legend_handles_labels()[1] for panel in panels]
    assert labels[0] == ["GPT-2, the paper", "paper-1"]
    assert labels[3] == ["paper-1"]


def test_one_protocol_and_a_limit_of_real_rows(
    tell: Tell, model: Path, shared_data: Path, tmp_path: Path
) -> None:
    options = ["--benchmarks", "lambada", "--protocols", "lm-eval", "--root", shared_data, "--limit", 5]
    code, out, err = tell(model, *options, "--output", tmp_path / "t.json")
    assert code == 0, err
    [accuracy, perplexity] = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["scores"]
    assert (accuracy["n"], accuracy["metric"], perplexity["metric"]) == (5, "accuracy", "perplexity")
    assert accuracy["paper"] == {"small": 0.4599, "medium": 0.5548, "large": 0.6012, "xl": 0.6324}
    assert "paper small" in out
    assert "0.4599" in out
    assert re.search(r"lambada, accuracy, GPT-2 small, lm-eval-1: 0.3256 \(.+\)", out)
    assert "lambada/lm-eval-1: 5 contexts lost their beginning to fit into 64 tokens" in err


def test_bf16_is_computed_in_bf16(tell: Tell, model: Path, tmp_path: Path) -> None:
    values = []
    for dtype in ("float32", "bfloat16"):
        path = tmp_path / f"{dtype}.json"
        assert tell(model, *FEW, "--protocols", "lm-eval", "--dtype", dtype, "--output", path)[0] == 0
        values.append(json.loads(path.read_text(encoding="utf-8"))["scores"][1]["value"])
    assert values[0] != values[1]
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_the_table_leaves_out_what_is_not_known() -> None:
    nan = float("nan")

    def score(benchmark: str, metric: str, value: float, interval: float, n: int, **options: Any) -> Score:
        protocol = "paper-1" if benchmark == "lambada" else "own-1"
        names = {"benchmark": benchmark, "protocol": protocol, **options}
        return Score(metric, value, n, "examples", "0 to 1", interval, "normal", **names)

    scores = [
        score("lambada", "accuracy", 0.5, 0.01, 10, chance=0.0, majority=0.25),
        score("lambada", "perplexity", 1234.5, nan, 10),
        score("mine", "accuracy", nan, nan, 0),
        score("mine", "f1", 123456789.0, nan, 0, of="class yes"),
    ]
    shown = score_table(scores)
    columns = {str(column.header): list(column.cells) for column in shown.columns}
    assert columns["benchmark"] == ["lambada", "", "mine", ""]
    assert columns["protocol"] == ["paper-1", "", "own-1", ""]
    assert columns["here"] == ["0.5000", "1,234", "nan", "1.235e+08"]
    assert columns["95%"] == ["0.4900 to 0.5100", "", "", ""]
    assert columns["metric"] == ["accuracy", "perplexity", "accuracy", "f1 (class yes)"]
    assert columns["n"] == ["10", "10", "0", "0"]
    assert columns["chance"] == ["0.0000", "", "", ""]
    assert columns["majority"] == ["0.2500", "", "", ""]
    assert columns["paper small"] == ["0.4599", "35.13", "", ""]


def test_files_of_no_published_variant_are_taken_only_if_said_so(tell: Tell, model: Path, root: Path) -> None:
    options = [model, "--benchmarks", "lambada", "--root", root, "--protocols", "lm-eval"]
    code, out, err = tell(*options)
    assert (code, out) == (1, "")
    assert " with 2 " in err
    assert "expected a known variant" in err
    assert "5,153" in err
    code, out, err = tell(*options, "--no_check_files")
    assert code == 0
    assert "not a known variant" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--benchmarks", "lambda"], r"benchmarks: 'lambda' \(did you mean lambada"),
        (
            ["--benchmarks", "lambada", "--protocols", "papre"],
            "papre; expected at least one for lambada: paper-1, ",
        ),
        (["--benchmarks", "lambada", "--root", "nowhere"], "nowhere"),
        (["--benchmarks", ","], "benchmarks: empty"),
        (["--limit", "0"], "limit: 0; expected at least 1"),
        (["--output", "nowhere/table.json"], "nowhere/table.json: folder .*nowhere not found"),
        (["--rows", "."], r"\.: a folder; expected a file's name"),
        (["--figure", "figure.bmp"], r"figure.bmp; expected a name ending in .png, .svg, .pdf"),
        (["--beside", "small.json"], "--beside: given without --figure"),
        (["--figure", "f.png", "--beside", "small.json"], "small.json"),
        (["--figure", "f.png", "--beside", __file__], r"expected a report that zero-shot --output wrote"),
        (["--explain", "--rows", "r.jsonl"], "--explain: given with --rows, --figure or several --devices"),
        (
            ["--explain", "--benchmarks", "storyworld:pronouns"],
            "--explain: storyworld:pronouns; expected running text",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    options: list[str],
    message: str,
    tell: Tell,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = tell(model, *options)
    assert (code, out) == (1, "")
    assert re.search(message, err), err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "message"), [("--limt", "no option --limt"), ("--limit=x", "invalid int")]
)
def test_a_wrong_call_is_exit_code_2(option: str, message: str, tell: Tell, model: Path) -> None:
    code, _, err = tell(model, option)
    assert code == 2
    assert message in err


def test_a_comma_in_the_name_of_a_file_does_not_divide_it(tell: Tell, model: Path, tmp_path: Path) -> None:
    lines = "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(6))
    (tmp_path / "x,y.csv").write_text("text,label\n" + lines, encoding="utf-8")
    names = f"storyworld:pronouns, prompt:{tmp_path / 'x,y.csv'},storyworld:last_word"
    code, out, err = tell(model, "--benchmarks", names, "--limit", 4)
    assert code == 0, err
    for name in ("storyworld:pronouns", f"prompt:{tmp_path / 'x,y.csv'}", "storyworld:last_word"):
        assert f"\n{name}" in out


def test_a_model_without_tokenizer_is_refused(tell: Tell, model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((model / name).read_bytes())
    code, _, err = tell(bare, *FEW)
    assert code == 1
    assert str(bare) in err
    assert "tokenizer" in err


def test_an_interrupt_leaves_no_file_and_exit_code_130(
    tell: Tell, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ZeroShotTask, "test_step", interrupted)
    files = ["--output", tmp_path / "t.json", "--rows", tmp_path / "r.jsonl", "--figure", tmp_path / "f.png"]
    assert tell(model, *FEW, *files)[0] == 130
    assert not list(tmp_path.iterdir())


def test_memory_that_runs_out_names_the_option(
    tell: Tell, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(ZeroShotTask, "test_step", exhausted)
    code, _, err = tell(model, *FEW)
    assert code == 1
    assert "--batch_tokens: 4096 (CUDA out of memory); expected less" in err


def test_importing_the_command_does_not_import_torch() -> None:
    code = (
        "import argparse, sys; from gpt_toolkit.cli import zero_shot; "
        "zero_shot.add_arguments(argparse.ArgumentParser()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_two_devices_answer_each_request_once_and_give_the_same_table(
    tell: Tell, model: Path, tmp_path: Path
) -> None:
    options = ["--benchmarks", "storyworld:last_word,storyworld:text,storyworld:questions", "--limit", "5"]
    one, two = (tmp_path / "one.json", tmp_path / "two.json")
    assert tell(model, *options, "--output", one)[0] == 0
    files = ["--devices", "2", "--no_store", "--output", str(two), "--rows", str(tmp_path / "rows.jsonl")]
    done = subprocess.run(
        [sys.executable, "-m", "gpt_toolkit", "zero-shot", str(model), *options, *files],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("protocols:\n") == 1  # rank 0 alone speaks
    assert done.stderr.count("M parameters") == 1
    scores, expected = (json.loads(path.read_text(encoding="utf-8"))["scores"] for path in (two, one))
    names = ("benchmark", "protocol", "metric")
    assert [[score[n] for n in names] for score in scores] == [
        [score[n] for n in names] for score in expected
    ]
    for ours, theirs in zip(scores, expected, strict=True):
        assert ours["value"] == pytest.approx(theirs["value"], rel=1e-6)
        assert ours["n"] == theirs["n"]
    data = ZeroShotDataModule(options[1].split(","), limit=5, tokenizer="bytes", n_ctx=64)
    data.setup()
    n_rows = sum(len(evaluation.request_set.requests) for evaluation in data.evaluations.values())
    assert len(json_lines(tmp_path / "rows.jsonl")) == n_rows
