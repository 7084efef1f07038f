import json
from pathlib import Path

import pytest

from gpt_toolkit.cli import main


def train(name: str, n_embd: int, steps: int = 40) -> str:
    """Train a tiny decoder; return its run's folder."""
    folder = f"runs/{name}"
    code = main(
        [
            *("fit", "--config", "storyworld/scaling_nano", "--trainer.max_steps", str(steps)),
            *("--trainer.val_check_interval", str(steps), "--trainer.limit_val_batches", "2"),
            *("--trainer.accelerator", "cpu", "--trainer.default_root_dir", folder),
            *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "1"),
            *("--model.decoder.n_embd", str(n_embd), "--data.limit_documents", "60"),
            *("--data.n_ctx", "64", "--data.batch_size", "2", "--samples.max_new_tokens", "0"),
        ]
    )
    assert code == 0
    return folder


def test_a_law_is_fitted_to_runs_of_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    runs = [train(f"width_{n}", n) for n in (4, 8, 16, 32)]
    assert main(["scaling", *runs, "--output", "law.json", "--figure", "law.png"]) == 0, (
        capsys.readouterr().err
    )
    said = capsys.readouterr().out
    assert "kaplan over parameters: L(N) = (N_c / N)^alpha_N" in said
    assert "fitted without runs/width_32: predicted " in said
    content = json.loads(Path("law.json").read_text(encoding="utf-8"))
    assert [run["parameters"] for run in content["runs"]] == [192, 768, 3072, 12288]
    assert {run["tokens"] for run in content["runs"]} == {40 * 2 * 64}
    alpha = content["constants"]["alpha_N"]
    assert 0 < alpha["value"] < 1
    assert alpha["low"] < alpha["value"] < alpha["high"]
    held_out = content["held_out"]
    assert held_out["runs"] == ["runs/width_32"]
    assert held_out["measured"] == content["runs"][-1]["val_loss"]
    assert held_out["error"] == pytest.approx(held_out["predicted"]["value"] - held_out["measured"])
    assert Path("law.png").read_bytes().startswith(b"\x89PNG")

    # three runs determine a power law, but nothing is left to predict
    assert main(["scaling", *runs[:3], "--law", "kaplan"]) == 0
    assert "no prediction of the largest size: 2 runs" in capsys.readouterr().out
    assert main(["scaling", *runs[:3], "--law", "chinchilla"]) == 1
    assert "expected at least 4 for chinchilla over parameters (3 constants)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["."], 1, "gpt-toolkit: .: not the folder of a run"),
        ([".", "--huber", "0"], 1, "--huber: 0; expected a number above 0"),
        ([".", "--law", "cubic"], 2, "scaling: no 'cubic'"),
        ([], 2, "required: RUN"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["scaling", *arguments]) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
