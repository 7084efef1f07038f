"""``gpt-toolkit agree``: other programs give every token of a text the same log-probability."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.analysis import engines
from gpt_toolkit.analysis.agreement import report_path
from gpt_toolkit.analysis.engines import ENGINES, TOLERANCE, EngineError, Measured
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer

pytest.importorskip("transformers")


def make_model(folder: Path, norm: Norm = "pre") -> Path:
    torch.manual_seed(0)
    tokenizer = load_tokenizer("storyworld")
    config = DecoderConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=48, n_layer=2, n_head=4, n_embd=64, norm=norm
    )
    decoder = Decoder(config)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # biases and norms as after training
    LanguageModel(decoder, tokenizer).save(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("agree") / "model")


def agree(model: Path, *options: object) -> tuple[int, dict[str, Any]]:
    code = main(["agree", str(model), *map(str, options)])
    path = report_path(str(model))
    assert path is not None
    return code, json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_transformers_agrees_on_both_models(
    norm: Norm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = agree(make_model(tmp_path / "model", norm), "--engines", "transformers", "--n", 20)
    assert code == 0
    [found] = report["engines"]
    assert found["n"] > 400
    assert 0 < found["largest"] <= TOLERANCE
    assert found["mean"] <= found["largest"]
    assert report["texts"] == {"origin": "documents of Storyworld", "n": 20}
    assert "agrees" in capsys.readouterr().out
    assert (tmp_path / "model" / "agreement.json").is_file()


def test_a_program_that_differs_is_found(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = engines.transformers_engine

    def other(*arguments: Any) -> Measured:
        found = real(*arguments)
        found.values[3] += 2 * TOLERANCE
        return found

    monkeypatch.setattr("gpt_toolkit.analysis.agreement.ENGINES", {"transformers": other})
    code, report = agree(model, "--n", 3)
    assert code == 1
    assert report["engines"][0]["largest"] == pytest.approx(2 * TOLERANCE, rel=0.05)
    assert "differs" in capsys.readouterr().out
    monkeypatch.setattr(
        "gpt_toolkit.analysis.agreement.ENGINES",
        {"transformers": lambda *arguments: real(*arguments)._replace(values=[float("nan")] * 40)},
    )
    assert main(["agree", str(model), "--n", "1", "--tokens", "40"]) == 1


def test_a_missing_package_is_named_with_its_install_line_and_skipped(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    code, report = agree(model, "--n", 2)
    assert code == 0
    assert [each["engine"] for each in report["engines"]] == list(ENGINES)
    assert report["engines"][3] == {
        "engine": "CTranslate2",
        "skipped": "ctranslate2, transformers not installed; pip install ctranslate2 transformers",
    }
    assert "pip install lm-eval" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_a_checkpoint_and_texts_of_your_own(model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"text": "The cat sat."}\n{"text": ""}\n{"text": "A"}\n', encoding="utf-8"
    )
    options = ["--texts", tmp_path / "t.jsonl", "--engines", "transformers", "--output", tmp_path / "r.json"]
    assert main(["agree", str(model), *map(str, options)]) == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["texts"] == {"origin": str(tmp_path / "t.jsonl"), "n": 2}
    assert report_path("gpt2-of-the-hub") is None
    (tmp_path / "last.ckpt").touch()
    assert report_path(str(tmp_path / "last.ckpt")) == tmp_path / "last.ckpt.agreement.json"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--engines", "transformer"],
            r"unknown program \(did you mean transformers\?\); expected transformers",
        ),
        (["--n", "0"], "--n 0: expected at least 1"),
        (["--texts", "empty.txt"], r"empty.txt: no texts; expected lines"),
    ],
)
def test_wrong_arguments_are_refused_in_a_line(
    options: list[str],
    message: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    assert main(["agree", str(model), *options]) == 1
    err = capsys.readouterr().err
    assert re.search(message, err), err
    assert err.count("\n") == 1


def test_an_engine_s_error_is_its_reason(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Measured:
        raise EngineError("its converter: unknown model")

    monkeypatch.setattr("gpt_toolkit.analysis.agreement.ENGINES", {"llama.cpp": fails})
    _, report = agree(model, "--n", 1)
    assert report["engines"] == [{"engine": "llama.cpp", "skipped": "its converter: unknown model"}]
