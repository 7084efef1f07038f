"""Logits of both types of decoder, and the tensors of every written file, as recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from gpt_toolkit import Decoder, LanguageModel, load, load_tokenizer
from gpt_toolkit.checkpoints.model_card import CARD, TRAINING
from gpt_toolkit.cli import main
from tests.checkpoints.layouts import (
    checkpoint_content,
    nanogpt_content,
    write_openai_gpt1,
    write_openai_gpt2,
    write_sharded,
)
from tests.golden.material import assert_same, decoder_of, digest, kept, rounded

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.distributed is disabled"),  # by the writer of shards
]
SHAPE = {"vocab_size": 40, "n_ctx": 12, "n_layer": 2, "n_head": 12, "n_embd": 24}
NORMS = {"gpt1": "post", "gpt2": "pre"}
SOURCES = {
    "gpt1 saved": (),
    "gpt2 saved": (),
    "gpt1 folder": (),
    "gpt2 folder": ("--dtype", "bfloat16"),
    "gpt1 openai": (),
    "gpt2 openai": (),
    "gpt2 nanogpt": (),
    "gpt1 checkpoint": (),
    "gpt2 checkpoint": ("--dtype", "float16"),
    "gpt1 shards": (),
}
CASES = (*(f"{kind} logits" for kind in NORMS), *SOURCES, "gpt2 with tokenizer")
OURS = ("version", "versions", "transformers_version", "gpt_toolkit")


def decoder(kind: str, **fields: Any) -> Decoder:
    """Build the decoder of a case."""
    return decoder_of(11, norm=NORMS[kind], **{**SHAPE, **fields})


def values(case: str, folder: Path) -> Any:
    """Compute logits, or write a model folder and hash its content."""
    kind, _, what = case.partition(" ")
    if what == "logits":
        return logits(decoder(kind))
    result = folder / "result"
    if what == "saved":
        LanguageModel(decoder(kind)).save(result)
    elif what == "with tokenizer":
        LanguageModel(decoder(kind, vocab_size=257), load_tokenizer("bytes")).save(result)
    else:
        source = write_source(what, folder / "source", decoder(kind))
        assert main(["convert", str(source), str(result), *SOURCES[case]]) == 0
    return held(result)


def logits(model: Decoder) -> list[list[float]]:
    """Compute the logits of every next token of two sequences."""
    ids = (torch.arange(2 * 9).view(2, 9) * 7 + 3) % SHAPE["vocab_size"]
    found: Tensor = LanguageModel(model).logits(ids)
    return [[rounded(value) for value in row] for row in found.flatten(0, 1).tolist()]


def write_source(layout: str, folder: Path, model: Decoder) -> Path:
    """Write a model as another program does."""
    if layout == "folder":
        LanguageModel(model).save(folder)
        return folder
    if layout == "openai":
        return (write_openai_gpt1 if model.config.norm == "post" else write_openai_gpt2)(folder, model)
    if layout == "shards":
        return write_sharded(folder, checkpoint_content(model, tokenizer={}), "model")
    folder.mkdir()
    content = nanogpt_content(model) if layout == "nanogpt" else checkpoint_content(model, tokenizer={})
    path = folder / ("ckpt.pt" if layout == "nanogpt" else "last.ckpt")
    torch.save(content, path)
    return path


def held(folder: Path) -> dict[str, Any]:
    """Describe a model folder: its files, its config, its tokenizer's files, and a hash of each tensor.

    The model card and its record have tests of their own; their text names versions.
    """
    paths = sorted(path for path in folder.iterdir() if path.name not in (CARD, TRAINING))
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    described = ("config.json", "conversion.json", "model.safetensors")
    others = [path for path in paths if path.name not in described]
    return {
        "files": [path.name for path in paths],
        "config": {name: value for name, value in sorted(config.items()) if name not in OURS},
        "texts": {path.name: digest(path.read_bytes()) for path in others},
        "tensors": {
            name: f"{tensor.dtype} {list(tensor.shape)} {digest(tensor.view(torch.uint8).numpy().tobytes())}"
            for name, tensor in sorted(tensors.items())
        },
        "read again": logits(load(folder, device="cpu", dtype=torch.float32).decoder)[-1],
    }


@pytest.mark.parametrize("case", CASES)
def test_logits_and_files_are_as_recorded(case: str, tmp_path: Path) -> None:
    assert_same(values(case, tmp_path), kept("conversions")[case], rtol=1e-5, atol=1e-5)
