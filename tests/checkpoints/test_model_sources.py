"""Sources of a MODEL argument: checkpoints, hub ids, and invalid values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import open_model
from tests.checkpoints.layouts import Probe, checkpoint_content
from tests.small_decoder import NORMS, small_config, small_decoder


def checkpoint(norm: Norm = "pre") -> dict[str, Any]:
    return checkpoint_content(small_decoder(norm))


@pytest.mark.parametrize("norm", NORMS)
def test_a_training_checkpoint_gives_its_decoder(norm: Norm, tmp_path: Path) -> None:
    torch.save(checkpoint(norm), tmp_path / "last.ckpt")
    saved = open_model(tmp_path / "last.ckpt")
    tensors = saved.read()
    (tmp_path / "last.ckpt").write_bytes(b"")  # what training may do meanwhile
    decoder = small_decoder(norm)
    assert saved.config == decoder.config
    assert saved.tokenizer == {"merges.txt": "#version"}
    assert tensors.keys() == decoder.state_dict().keys()
    assert all(torch.equal(tensors[n], t) for n, t in decoder.state_dict().items())


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_pickle_with_code_is_refused_and_never_run(as_zip: bool, tmp_path: Path) -> None:
    content = checkpoint() | {"probe": Probe(tmp_path / "was-run")}
    torch.save(content, tmp_path / "evil.ckpt", _use_new_zipfile_serialization=as_zip)
    with pytest.raises(ValueError, match=r"evil\.ckpt: .*nothing.* was run"):
        open_model(tmp_path / "evil.ckpt")
    assert not (tmp_path / "was-run").exists()
    torch.load(tmp_path / "evil.ckpt", weights_only=False)
    assert (tmp_path / "was-run").exists()  # the probe does work


def test_a_truncated_checkpoint_is_named(tmp_path: Path) -> None:
    torch.save(checkpoint(), tmp_path / "last.ckpt")
    whole = (tmp_path / "last.ckpt").read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "last.ckpt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"last\.ckpt: incomplete; expected a complete checkpoint"):
            open_model(tmp_path / "last.ckpt")
    (tmp_path / "last.ckpt").write_bytes(b"Dear all")
    with pytest.raises(ValueError, match=r"last\.ckpt: other content; expected a checkpoint or a model"):
        open_model(tmp_path / "last.ckpt")


def without(content: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != name}


def about(**fields: Any) -> dict[str, Any]:
    content = checkpoint()
    return content | {"gpt_toolkit": content["gpt_toolkit"] | fields}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {}}, r"no 'gpt_toolkit' entry; expected a checkpoint"),
        ([1, 2], r"no 'gpt_toolkit' entry; expected a checkpoint"),
        (without(checkpoint(), "gpt_toolkit"), r"no 'gpt_toolkit' entry; expected a checkpoint"),
        (about(format=4, version="9.0"), r"checkpoint format 4; expected 3; use gpt_toolkit 9\.0"),
        (about(decoder={"n_layer": 1}), r"decoder fields: .*no vocab_size"),
        (
            about(decoder=small_config(n_ctx=9).to_fields()),
            r"backbone\.wpe\.weight: shape \(6, 8\); expected \(9, 8\), as its decoder entry says",
        ),
        (about(decoder=small_config("post").to_fields()), r"backbone\.ln_f\.weight is surplus"),
        (checkpoint() | {"state_dict": {}}, r"backbone\.wte\.weight is missing.*and 25 more"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"other\.ckpt: " + message):
        open_model(tmp_path / "other.ckpt")


def test_what_is_no_model_is_refused_with_what_to_do(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing: not found; expected a model folder, a \.ckpt"):
        open_model(tmp_path / "runs" / "nothing")
    with pytest.raises(FileNotFoundError, match=r"gpt3: not found; expected a model folder"):
        open_model("gpt3")


def test_the_last_checkpoint_stands_for_the_model_of_a_run_that_has_not_ended(tmp_path: Path) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.parent.mkdir(parents=True)
    torch.save(checkpoint(), last)
    for name in (tmp_path / "run", tmp_path / "run" / "model"):
        model = open_model(name)
        assert model.source == last
        assert model.notes[0] == f"{tmp_path / 'run' / 'model'} is written when the run ends; taking {last}"


def test_the_folder_of_a_run_stands_for_its_model(folder: Path) -> None:
    run, model = open_model(folder.parent), open_model(folder)
    assert (run.config, run.tokenizer, run.files) == (model.config, model.tokenizer, model.files)


def test_without_a_network_a_hub_id_says_how_to_place_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(*_: object, **__: object) -> str:
        raise hub.errors.LocalEntryNotFoundError("cannot reach the hub\nlong story")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    for model in ("gpt2", "openai-gpt", "owner/name"):
        with pytest.raises(
            FileNotFoundError, match=f"{model}: .*cannot reach the hub.*give their folder"
        ) as got:
            open_model(model)
        assert "\n" not in str(got.value)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match="gpt2: folder not found, and huggingface_hub is not"):
        open_model("gpt2")


def test_a_hub_id_is_read_from_its_snapshot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def snapshot(model: str, **patterns: list[str]) -> str:
        asked.append((model, patterns["allow_patterns"]))
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert open_model("owner/name").config == small_config()
    assert asked == [("owner/name", ["*.safetensors", "*.json", "*.txt"])]


def test_bin_files_of_the_hub_are_fetched_only_where_there_is_nothing_better(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    asked = []

    def snapshot(model: str, **patterns: list[str]) -> str:
        asked.append(patterns["allow_patterns"])
        if "pytorch_model*.bin" in patterns["allow_patterns"]:
            torch.save(tensors, folder / "pytorch_model.bin")
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert torch.equal(open_model("gpt2").read()["wte.weight"], tensors["transformer.wte.weight"])
    assert len(asked) == 2
