import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gpt_toolkit.analysis.report_page import Chart, ReportPage
from gpt_toolkit.analysis.run_report import ascii_plot, read_curves, training_seconds
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import load


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
    assert "<title>quickstart: report of a training run</title>" in page
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"(?:src|href)=.?(?:http|//)|url\((?!#)|<script|@import", page)
    assert "|*" not in page  # no ASCII figure
    figures = re.findall(r"<svg .*?</svg>", page, flags=re.S)
    assert len(figures) == 3
    for figure in figures:
        ElementTree.fromstring(figure)  # well-formed
        assert "var(--ink)" in figure
        assert not re.search(r"#0[1-4]0", figure)  # every color is one of the page's
    assert "5-gram" in figures[0]
    for fact in ("parameters", "train tokens", "training time", "speed", "best step", "config.yaml"):
        assert fact in page
    n_params = sum(p.numel() for p in load(run / "model", device="cpu").decoder.parameters())
    assert f"<dt>parameters</dt><dd>{n_params:,}</dd>" in page
    assert f"<dt>tokens read by a device</dt><dd>{12 * 2 * 64:,}</dd>" in page  # steps, windows, tokens
    assert page.count("<blockquote>") == 2
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


def test_texts_in_the_page_are_escaped_and_times_are_added(tmp_path: Path) -> None:
    page = ReportPage("<b>", "a & b")
    page.add_facts({"<i>": "<u>"})
    page.add_table("<t>", ("<h>",), [("<c>",)])
    page.add_texts("<s>", ["<script>"])
    page.add_details("<d>", "</pre>")
    page.add_charts([Chart("no values", "unit", {"empty": []})])
    page.write(tmp_path / "page.html")
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("<b>", "<i>", "<u>", "<t>", "<h>", "<c>", "<s>", "<script>", "<d>"):
        assert text not in written
    assert written.count("</pre>") == 1
    assert "<svg" not in written
    assert training_seconds({"step_seconds_p50": [(10, 0.5), (30, 2.0)]}) == 10 * 0.5 + 20 * 2.0
