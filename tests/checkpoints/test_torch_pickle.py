"""Old ``.bin`` files of Hugging Face, and common properties of pickled files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import hugging_face_config, open_model, to_hugging_face, torch_pickle
from tests.checkpoints.layouts import SHAPES, Probe, checkpoint_content, random_decoder


def stored_tensors(norm: Norm) -> dict[str, Tensor]:
    """Return tensors as in the hub's old files: bare names, masks, and the output matrix a second time."""
    decoder = random_decoder(norm, SHAPES[1])
    named = to_hugging_face(decoder.state_dict(), decoder.config)
    tensors = {name.removeprefix("transformer."): tensor.contiguous() for name, tensor in named.items()}
    tensors |= {"h.0.attn.bias": torch.ones(1, 1, 5, 5), "lm_head.weight": decoder.wte.weight.detach()}
    return tensors


def write_folder(
    folder: Path, tensors: dict[str, Tensor], norm: Norm = "pre", *, zipped: bool = True
) -> Path:
    folder.mkdir(exist_ok=True)
    fields = hugging_face_config(random_decoder(norm, SHAPES[1]).config)
    (folder / "config.json").write_text(json.dumps(fields))
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    return folder


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_bin_file_is_read_to_equal_tensors(norm: Norm, zipped: bool, tmp_path: Path) -> None:
    saved = open_model(write_folder(tmp_path / "m", stored_tensors(norm), norm, zipped=zipped))
    decoder = random_decoder(norm, SHAPES[1])
    assert saved.config == decoder.config
    assert saved.read().keys() == decoder.state_dict().keys()
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(saved.read()[name], tensor), name


def test_a_bin_file_in_shards_is_read_by_its_index(tmp_path: Path) -> None:
    tensors = stored_tensors("pre")
    folder = write_folder(tmp_path / "m", {})
    (folder / "pytorch_model.bin").unlink()
    names = sorted(tensors)
    weight_map: dict[str, str] = {}
    for i, part in enumerate((names[::2], names[1::2])):
        torch.save({name: tensors[name] for name in part}, folder / f"pytorch_model-{i}.bin")
        weight_map |= dict.fromkeys(part, f"pytorch_model-{i}.bin")
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    model = open_model(folder)
    assert torch.equal(model.read()["wte.weight"], tensors["wte.weight"])
    assert {path.name for path in model.files} == {
        "config.json",
        "pytorch_model.bin.index.json",
        "pytorch_model-0.bin",
        "pytorch_model-1.bin",
    }
    (folder / "pytorch_model-1.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"pytorch_model-1\.bin: not found; expected a file of"):
        open_model(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_file_with_code_is_refused_and_never_run(zipped: bool, tmp_path: Path) -> None:
    tensors: dict[str, Any] = stored_tensors("pre") | {"probe": Probe(tmp_path / "was-run")}
    folder = write_folder(tmp_path / "m", tensors, zipped=zipped)
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: Python objects .*nothing was run"):
        open_model(folder)
    assert not (tmp_path / "was-run").exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "was-run").exists()  # the probe does work


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_bin_file_is_named(zipped: bool, tmp_path: Path) -> None:
    path = write_folder(tmp_path / "m", stored_tensors("pre"), zipped=zipped) / "pytorch_model.bin"
    whole = path.read_bytes()
    for length in (10, 60, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"pytorch_model\.bin: (damaged|incomplete|other content)"):
            open_model(path.parent)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: list; expected tensors by name"):
        open_model(path.parent)


def test_an_untied_output_matrix_and_missing_tensors_are_named(tmp_path: Path) -> None:
    tensors = stored_tensors("pre")
    folder = write_folder(tmp_path / "m", tensors | {"lm_head.weight": torch.zeros(17, 8)})
    with pytest.raises(ValueError, match=r"lm_head\.weight differs from wte\.weight.*untied"):
        open_model(folder)
    del tensors["h.1.attn.c_attn.bias"]
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: .*h\.1\.attn\.c_attn\.bias is missing"):
        open_model(write_folder(folder, tensors))
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: tensors of a GPT-1 decoder; expected those"):
        open_model(write_folder(folder, stored_tensors("post")))


def test_a_file_is_mapped_again_while_it_is_the_same_and_not_once_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    safe_load = torch_pickle.safe_load

    def counted(path: Path) -> Any:
        opened.append(path)
        return safe_load(path)

    monkeypatch.setattr(torch_pickle, "safe_load", counted)
    monkeypatch.setattr(torch_pickle, "_N_MAPPINGS", 100_000)
    decoder, other = random_decoder("pre", SHAPES[1]), random_decoder("pre", SHAPES[1], seed=1)
    torch.save(checkpoint_content(decoder), tmp_path / "last.ckpt")
    model = open_model(tmp_path / "last.ckpt")
    assert torch.equal(model.read()["wpe.weight"], decoder.wpe.weight)
    n_opened = len(opened)
    assert n_opened > 5
    torch.save(checkpoint_content(other), tmp_path / "new.ckpt")
    (tmp_path / "new.ckpt").replace(tmp_path / "last.ckpt")  # as training does
    for name, tensor in model.read().items():
        assert torch.equal(tensor, decoder.state_dict()[name]), name
    assert len(opened) == n_opened
