import json
import math
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.callbacks import Predictions
from gpt_toolkit.callbacks.predictions import GLUE_TEST, write_submission
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from tests.small_runs import Run


def test_each_token_of_the_split_has_its_loss(
    fit: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, task = fit(max_steps=2, callbacks=[Predictions()])
    trainer.predict(task, datamodule=trainer.datamodule, return_predictions=False)  # type: ignore[attr-defined]
    path = tmp_path / "run" / "predictions.jsonl"
    assert f"predictions: {path}" in capsys.readouterr().out
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(len(line["ids"]) == len(line["tokens"]) == len(line["nll"]) <= 32 for line in lines)
    cache = trainer.datamodule.cache  # type: ignore[attr-defined]
    ids = [i for line in lines for i in line["ids"]]
    assert ids == cache.tokens("val").read(1, len(ids)).tolist()
    assert len(ids) == len(cache.tokens("val")) - 1
    [metrics] = trainer.test(task, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    losses = [loss for line in lines for loss in line["nll"]]
    assert math.fsum(losses) / len(losses) == pytest.approx(metrics["val_loss"], abs=1e-5)


def test_a_failure_leaves_no_half_of_a_file(
    fit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, task = fit(max_steps=1, callbacks=[Predictions()])
    calls = []

    def fails(*_: Any) -> None:
        calls.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(task, "predict_step", fails)
    with pytest.raises(ZeroDivisionError):
        trainer.predict(task, datamodule=trainer.datamodule)  # type: ignore[attr-defined]
    assert calls
    assert list((tmp_path / "run").glob("predictions*")) == []


def write_lines(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_each_set_of_glue_gets_its_file_with_rows_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rows in {"rte": 2, "stsb": 1, "cola": 1, "mnli": 1, "mnli_mismatched": 2}.items():
        monkeypatch.setitem(GLUE_TEST, name, (GLUE_TEST[name][0], rows))
    first = write_lines(
        tmp_path / "predictions-0.jsonl",
        {"dataset": "rte", "example": 1, "prediction": "entailment", "probabilities": {"a": 0.9, "b": 0.1}},
        {"dataset": "stsb", "example": 0, "prediction": 3.14159, "probabilities": {}},
        {"dataset": "cola", "example": 0, "prediction": "acceptable", "probabilities": {"a": 0.2, "b": 0.8}},
        {
            "dataset": "race",
            "example": 0,
            "prediction": 2,
            "probabilities": {"a": 0.1, "b": 0.1, "c": 0.7, "d": 0.1},
        },
    )
    mismatched = {"dataset": "mnli", "subset": "mismatched"}
    second = write_lines(
        tmp_path / "predictions-1.jsonl",
        {
            "dataset": "rte",
            "example": 0,
            "prediction": "not_entailment",
            "probabilities": {"a": 0.1, "b": 0.9},
        },
        {
            "dataset": "mnli",
            "subset": "matched",
            "example": 0,
            "prediction": "neutral",
            "probabilities": {"a": 0.1, "b": 0.8, "c": 0.1},
        },
        {**mismatched, "example": 8, "prediction": "contradiction", "probabilities": {}},
        {**mismatched, "example": 7, "prediction": "neutral", "probabilities": {}},
    )
    written, left_out = write_submission([first, second], tmp_path / "submission")
    assert left_out == []
    assert {path.name for path in written} == {
        "RTE.tsv",
        "STS-B.tsv",
        "CoLA.tsv",
        "MNLI-m.tsv",
        "MNLI-mm.tsv",
    }
    folder = tmp_path / "submission"
    assert (folder / "RTE.tsv").read_text() == "index\tprediction\n0\tnot_entailment\n1\tentailment\n"
    assert (folder / "STS-B.tsv").read_text() == "index\tprediction\n0\t3.142\n"
    assert (folder / "CoLA.tsv").read_text() == "index\tprediction\n0\t1\n"
    assert (folder / "MNLI-mm.tsv").read_text() == "index\tprediction\n0\tneutral\n1\tcontradiction\n"


def test_where_no_set_is_glues_no_folder_is_made(tmp_path: Path) -> None:
    mine = {"example": 0, "prediction": "a", "probabilities": {"a": 1.0}}
    other = {"dataset": "entailment", "subset": "mismatched", **mine}
    path = write_lines(tmp_path / "p.jsonl", {"dataset": "mine", **mine}, other)
    assert write_submission([path], tmp_path / "submission") == ([], [])
    assert not (tmp_path / "submission").exists()


@pytest.mark.parametrize("lines", [[], [{"tokens": ["a"], "ids": [1], "nll": [0.5]}]])
def test_other_predictions_are_passed_over(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    assert write_submission([write_lines(tmp_path / "p.jsonl", *lines)], tmp_path / "s") == ([], [])


def test_rows_that_are_not_the_test_split_are_no_submission(tmp_path: Path) -> None:
    line = {
        "dataset": "cola",
        "example": 0,
        "prediction": "acceptable",
        "probabilities": {"a": 0.2, "b": 0.8},
    }
    written, left_out = write_submission([write_lines(tmp_path / "p.jsonl", line)], tmp_path / "submission")
    assert written == []
    assert left_out == ["CoLA.tsv is not written: 1 examples; GLUE's test split has 1,063"]
    assert not (tmp_path / "submission").exists()


def test_the_numbers_of_test_rows_are_those_of_the_sets() -> None:
    sizes = {name: n for name, (_, n) in GLUE_TEST.items()}
    sizes["mnli"] += sizes["mnli_mismatched"]
    for name, rows in sizes.items():
        if name in known_datasets():
            assert known_datasets()[name].sizes["test"] == rows, name
