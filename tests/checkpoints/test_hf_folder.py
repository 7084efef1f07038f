from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import (
    build_decoder,
    config_from_hugging_face,
    from_hugging_face,
    hf_folder,
    hugging_face_config,
    open_model,
    to_hugging_face,
    write_model_folder,
)
from tests.small_decoder import NORMS, small_config, small_decoder


def change_config(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_tensors(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


# Names and config


@pytest.mark.parametrize("norm", NORMS)
def test_renaming_there_and_back_changes_nothing(norm: Norm) -> None:
    decoder = small_decoder(norm)
    ours = decoder.state_dict()
    back = from_hugging_face(to_hugging_face(ours, decoder.config), decoder.config)
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], ours[name]) for name in ours)


@pytest.mark.parametrize("norm", NORMS)
def test_old_names_masks_and_a_tied_output_matrix_are_accepted(norm: Norm) -> None:
    decoder = small_decoder(norm)
    stored = to_hugging_face(decoder.state_dict(), decoder.config)
    bare = {name.removeprefix("transformer."): tensor for name, tensor in stored.items()}
    bare["lm_head.weight"] = decoder.wte.weight.detach().clone()
    bare["h.0.attn.bias"] = torch.ones(1, 1, 6, 6)
    bare["h.1.attn.masked_bias"] = torch.tensor(-1e4)
    assert from_hugging_face(bare, decoder.config).keys() == decoder.state_dict().keys()


def test_an_untied_output_matrix_is_refused() -> None:
    decoder = small_decoder()
    stored = to_hugging_face(decoder.state_dict(), decoder.config)
    stored["lm_head.weight"] = decoder.wte.weight.detach() + 1
    with pytest.raises(ValueError, match=r"lm_head\.weight differs from transformer\.wte\.weight.*untied"):
        from_hugging_face(stored, decoder.config)


def test_missing_and_surplus_tensors_are_named() -> None:
    decoder = small_decoder()
    stored = to_hugging_face(decoder.state_dict(), decoder.config)
    stored["more.weight"] = stored.pop("transformer.h.1.mlp.c_fc.bias")
    with pytest.raises(ValueError, match=r"h\.1\.mlp\.c_fc\.bias is missing; more\.weight is surplus"):
        from_hugging_face(stored, decoder.config)
    with pytest.raises(ValueError, match="state dict: tensors c_fc; expected the token embeddings of GPT-2"):
        from_hugging_face({"c_fc": torch.zeros(1)}, decoder.config)
    with pytest.raises(ValueError, match=r"state dict: missing none; surplus ln_f\.bias, ln_f\.weight"):
        to_hugging_face(decoder.state_dict(), small_config("post"))


@pytest.mark.parametrize("norm", NORMS)
def test_a_config_goes_there_and_back_whole(norm: Norm) -> None:
    config = small_config(
        norm, embd_pdrop=0.1, attn_pdrop=0.2, resid_pdrop=0.3, residual_init="plain", wpe_std=0.5
    )
    fields = json.loads(json.dumps(hugging_face_config(config)))
    assert config_from_hugging_face(fields) == config


def test_fields_left_out_take_the_published_values() -> None:
    assert config_from_hugging_face({"model_type": "gpt2"}) == DecoderConfig.from_preset(
        "gpt2", embd_pdrop=0.1, attn_pdrop=0.1, resid_pdrop=0.1
    )
    assert config_from_hugging_face({"model_type": "openai-gpt"}) == DecoderConfig.from_preset("gpt1")


@pytest.mark.parametrize(
    ("norm", "fields", "message"),
    [
        ("pre", {"model_type": "llama"}, r"config\.json: model_type: 'llama'; expected gpt2 or openai-gpt"),
        ("pre", {"activation_function": "relu"}, r"config\.json: activation_function: 'relu'; expected"),
        ("pre", {"activation_function": "gelu"}, r"config\.json: activation_function:"),  # the exact form
        ("post", {"afn": "silu"}, r"config\.json: afn: 'silu'; expected gelu or gelu_new or"),
        ("pre", {"n_inner": 16}, r"config\.json: n_inner: 16; expected 4 n_embd = 32"),
        ("pre", {"scale_attn_weights": False}, r"config\.json: scale_attn_weights: False; expected True"),
        (
            "pre",
            {"scale_attn_by_inverse_layer_idx": True},
            r"config\.json: scale_attn_by_inverse_layer_idx: True; expected",
        ),
        ("pre", {"add_cross_attention": True}, r"config\.json: add_cross_attention: True; expected False"),
        ("post", {"tie_word_embeddings": False}, r"config\.json: tie_word_embeddings: False; expected True"),
        ("post", {"layer_norm_epsilon": 1e-6}, r"config\.json: layer_norm_epsilon: 1e-06; expected 1e-05"),
        ("pre", {"n_embd": "8"}, r"config\.json: n_embd: '8'; expected a whole number"),
        ("pre", {"attn_pdrop": None}, r"config\.json: attn_pdrop: None; expected a probability"),
        ("pre", {"n_head": 3}, r"config\.json: decoder: n_head: 3; expected a divisor of n_embd"),
        ("pre", {"n_inner": 16, "tie_word_embeddings": False}, r"config\.json: n_inner: 16; expected 4"),
    ],
)
def test_a_config_that_is_not_implemented_is_refused_by_name(
    norm: Norm, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        config_from_hugging_face(hugging_face_config(small_config(norm)) | fields)


# Folders


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("norm", NORMS)
def test_a_folder_keeps_every_bit(norm: Norm, dtype: torch.dtype, tmp_path: Path) -> None:
    decoder = small_decoder(norm).to(dtype)
    write_model_folder(tmp_path / "deep" / "model", decoder.config, decoder.state_dict(), {"a.txt": "é\r\n"})
    model = open_model(tmp_path / "deep" / "model")
    state_dict = model.read()
    assert model.config == decoder.config
    assert state_dict.keys() == decoder.state_dict().keys()
    for name, tensor in decoder.state_dict().items():
        assert state_dict[name].dtype == dtype
        assert torch.equal(state_dict[name], tensor)
    assert (tmp_path / "deep" / "model" / "a.txt").read_bytes() == "é\r\n".encode()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["model"]


def test_the_file_is_a_plain_safetensors_file(folder: Path) -> None:
    path = folder / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
    stored = load_file(path)
    assert stored["transformer.h.0.mlp.c_fc.weight"].shape == (8, 32)
    assert "lm_head.weight" not in stored
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_tensors_are_cast_while_they_are_read(folder: Path) -> None:
    state_dict = open_model(folder).read(dtype=torch.bfloat16)
    expected = small_decoder().to(torch.bfloat16).state_dict()
    assert all(torch.equal(state_dict[name], expected[name]) for name in expected)


def test_a_decoder_is_built_around_the_tensors_without_a_copy(folder: Path) -> None:
    model = open_model(folder)
    state_dict = model.read()
    decoder = build_decoder(model.config, state_dict)
    assert not decoder.training
    for name, parameter in decoder.named_parameters():
        assert parameter.data_ptr() == state_dict[name].data_ptr()
        assert parameter.requires_grad


def test_further_config_fields_are_kept_beside_ours(tmp_path: Path) -> None:
    decoder = small_decoder()
    extra = {"eos_token_id": 3, "gpt_toolkit": {"step": 7}}
    write_model_folder(tmp_path / "m", decoder.config, decoder.state_dict(), {}, extra=extra)
    fields = json.loads((tmp_path / "m" / "config.json").read_text())
    assert fields["eos_token_id"] == 3
    assert fields["dtype"] == "float32"
    assert fields["gpt_toolkit"] == {"residual_init": "scaled", "wpe_std": 0.01, "step": 7}


def test_an_existing_folder_is_replaced_only_with_overwrite(folder: Path) -> None:
    other = small_decoder("post")
    with pytest.raises(FileExistsError, match="model: exists; expected a new folder"):
        write_model_folder(folder, other.config, other.state_dict(), {})
    assert open_model(folder).config.norm == "pre"
    write_model_folder(folder, other.config, other.state_dict(), {}, overwrite=True)
    assert open_model(folder).config.norm == "post"
    assert not (folder / "merges.txt").exists()
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_never_overwritten(tmp_path: Path) -> None:
    decoder = small_decoder()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / "config.json").write_text("{}")
    (tmp_path / "file").write_text("x")
    for name in ("letters", "project", "file"):
        with pytest.raises(FileExistsError, match=f"{name}: other files; expected a model folder"):
            write_model_folder(tmp_path / name, decoder.config, decoder.state_dict(), {}, overwrite=True)
    assert (tmp_path / "letters" / "a.txt").read_text() == "dear"


def test_a_full_disk_leaves_everything_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hf_folder, "_write_safetensors", disk_full)
    before = (folder / "model.safetensors").read_bytes()
    decoder = small_decoder("post")
    with pytest.raises(OSError, match="model: No space left on device; expected a folder that can be"):
        write_model_folder(folder, decoder.config, decoder.state_dict(), {}, overwrite=True)
    assert (folder / "model.safetensors").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path.name.endswith(".partial"):
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    other = small_decoder("post")
    with pytest.raises(OSError, match="model: Permission denied; expected a folder that can be written"):
        write_model_folder(folder, other.config, other.state_dict(), {}, overwrite=True)
    assert open_model(folder).config.norm == "pre"
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_an_old_folder_that_cannot_be_put_back_is_not_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path != folder:
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    other = small_decoder("post")
    with pytest.raises(OSError, match="Permission denied"):
        write_model_folder(folder, other.config, other.state_dict(), {}, overwrite=True)
    [old] = folder.parent.iterdir()
    assert open_model(old).config.norm == "pre"


def test_a_truncated_file_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors: Error while deserializing header:"):
            open_model(folder)


def test_every_missing_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "away")
    with pytest.raises(FileNotFoundError, match=r"model: no weights; expected model\.safetensors or"):
        open_model(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: Expecting property name enclosed in double quotes:"):
        open_model(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json: list; expected a JSON object"):
        open_model(folder)
    (folder / "away").rename(folder / "model.safetensors")
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"config\.json: not found; expected a file"):
        open_model(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_layer": 3}, r"2 blocks; expected 3, the n_layer of config\.json"),
        ({"n_positions": 7}, r"transformer\.wpe\.weight: shape \(6, 8\); expected \(7, 8\), .*: the"),
        ({"vocab_size": 16}, r"transformer\.wte\.weight: shape \(13, 8\); expected \(16, 8\), .*: the"),
        ({"model_type": "openai-gpt"}, r"tensors of a GPT-2 decoder; expected those of a GPT-1 decoder"),
    ],
)
def test_a_config_that_contradicts_the_tensors_is_refused(
    fields: dict[str, Any], message: str, folder: Path
) -> None:
    change_config(folder, **fields)
    with pytest.raises(ValueError, match=r"model\.safetensors: .*" + message):
        open_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("transformer.ln_f.bias"), r"ln_f\.bias is missing"),
        (lambda t: t.update(more=torch.zeros(1)), "more is surplus"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(13, 8)}), r"lm_head\.weight differs"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(14, 8)}), r"lm_head\.weight differs"),
        (
            lambda t: t.update({"transformer.wpe.weight": torch.zeros(6, 8, dtype=torch.int8)}),
            r"wpe\.weight: type int8; expected floating point",
        ),
        (
            lambda t: t.update({"transformer.h.0.mlp.c_fc.weight": torch.zeros(32, 8)}),
            r"h\.0\.mlp\.c_fc\.weight: shape \(32, 8\); expected \(8, 32\), as config\.json says",
        ),
    ],
)
def test_tensors_that_do_not_make_a_decoder_are_named(
    change: Callable[[dict[str, Tensor]], Any], message: str, folder: Path
) -> None:
    change_tensors(folder, change)
    with pytest.raises(ValueError, match=r"model\.safetensors: .*" + message):
        open_model(folder)


def test_a_tied_output_matrix_in_the_file_is_ignored(folder: Path) -> None:
    change_tensors(folder, lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"].clone()}))
    for dtype in (None, torch.bfloat16):
        state_dict = open_model(folder).read(dtype=dtype)
        assert state_dict.keys() == small_decoder().state_dict().keys()


def test_a_shard_that_lacks_its_tensor_or_lies_elsewhere_is_refused(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    index = folder / "model.safetensors.index.json"
    weight_map = dict.fromkeys(tensors, "one.safetensors")
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert torch.equal(open_model(folder).read()["wte.weight"], tensors["transformer.wte.weight"])
    index.write_text(json.dumps({"weight_map": weight_map | {"gone": "one.safetensors"}}))
    with pytest.raises(ValueError, match=r"one\.safetensors: no tensor gone; expected it, because the index"):
        open_model(folder)
    index.write_text(json.dumps({"weight_map": weight_map | {"gone": "two.safetensors"}}))
    with pytest.raises(FileNotFoundError, match=r"two\.safetensors: not found; expected a file of weights"):
        open_model(folder)
    for name in ("../one.safetensors", "..", "", "a/b", "C:\\x", "x\0y", str(folder / "one.safetensors"), 5):
        index.write_text(json.dumps({"weight_map": {"x": name}}))
        with pytest.raises(
            ValueError, match=r"model\.safetensors\.index\.json: no valid weight_map; expected"
        ):
            open_model(folder)


@pytest.mark.parametrize("name", ["../evil", "..", "", "a/b", "C:\\x", "x\0y", "tokenizer.json/.."])
def test_a_tokenizer_file_outside_the_folder_is_refused_and_nothing_written(
    name: str, tmp_path: Path
) -> None:
    decoder = small_decoder()
    with pytest.raises(ValueError, match=r"tokenizer file: '.*'; expected a file name without a folder"):
        write_model_folder(tmp_path / "new", decoder.config, decoder.state_dict(), {"a": "", name: "x"})
    with pytest.raises(ValueError, match=r"expected a file name without a folder"):
        write_model_folder(
            tmp_path / "new", decoder.config, decoder.state_dict(), {str(tmp_path / "evil"): "x"}
        )
    assert list(tmp_path.iterdir()) == []


_PEAK = """
import resource, sys, torch
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.checkpoints import build_decoder, open_model, write_model_folder
def peak():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) / 1024
config = DecoderConfig(vocab_size=20_000, n_ctx=64, n_layer=6, n_head=8, n_embd=768)
if sys.argv[1] == "write":
    decoder = Decoder(config)
    start = peak()
    write_model_folder(sys.argv[2], config, decoder.state_dict(), {})
else:
    with torch.device("meta"):
        Decoder(config)
    start = peak()
    model = open_model(sys.argv[2])
    decoder = build_decoder(model.config, model.read())
print(peak() - start, config.n_params * 4 / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's peak of resident memory")
def test_reading_holds_the_weights_once_and_writing_one_tensor_more(tmp_path: Path) -> None:
    figures = {}
    for verb in ("write", "read"):
        command = [sys.executable, "-c", _PEAK, verb, str(tmp_path / "model")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures[verb] = [float(figure) for figure in done.stdout.split()]
    (written, weights), (read, _) = figures["write"], figures["read"]
    assert read < 1.1 * weights + 25  # the allowance: pieces of the file, pages of the libraries
    assert written < 0.1 * weights + 25
