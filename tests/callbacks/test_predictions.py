import json
import math
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.callbacks import Predictions
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
    assert math.fsum(losses) / len(losses) == pytest.approx(metrics["test_loss"], abs=1e-5)


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
