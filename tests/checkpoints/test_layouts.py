"""Every layout except the model folder: read to equal tensors; incomplete sources are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpt_toolkit.checkpoints import open_model, tf_checkpoint
from tests.checkpoints.layouts import (
    SHAPES,
    Probe,
    assert_equal_tensors,
    gpt2_variables,
    nanogpt_content,
    proto,
    random_decoder,
    slow_crc32c,
    write_bundle,
    write_openai_gpt1,
    write_openai_gpt2,
)

GPT1_SHAPES = [(1, 12, 12, 4, 11), (2, 12, 24, 5, 17), (3, 12, 48, 9, 30), (2, 12, 96, 16, 101)]
GPT1_SHAPES += [(12, 12, 24, 7, 40), (1, 12, 36, 20, 50)]


# OpenAI's GPT-2


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_openais_gpt2_checkpoint_is_read_to_equal_tensors(shape: tuple[int, ...], tmp_path: Path) -> None:
    decoder = random_decoder("pre", shape)
    saved = open_model(write_openai_gpt2(tmp_path / "124M", decoder))
    assert saved.config == decoder.config
    assert_equal_tensors(saved.read(), decoder)


def test_a_gpt2_checkpoint_in_two_shards_beside_an_optimizer_is_read(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    more = {"global_step": np.array([7], np.int64), "model/wte/Adam": np.zeros((17, 8), np.float32)}
    folder = write_openai_gpt2(tmp_path / "tuned", decoder, n_shards=2, more=more)
    saved = open_model(folder)
    assert_equal_tensors(saved.read(), decoder)
    assert saved.notes == ("2 variables outside the model, such as the optimizer's, are left out",)


@pytest.mark.parametrize("named", ["/", "..", "/home/someone/..", "x\0y"])
def test_a_checkpoint_of_openais_outside_the_folder_is_not_read(named: str, tmp_path: Path) -> None:
    folder = write_openai_gpt2(tmp_path / "m", random_decoder("pre", SHAPES[0]))
    for path in list(folder.glob("model.ckpt.*")):
        path.with_name(f"other{path.suffix}").write_bytes(path.read_bytes())
        (tmp_path / f"m{path.suffix}").write_bytes(path.read_bytes())
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n')
    with pytest.raises(ValueError, match=r"m: 2 checkpoints \(model\.ckpt, other\); expected one, or a file"):
        open_model(folder)


def test_the_tokenizer_of_openais_files_is_found_in_the_folder_beside_it_or_by_name(tmp_path: Path) -> None:
    folder = write_openai_gpt2(tmp_path / "models" / "124M", random_decoder("pre", SHAPES[0]))
    assert open_model(folder).tokenizer == {}
    for place in (folder.parent, folder):
        for name in ("vocab.bpe", "encoder.json"):
            (place / name).write_text("")
        assert open_model(folder).tokenizer == place
    released = write_openai_gpt2(tmp_path / "124M", random_decoder("pre", (1, 1, 2, 4, 50_257)))
    assert open_model(released).tokenizer == "gpt2"


def test_the_checksum_of_checkpoints_has_its_published_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tf_checkpoint.crc32c(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4, as the next
    assert tf_checkpoint.crc32c(bytes(32)) == 0x8A9136AA
    monkeypatch.setattr(tf_checkpoint, "_PIECE", 2 * tf_checkpoint._LANE)
    data = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    for n in (0, 1, 3, 1023, 1024, 1025, 5000):
        assert tf_checkpoint.crc32c(data[:n]) == slow_crc32c(data[:n])


def cut_positions(variables: dict[str, Any]) -> None:
    variables["model/wpe"] = variables["model/wpe"][:3]


def pad_vocabulary(variables: dict[str, Any]) -> None:
    variables["model/wte"] = np.concatenate([variables["model/wte"]] * 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut_positions, r"model/wpe: shape \(3, 8\); expected \(5, 8\), as hparams\.json says: the"),
        (
            pad_vocabulary,
            r"model/wte: shape \(34, 8\); expected \(17, 8\), as hparams\.json says: the vocabulary is",
        ),
        (lambda v: v.pop("model/h1/attn/c_proj/w"), r"model/h1/attn/c_proj/w is missing"),
        (lambda v: v.pop("model/ln_f/g"), r"model/ln_f/g is missing \(GPT-2 has this norm, GPT-1 has not\)"),
        (lambda v: v.update({"model/h2/ln_1/b": np.zeros(8, np.float32)}), r"3 blocks; expected 2, the"),
        (lambda v: v.update({"model/more": np.zeros(8, np.float32)}), r"model/more is surplus"),
        (lambda v: v.update({"model/wpe": np.zeros((5, 8), np.int32)}), r"model/wpe: type int32"),
        (
            lambda v: [v.pop(f"model/h0/ln_{n}/{k}") for n in (1, 2) for k in "gb"],
            r"h0/ln_1/g is missing.*ln_1/b.*ln_2/g is missing; and 1 more",
        ),
    ],
)
def test_what_a_gpt2_checkpoint_lacks_or_has_too_much_is_named(
    change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path
) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    folder = write_openai_gpt2(tmp_path / "m", decoder)
    variables = gpt2_variables(decoder)
    change(variables)
    write_bundle(folder / "model.ckpt", variables)
    with pytest.raises(ValueError, match=r"model\.ckpt\.index: .*" + message):
        open_model(folder)


def test_a_damaged_gpt2_checkpoint_is_named_wherever_the_damage_is(tmp_path: Path) -> None:
    folder = write_openai_gpt2(tmp_path / "m", random_decoder("pre", SHAPES[1]))
    index, data = folder / "model.ckpt.index", folder / "model.ckpt.data-00000-of-00001"
    whole = index.read_bytes()
    for length in (0, 20, len(whole) // 2, len(whole) - 1):
        index.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.ckpt\.index: other content; expected the complete"):
            open_model(folder)
    for place in (3, 400, len(whole) - 60):
        index.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"model\.ckpt\.index: (damaged|block|wrong checksum)"):
            open_model(folder)
    index.write_bytes(whole)
    values = data.read_bytes()
    data.write_bytes(values[:1000] + bytes([values[1000] ^ 1]) + values[1001:])
    with pytest.raises(ValueError, match=r"data-00000-of-00001: model/\S+ with checksum \w+; expected the"):
        open_model(folder).read()
    data.write_bytes(values[:-1])
    with pytest.raises(ValueError, match=r"data-00000-of-00001: [\d,]+ bytes; expected [\d,]+, as"):
        open_model(folder)
    data.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt\.data-00000-of-00001: not found; expected it,"):
        open_model(folder)
    index.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt\.index: not found; expected the index of a"):
        open_model(folder)
    (folder / "checkpoint").unlink()
    with pytest.raises(ValueError, match=r"no \.index file; expected one"):
        open_model(folder)


def test_kinds_of_checkpoint_that_gpt2_never_had_are_refused(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[0])
    folder = write_openai_gpt2(tmp_path / "snappy", decoder, compression=1)
    with pytest.raises(ValueError, match=r"model\.ckpt\.index: block compressed by snappy; expected no"):
        open_model(folder)
    folder = write_openai_gpt2(tmp_path / "sliced", decoder, changes={"model/wte": proto(7, b"")})
    with pytest.raises(ValueError, match=r"model\.ckpt\.index: model/wte in slices; expected whole tensors"):
        open_model(folder)
    (folder / "hparams.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"hparams\.json: not found; expected a file"):
        open_model(folder)
    (folder / "hparams.json").write_text('{"n_vocab": 11}')
    with pytest.raises(ValueError, match=r"hparams\.json: no n_ctx, n_embd"):
        open_model(folder)


# OpenAI's GPT-1


@pytest.mark.parametrize("shape", GPT1_SHAPES, ids=str)
def test_openais_gpt1_parameters_are_read_to_equal_tensors(shape: tuple[int, ...], tmp_path: Path) -> None:
    decoder = random_decoder("post", shape)
    saved = open_model(write_openai_gpt1(tmp_path / "model", decoder))
    n_layer, n_head, n_embd, n_ctx, vocab_size = shape
    config = saved.config
    assert (config.n_layer, config.n_head, config.n_embd) == (n_layer, n_head, n_embd)
    assert (config.n_ctx, config.vocab_size, config.norm) == (n_ctx, vocab_size, "post")
    assert_equal_tensors(saved.read(), decoder)


def test_what_is_wrong_with_gpt1_parameters_is_named(tmp_path: Path) -> None:
    folder = write_openai_gpt1(tmp_path / "model", random_decoder("post", GPT1_SHAPES[1]))
    shapes = json.loads((folder / "params_shapes.json").read_text())

    def refused(content: object, message: str) -> None:
        (folder / "params_shapes.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match=message):
            open_model(folder)

    refused([[4, 24], *shapes[1:]], r"model: 14,976 numbers in 10 files params_\*\.npy; expected")
    refused([*shapes, [24], [24]], r"lists 28 tensors.*GPT-2 has two more, for its last norm")
    refused([[5, 20], *shapes[1:]], r"n_head: 12; expected a divisor of n_embd 20.*12 heads")
    swapped = [*shapes[:2], shapes[4], shapes[3], shapes[2], *shapes[5:]]
    refused(swapped, r"params_shapes\.json: h\.0\.attn\.c_attn\.weight: shape \(24,")
    refused({"a": 1}, "expected a list of shapes")
    (folder / "params_shapes.json").write_text(json.dumps(shapes))
    whole = (folder / "params_4.npy").read_bytes()
    (folder / "params_4.npy").write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"params_4\.npy: .*; expected a complete \.npy file"):
        open_model(folder)
    np.save(folder / "params_4.npy", np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"params_4\.npy: float64 of shape \(3, 4\); expected float32 of"):
        open_model(folder)
    (folder / "params_4.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"params_4\.npy: not found; expected all parts"):
        open_model(folder)


def test_an_array_file_with_code_in_it_is_refused_and_never_run(tmp_path: Path) -> None:
    folder = write_openai_gpt1(tmp_path / "model", random_decoder("post", GPT1_SHAPES[0]))
    np.save(folder / "params_2.npy", np.array([Probe(tmp_path / "was-run")], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"params_2\.npy"):
        open_model(folder)
    assert not (tmp_path / "was-run").exists()


# nanoGPT


@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nanogpts_checkpoint_is_read_to_equal_tensors(
    shape: tuple[int, ...], prefix: str, tmp_path: Path
) -> None:
    decoder = random_decoder("pre", shape)
    torch.save(nanogpt_content(decoder, prefix=prefix), tmp_path / "ckpt.pt")
    saved = open_model(tmp_path / "ckpt.pt")
    assert saved.config.n_ctx == shape[3]
    assert saved.config.resid_pdrop == 0.1
    assert_equal_tensors(saved.read(), decoder)
    assert "exact GELU" in saved.notes[0]


def test_a_bias_free_nanogpt_gets_zero_biases_and_loses_its_mask(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[2])
    content = nanogpt_content(decoder, bias=False)
    content["model"]["transformer.h.0.attn.bias"] = torch.ones(1, 1, 9, 9)
    torch.save(content, tmp_path / "ckpt.pt")
    saved = open_model(tmp_path / "ckpt.pt")
    for name, tensor in decoder.state_dict().items():
        expected = torch.zeros_like(tensor) if name.endswith("bias") else tensor
        assert torch.equal(saved.read()[name], expected), name
    assert "no biases" in saved.notes[1]


@pytest.mark.parametrize(("vocab_size", "tokenizer"), [(50_257, "gpt2"), (50_304, "gpt2"), (65, {})])
def test_nanogpts_tokenizer_is_known_by_its_size_and_padding_is_kept(
    vocab_size: int, tokenizer: str | dict[str, str], tmp_path: Path
) -> None:
    decoder = random_decoder("pre", (1, 1, 2, 4, vocab_size))
    torch.save(nanogpt_content(decoder), tmp_path / "ckpt.pt")
    model = open_model(tmp_path / "ckpt.pt")
    assert model.tokenizer == tokenizer
    assert model.config.vocab_size == vocab_size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["model_args"].update(block_size=9),
            r"wpe\.weight: shape \(5, 8\); .*: the position table is cut",
        ),
        (lambda c: c["model_args"].pop("n_head"), "model_args without n_head; expected a whole number"),
        (lambda c: c["model_args"].update(n_head=3), "n_head: 3; expected a divisor of n_embd 8"),
        (lambda c: c["model_args"].update(bias="no"), None),
        (lambda c: c["model"].pop("transformer.h.1.ln_2.bias"), r"transformer\.h\.1\.ln_2\.bias is missing"),
        (lambda c: c["model"].update(extra=torch.zeros(1)), "extra is surplus"),
        (lambda c: c["model"].update({"lm_head.weight": torch.zeros(17, 8)}), r"lm_head\.weight differs"),
        (lambda c: c.update(model=[1]), "model_args or model is not a dict; expected the dicts"),
    ],
)
def test_what_is_wrong_with_nanogpts_checkpoint_is_named(
    change: Callable[[dict[str, Any]], Any], message: str | None, tmp_path: Path
) -> None:
    content = nanogpt_content(random_decoder("pre", SHAPES[1]))
    change(content)
    torch.save(content, tmp_path / "ckpt.pt")
    if message is None:
        open_model(tmp_path / "ckpt.pt")
        return
    with pytest.raises(ValueError, match=r"ckpt\.pt: .*" + message):
        open_model(tmp_path / "ckpt.pt")


# Any


def test_a_folder_of_nothing_known_is_refused_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r": no model; expected config\.json.*params_shapes\.json"):
        open_model(tmp_path)
    write_openai_gpt1(tmp_path, random_decoder("post", GPT1_SHAPES[0]))
    with pytest.raises(ValueError, match=r"params_0\.npy: one file of a model; expected its folder"):
        open_model(tmp_path / "params_0.npy")


def test_values_are_read_when_they_are_wanted_and_cast_on_the_way(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    model = open_model(write_openai_gpt2(tmp_path / "m", decoder))
    (tmp_path / "m" / "model.ckpt.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ValueError, match=r"model\.ckpt\.data-00000-of-00001: ends within model/wte;"):
        model.tensors["wte.weight"].read()
    torch.save(nanogpt_content(decoder), tmp_path / "ckpt.pt")
    half = open_model(tmp_path / "ckpt.pt").read(dtype=torch.bfloat16)
    assert torch.equal(half["wte.weight"], decoder.wte.weight.detach().bfloat16())
