import json
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from gpt_toolkit.analysis.scaling_law import Over, Point, fit_law
from gpt_toolkit.analysis.scaling_report import analyze, draw

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
