"""Checkpoints of unknown origin whose tokenizer entry names other files: refused, nothing written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import load
from tests.checkpoints.layouts import write_sharded
from tests.commands import CONFIG
from tests.small_runs import TEXT

NAMES = ["../evil", "../../../evil", "..", "a/b", "C:\\x", "x\0y", "tokenizer.json/.."]
SECRET = "belongs to the user"
FINETUNE = ("--config", "text/finetune", "--data.sets", "rows.csv")
COMMANDS = {
    "zero-shot": ("zero-shot", "{}", "--benchmarks", "storyworld:pronouns", "--limit", "2"),
    "generate": ("generate", "{}", "--prompt", "a", "--max_new_tokens", "1"),
    "convert": ("convert", "{}", "converted"),
    "fit": ("fit", *FINETUNE, "--model.init_from", "{}"),
    "fit, with a tokenizer": ("fit", "--config", "tiny.yaml", "--model.init_from", "{}"),
    "fit, continued": ("fit", *FINETUNE, "--ckpt_path", "{}"),
    "validate": ("validate", *FINETUNE, "--model.init_from", "{}"),
    "test": ("test", *FINETUNE, "--ckpt_path", "{}"),
    "predict": (
        "predict",
        "--config",
        "text/generate",
        "--data.files",
        "rows.csv",
        "--model.init_from",
        "{}",
    ),
    "doctor": ("doctor", *FINETUNE, "--model.init_from", "{}"),
    "tables": ("tables", "--model", "{}", "--parts", "table4", "--tasks", "acceptability"),
}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the content of a checkpoint that ``fit`` wrote."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_TOOLKIT_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        Path("corpus.txt").write_text(TEXT, encoding="utf-8")
        Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
        steps = ("--trainer.max_steps", "1", "--trainer.val_check_interval", "1")
        assert main(["fit", "--config", "tiny.yaml", *steps]) == 0
        found: dict[str, Any] = torch.load("runs/tiny/checkpoints/last.ckpt", weights_only=True)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that holds the working folder, the cache folder and a file of the user."""
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GPT_TOOLKIT_TRACEBACK", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("corpus.txt").write_text(TEXT, encoding="utf-8")
    Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")
    Path("rows.csv").write_text("text,label\ngood,1\nbad,0\nfine,1\nworse,0\n", encoding="utf-8")
    (tmp_path / "precious").write_text(SECRET, encoding="utf-8")
    return tmp_path


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def changed(content: dict[str, Any], tokenizer: object) -> dict[str, Any]:
    """Return the checkpoint with another tokenizer entry."""
    return {**content, "gpt_toolkit": {**content["gpt_toolkit"], "tokenizer": tokenizer}}


def assert_refused(
    command: tuple[str, ...], message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Assert exit code 1, one line that names the checkpoint, and every file as before, also in the cache."""
    before = tree(place)
    capsys.readouterr()
    assert main([argument.format("hostile.ckpt") for argument in command]) == 1
    out, err = capsys.readouterr()
    lines = [line for line in (out + err).splitlines() if "hostile.ckpt: " in line]
    assert len(lines) == 1, out + err
    assert message in lines[0]
    assert len(lines[0]) < 500
    assert "Traceback" not in out + err
    if command[0] not in ("doctor", "tables"):  # which report more than the refusal
        assert (out, err.count("\n")) == ("", 1)
    if command[0] == "tables":  # its own folder, where it notes its settings before it reads the model
        shutil.rmtree(Path("runs"))
    assert tree(place) == before


@pytest.mark.parametrize("way", COMMANDS)
def test_a_checkpoint_cannot_choose_the_files_that_are_written(
    way: str, content: dict[str, Any], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = content["gpt_toolkit"]["tokenizer"]
    for name in (*NAMES, str(place / "precious")):
        torch.save(changed(content, {**files, name: "stranger's"}), "hostile.ckpt")
        message = f"hostile.ckpt: tokenizer file {name!r:.100}; expected only tokenizer.json, "
        assert_refused(COMMANDS[way], message, place, capsys)


@pytest.mark.parametrize("way", ["zero-shot", "generate", "convert", "fit", "tables"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"tokenizer.json": 5}, "content of 'tokenizer.json' is of type int; expected str"),
        ({"vocab.bpe": b"#version"}, "content of 'vocab.bpe' is of type bytes; expected str"),
        ({"vocab.bpe": "a\ud800"}, "content of 'vocab.bpe' has a lone surrogate at character 1"),
        ({5: "x"}, "tokenizer file a name of type int; expected only tokenizer.json"),
        ("gpt2", "tokenizer entry of type str; expected file names and contents"),
        (["gpt2"], "tokenizer entry of type list; expected file names and contents"),
    ],
)
def test_a_tokenizer_entry_that_is_not_text_by_name_is_refused_before_anything_is_written(
    way: str, bad: Any, message: str, content: dict[str, Any], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = content["gpt_toolkit"]["tokenizer"]
    torch.save(changed(content, {**good, **bad} if isinstance(bad, dict) else bad), "hostile.ckpt")
    assert_refused(COMMANDS[way], message, place, capsys)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # by torch's writer of shards
@pytest.mark.parametrize("in_shards", [False, True])
def test_python_refuses_the_same_names(in_shards: bool, content: dict[str, Any], place: Path) -> None:
    for name in (*NAMES, str(place / "precious")):
        checkpoint = changed(content, {**content["gpt_toolkit"]["tokenizer"], name: "stranger's"})
        if in_shards:
            shutil.rmtree("hostile.ckpt", ignore_errors=True)
            write_sharded(Path("hostile.ckpt"), checkpoint, "state_dict")
        else:
            torch.save(checkpoint, "hostile.ckpt")
        before = tree(place)
        with pytest.raises(
            ValueError, match=re.escape(f"hostile.ckpt: tokenizer file {name!r:.100}; expected")
        ):
            load("hostile.ckpt", device="cpu")
        assert tree(place) == before
