"""nanoGPT and build-nanogpt: wrappers, the class of a script, and vocabularies of characters."""

from __future__ import annotations

import dataclasses
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import load
from tests.checkpoints.layouts import SHAPES, Probe, assert_equal_tensors, nanogpt_content, random_decoder

SHAPE = SHAPES[1]
LETTERS = "\n !abcdefghijklm"
META = {"vocab_size": 16, "stoi": {c: i for i, c in enumerate(LETTERS)}, "itos": dict(enumerate(LETTERS))}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("bias", [True, False])
def test_nanogpts_checkpoint_in_wrappers_is_read(prefix: str, bias: bool, tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPE)
    content = nanogpt_content(decoder)
    content["model_args"]["bias"] = bias
    state = {n: t for n, t in content["model"].items() if bias or not n.endswith("bias")}
    content["model"] = {prefix + name.replace("_orig_mod.", ""): tensor for name, tensor in state.items()}
    torch.save(content, tmp_path / "ckpt.pt")
    found = open_model(tmp_path / "ckpt.pt").read()
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(found[name], tensor if bias or not name.endswith("bias") else 0 * tensor), name


@dataclasses.dataclass
class GPTConfig:
    """build-nanogpt: train_gpt2.py."""

    block_size: int = SHAPE[3]
    vocab_size: int = SHAPE[4]
    n_layer: int = SHAPE[0]
    n_head: int = SHAPE[1]
    n_embd: int = SHAPE[2]


@pytest.fixture
def build_nanogpt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Return a function that saves a checkpoint with a config of a class that is gone afterwards."""

    def save(config: Any) -> Path:
        content = {
            "model": nanogpt_content(random_decoder("pre", SHAPE))["model"],
            "config": config,
            "step": 1,
        }
        script = ModuleType("train_gpt2")
        script.GPTConfig = GPTConfig  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "train_gpt2", script)
        monkeypatch.setattr(GPTConfig, "__module__", "train_gpt2")
        torch.save(content, tmp_path / "model_00001.pt")
        monkeypatch.delitem(sys.modules, "train_gpt2")
        return tmp_path / "model_00001.pt"

    return save


def test_build_nanogpts_checkpoint_is_read_without_its_class(build_nanogpt: Callable[[Any], Path]) -> None:
    model = open_model(build_nanogpt(GPTConfig()))
    assert_equal_tensors(model.read(), random_decoder("pre", SHAPE))
    assert (model.layout, model.exact_gelu) == ("build-nanogpt checkpoint", False)
    assert "train_gpt2" not in sys.modules


def test_a_wrong_field_of_build_nanogpts_config_is_named(build_nanogpt: Callable[[Any], Path]) -> None:
    with pytest.raises(ValueError, match=r"model_00001\.pt: config without n_layer; expected a whole number"):
        open_model(build_nanogpt(GPTConfig(n_layer="2")))  # type: ignore[arg-type]


def test_an_object_next_to_the_config_is_not_unpickled(
    build_nanogpt: Callable[[Any], Path], tmp_path: Path
) -> None:
    config = GPTConfig()
    config.more = Probe(tmp_path / "made")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"model_00001\.pt: Python objects \(\w+\.mkdir\); expected"):
        open_model(build_nanogpt(config))
    assert not (tmp_path / "made").exists()


# Vocabularies of characters


def write_nanogpt(folder: Path, meta: object, *, place: str) -> Path:
    """Write nanoGPT's tree: out-x/ckpt.pt, and meta.pkl at a place."""
    content = nanogpt_content(random_decoder("pre", (1, 2, 8, 16, len(LETTERS))))
    content["config"] = {"dataset": "letters", "out_dir": "out-x"}
    (folder / "out-x").mkdir()
    torch.save(content, folder / "out-x" / "ckpt.pt")
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(pickle.dumps(meta))
    return folder / "out-x" / "ckpt.pt"


@pytest.mark.parametrize("place", ["out-x/meta.pkl", "data/letters/meta.pkl"])
def test_the_characters_of_nanogpts_data_are_its_tokenizer(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_nanogpt(tmp_path, META, place=place)
    model = load(path, device="cpu")
    assert model.tokenizer.encode("abba!\n") == [META["stoi"][c] for c in "abba!\n"]  # type: ignore[index]
    text = model.generate("fab", max_new_tokens=12, temperature=0)
    assert len(text) == 12
    assert main(["convert", str(path), str(tmp_path / "model")]) == 0
    assert "the same ids and texts on a probe" in capsys.readouterr().out
    assert load(tmp_path / "model", device="cpu").generate("fab", max_new_tokens=12, temperature=0) == text


def test_without_its_characters_the_checkpoint_is_read_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_nanogpt(tmp_path, META, place="elsewhere/meta.pkl")
    assert any("no vocabulary was found: copy nanoGPT's meta.pkl" in note for note in open_model(path).notes)
    assert main(["generate", str(path), "--prompt", "a", "--device", "cpu"]) != 0
    assert "meta.pkl" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"itos": {}}, r"meta\.pkl: no ids of at most 16 characters; expected them as"),
        ([1], r"meta\.pkl: no ids of at most 16 characters; expected them as"),
        ({"stoi": {chr(i): i for i in range(17)}}, r"meta\.pkl: no ids of at most 16 characters; expected"),
        ({"stoi": {"ab": 0}}, r"'ab' has the id 0; expected characters and ids"),
        ({"stoi": {"a": 1}}, r"meta\.pkl: no id 0, largest 1; expected the ids 0 to 0 for 1"),
    ],
)
def test_a_file_of_other_content_is_refused_by_name(meta: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        open_model(write_nanogpt(tmp_path, meta, place="out-x/meta.pkl"))


def test_code_in_meta_pkl_is_not_run(tmp_path: Path) -> None:
    path = write_nanogpt(tmp_path, {"stoi": Probe(tmp_path / "made")}, place="out-x/meta.pkl")
    with pytest.raises(ValueError, match=r"meta\.pkl: damaged, or Python objects \(\w+\.mkdir\); expected"):
        open_model(path)
    assert not (tmp_path / "made").exists()
    (tmp_path / "out-x" / "meta.pkl").write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"meta\.pkl: damaged"):
        open_model(path)
