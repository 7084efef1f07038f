from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.callbacks import Predictions
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tasks.prompt_generation import GenerateTask
from gpt_toolkit.tokenizers.loading import load_tokenizer

PROMPTS = ["Once", "upon a longer", "t", "im", "e there was 世"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=24, n_layer=2, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    return tmp_path / "model"


def predict(model: Path, tmp_path: Path, prompts: list[str], **settings: Any) -> list[dict[str, Any]]:
    (tmp_path / "prompts.txt").write_text("\n".join(prompts), encoding="utf-8")
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[Predictions()],
        default_root_dir=tmp_path / "run",
    )
    data = PromptsDataModule(str(tmp_path / "prompts.txt"), tokenizer=str(model), batch_size=2)
    trainer.predict(GenerateTask(str(model), **settings), data, return_predictions=False)
    text = (tmp_path / "run" / "predictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_each_prompt_of_a_file_gets_its_answers_in_order(model: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"max_new_tokens": 20, "top_p": 0.9, "top_k": 30, "seed": 3, "stop": ["e"]}
    lines = predict(model, tmp_path, PROMPTS, num_samples=2, dtype="float32", **settings)
    assert [(line["example"], line["prompt"]) for line in lines] == [
        (row, prompt) for row, prompt in enumerate(PROMPTS) for _ in range(2)
    ]
    expected = load(model, device="cpu").generate(PROMPTS, num_samples=2, **settings)
    assert [line["text"] for line in lines] == [text for texts in expected for text in texts]
    assert [line["seed"] for line in lines] == [3, 4] * len(PROMPTS)
    assert {line["ended"] for line in lines} <= {"stop", "length", "end_of_text"}


def test_it_computes_in_what_is_asked_for(model: Path, tmp_path: Path) -> None:
    lines = predict(model, tmp_path, ["Once"], dtype="bfloat16", max_new_tokens=8, temperature=0.0, top_k=0)
    half = load(model, device="cpu", dtype=torch.bfloat16)
    assert [line["text"] for line in lines] == [half.generate("Once", max_new_tokens=8, temperature=0.0)]


def test_a_prompt_longer_than_the_context_is_named_before_any_is_continued(
    model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"prompts\.txt, line 4: a prompt of 25 tokens \('xxxx.* length 24;"):
        predict(model, tmp_path, ["a", "", "b", "x" * 25])
    assert list((tmp_path / "run").glob("*")) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_p": 7.0}, r"top_p: 7\.0; expected more than 0 and at most 1 \(1 is off\)"),
        (
            {"max_new_tokens": 0, "num_samples": 0},
            "max_new_tokens: 0; .*; num_samples: 0; expected at least 1",
        ),
        ({"dtype": "int4"}, "GenerateTask: dtype: 'int4'; expected auto, float32, bfloat16,"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GenerateTask("model", **settings)


def test_the_files_of_several_devices_become_one_in_their_order(tmp_path: Path) -> None:
    predictions = Predictions()
    for rank, lines in enumerate(("a\nb\n", "", "c\n")):
        (tmp_path / f"predictions-{rank}.jsonl").write_text(lines)
    predictions._path = tmp_path / "predictions-0.jsonl"
    assert predictions._join(4) == tmp_path / "predictions-0.jsonl"  # one is on another node
    assert predictions._join(3) == tmp_path / "predictions.jsonl"
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.jsonl"]
    assert (tmp_path / "predictions.jsonl").read_text() == "a\nb\nc\n"


@pytest.mark.slow
def test_two_devices_write_the_file_that_one_writes(model: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\n".join(PROMPTS), encoding="utf-8")
    files = []
    for devices in ("1", "2"):
        root = tmp_path / devices
        command = [sys.executable, "-m", "gpt_toolkit", "predict", "--config", "text/generate"]
        command += ["--model.init_from", str(model), "--data.files", str(tmp_path / "prompts.txt")]
        command += ["--model.max_new_tokens", "9", "--data.batch_size", "2", "--trainer.accelerator", "cpu"]
        command += ["--trainer.devices", devices, "--trainer.default_root_dir", str(root)]
        subprocess.run(command, check=True, cwd=tmp_path)
        assert [path.name for path in root.iterdir()] == ["predictions.jsonl"]
        files.append((root / "predictions.jsonl").read_bytes())
    assert files[0] == files[1]
