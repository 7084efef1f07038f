import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from matplotlib.figure import Figure

from gpt_toolkit.analysis.scaling_law import Over, Point, fit_law
from gpt_toolkit.analysis.scaling_report import analyze, draw, read_run, read_runs, warnings_of

POINTS = [
    Point(f"n{n:.0e} d{d:.0e}", n, d, 6 * n * d, 1.69 + 406.4 / n**0.34 + 410.7 / d**0.28)
    for n in (1e6, 1e7, 1e8, 3e8, 1e9)
    for d in (1e8, 1e9, 1e10)
]


ONE_LENGTH = [point for point in POINTS if point.n_tokens == 1e10]


@pytest.mark.parametrize(("over", "points"), [("parameters", ONE_LENGTH), ("both", POINTS)])
def test_a_report_says_the_same_in_text_json_and_figure(
    over: Over, points: list[Point], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = analyze(points, "chinchilla", over, notes=["a note"])
    report.print()
    said = capsys.readouterr().out
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["formula"] in said
    for name, interval in content["constants"].items():
        assert f"{name} " in said
        assert interval["low"] <= interval["value"] <= interval["high"]
    for run, point in zip(content["runs"], points, strict=True):
        assert run["val_loss"] == point.loss
        assert f"{run['predicted']:.4f}" in said
    assert f"measured {content['held_out']['measured']:.4f}" in said
    assert said.rstrip().endswith("a note")
    report.write_figure(tmp_path / "law.svg")
    assert "<svg" in (tmp_path / "law.svg").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["law.svg"]


def test_the_figure_has_the_runs_the_curves_and_the_irreducible_loss() -> None:
    points = ONE_LENGTH[1:]
    report = analyze(points, "chinchilla", notes=["a note"])
    assert report.held_out is None  # four runs determine three constants, three do not
    assert report.notes[0] == "a note"
    assert "no prediction of the largest size" in report.notes[1]
    axes = Figure().add_subplot()
    draw(axes, points, report.law)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    runs = next(line for line in axes.lines if line.get_label() == "runs")
    assert runs.get_xydata() == pytest.approx(np.array([(p.n_params, p.loss) for p in points]))
    floor = 1.69 + 410.7 / 1e10**0.28
    assert labels == ["L(N) = E + A / N^alpha", "runs", f"irreducible loss {floor:.3g}"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert report.law.irreducible_loss == pytest.approx(floor, rel=1e-3)
    assert math.isinf(report.law.aicc)


def test_an_irreducible_loss_near_zero_leaves_the_axes_to_the_curves() -> None:
    points = [point._replace(loss=(8.8e13 / point.n_params) ** 0.076) for point in ONE_LENGTH]
    law = fit_law(points, "chinchilla", n_draws=4)
    assert law.constants()["E"].value < 0.02
    axes = Figure().add_subplot()
    draw(axes, points, law)
    low, high = axes.get_ylim()
    assert 1 < low < high < 10


def write_run(folder: Path, **changes: Any) -> Path:
    """Write what ``fit`` leaves of a pre-training run, without weights."""
    decoder = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_ctx": 64, "vocab_size": 100}
    decoder.update(changes.get("decoder", {}))
    tokens = changes.get("tokens", "0123abcd")
    record = {
        "format": 3,
        "version": "0.1.0",
        "task": changes.get("task", "PretrainTask"),
        "decoder": decoder,
        "tokenizer": {},
        "fingerprint": changes.get("fingerprint", "f00d"),
        "plan": f"tokens={tokens} seed=0 n_ctx={decoder['n_ctx']} windows_per_step=8 order=1",
        "step": changes.get("step", 100),
    }
    content = {
        "gpt_toolkit": record,
        "callbacks": {"Budget": {"max_steps": changes.get("budget"), "asked_steps": 0}},
    }
    config = {
        "trainer": {"max_steps": 100, "limit_val_batches": 20, **changes.get("trainer", {})},
        "model": {"class_path": "gpt_toolkit.PretrainTask", "init_args": changes.get("model", {})},
        "data": {
            "class_path": "gpt_toolkit.CorpusDataModule",
            "init_args": {"dataset": "storyworld:1", "batch_size": 4, **changes.get("data", {})},
        },
    }
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "model").mkdir()
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    curve = "step,train_loss,val_loss\n50,3.5,3.25\n60,3.3,\n100,3.1,3.0\n"
    (folder / "metrics.csv").write_text(changes.get("curve", curve), encoding="utf-8")
    return folder


def test_a_run_is_read_as_size_tokens_operations_and_last_validation_loss(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run"))
    point = run.point
    assert point.name == str(tmp_path / "run")
    assert point.n_params == 6144  # 12 * 2 layers * 16^2
    assert point.n_tokens == 51_200  # 100 steps of 8 windows of 64
    # 6 N + 12 n_layer n_embd T a token; N: 100 * 16 + 2 * (12 * 16^2 + 13 * 16) + 2 * 16 = 8,192
    assert point.flops == 51_200 * (6 * 8192 + 12 * 2 * 16 * 64)
    assert point.loss == 3.0
    assert run.setting["context length"] == 64


def test_runs_of_one_text_and_other_amounts_of_it_are_compared_with_a_warning(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a")
    same = write_run(tmp_path / "b", decoder={"n_embd": 32})
    assert warnings_of(read_runs([first, same])) == []
    more = write_run(tmp_path / "c", tokens="ffff", data={"limit_documents": 9, "batch_size": 8})
    [warning] = warnings_of(read_runs([first, more]))
    assert "different amounts of the same text" in warning


def test_a_run_whose_loss_has_risen_again_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", curve="step,val_loss\n50,2.0\n100,3.0\n")
    [warning] = warnings_of(read_runs([run]))
    assert warning.endswith("its last validation loss is 3.0000, its best 2.0000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": "beef"}, 'tokenizer is "beef"; expected "f00d" as in .*a; give runs'),
        ({"decoder": {"n_ctx": 32}}, "context length is 32; expected 64"),
        (
            {"tokens": "ffff", "data": {"dataset": "storyworld:2"}},
            r'validation data \(data\.dataset\) is "story',
        ),
        (
            {"tokens": "ffff", "data": {"val_fraction": 0.1}},
            r"validation data \(data\.val_fraction\) is 0\.1",
        ),
        ({"task": "FinetuneTask"}, "run of FinetuneTask; expected PretrainTask"),
        ({"model": {"init_from": "gpt2"}}, "begins with weights of gpt2"),
        ({"step": 60}, "unfinished run at step 60; expected 100; resume it with gpt-toolkit fit --config"),
        ({"curve": "step,train_loss\n100,3.1\n"}, "no validation loss"),
    ],
)
def test_a_run_that_cannot_be_compared_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    first, other = write_run(tmp_path / "a"), write_run(tmp_path / "b", **changes)
    with pytest.raises(ValueError, match=message) as error:
        read_runs([first, other])
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(other))


def test_a_run_that_its_budget_or_epochs_ended_is_finished(tmp_path: Path) -> None:
    assert read_run(write_run(tmp_path / "a", step=60, budget=60)).point.loss == 3.0
    assert read_run(write_run(tmp_path / "b", step=60, trainer={"max_steps": -1})).point.loss == 3.0


def test_a_folder_that_is_no_run_or_is_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"not the folder of a run \(no config\.yaml and no metrics\.csv\)"
    ):
        read_runs([tmp_path])
    run = write_run(tmp_path / "a")
    with pytest.raises(ValueError, match="given twice"):
        read_runs([run, tmp_path / "." / "a"])
    (run / "model").rmdir()
    with pytest.raises(ValueError, match="unfinished run; expected model/ and checkpoints"):
        read_runs([run])
    (run / "config.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not a run's config"):
        read_runs([run])
