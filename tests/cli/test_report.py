from pathlib import Path

import pytest

from gpt_toolkit.analysis.run_report import ascii_plot, read_curves
from gpt_toolkit.cli import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    code = main(
        [
            *("fit", "--config", "storyworld/quickstart", "--trainer.max_steps", "12"),
            *("--trainer.val_check_interval", "6", "--trainer.limit_val_batches", "2"),
            *("--trainer.accelerator", "cpu", "--trainer.log_every_n_steps", "3"),
            *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
            *("--data.limit_documents", "60", "--data.n_ctx", "64", "--data.batch_size", "2"),
            *("--samples.max_new_tokens", "0"),
        ]
    )
    assert code == 0
    return Path("runs/quickstart")


def test_a_report_compares_writes_and_scores(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--samples", "2", "--max_new_tokens", "8", "--tokens", "500", "--limit", "4")
    assert main(["report", str(run), *sizes]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "perplexity per token, same held-out tokens:  model " in said
    assert "5-gram" in said
    assert "unigram" in said
    assert said.count("--- a text by the model") == 2
    for name in ("last word", "common nouns", "names", "pronouns", "reading"):
        assert name in said
    assert "(chance 50.0%)" in said
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "5-gram" in page
    assert not list(run.glob("*.partial"))


def test_a_model_of_another_vocabulary_is_not_compared(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = run / "config.yaml"
    said = config.read_text(encoding="utf-8")
    assert "tokenizer: storyworld" in said
    config.write_text(said.replace("tokenizer: storyworld", "tokenizer: bytes"), encoding="utf-8")
    assert main(["report", str(run), "--samples", "0", "--limit", "0"]) == 1
    assert "model was trained; train again" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 1
    assert "expected the folder of a finished run" in capsys.readouterr().err


def test_curves_are_read_and_drawn_as_ascii(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,train_loss,val_loss\n1,4.0,\n2,2.0,\n3,1.0,3.0\n", encoding="utf-8")
    curves = read_curves(path)
    assert curves == {"train_loss": [(1, 4.0), (2, 2.0), (3, 1.0)], "val_loss": [(3, 3.0)]}
    lines = ascii_plot(curves["train_loss"], width=11, height=4)
    assert lines[0].startswith("   4.000 |*")
    assert lines[3] == "   1.000 |          *"
    assert lines[-1].split() == ["1", "3"]
    assert ascii_plot([]) == []
