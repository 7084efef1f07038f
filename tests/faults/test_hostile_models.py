"""Models of strangers through every command: no code runs, no other file is read, claims take no memory."""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers import load_tokenizer
from tests.checkpoints.layouts import Probe, checkpoint_content, random_decoder
from tests.faults.test_tokenizer_files import COMMANDS, place

__all__ = ["place"]

resource = pytest.importorskip("resource", reason="memory is measured as Unix counts it")
SHAPE = (1, 2, 8, 16, 257)
FEW = ("zero-shot", "fit", "convert")
"""Commands of the default run; the slow part tries all."""
WAYS = [pytest.param(way, marks=() if way in FEW else pytest.mark.slow) for way in COMMANDS]


def content() -> dict[str, Any]:
    return checkpoint_content(random_decoder("pre", SHAPE), load_tokenizer("bytes").files())


def folder() -> Path:
    LanguageModel(random_decoder("pre", SHAPE), load_tokenizer("bytes")).save("hostile")
    return Path("hostile")


def pickled_checkpoint(probe: Probe) -> str:
    torch.save(content() | {"probe": probe}, "hostile.ckpt")
    return "hostile.ckpt"


def pickled_value(probe: Probe) -> str:
    hostile = content()
    hostile["gpt_toolkit"]["decoder"]["n_layer"] = probe
    torch.save(hostile, "hostile.ckpt")
    return "hostile.ckpt"


def pickled_folder(probe: Probe) -> str:
    (folder() / "model.safetensors").unlink()
    torch.save({"wte.weight": torch.ones(2, 2), "probe": probe}, "hostile/pytorch_model.bin")
    return "hostile"


def path_in_index(probe: Probe) -> str:
    path = folder() / "model.safetensors"
    path.rename("secret.safetensors")
    index = {"weight_map": {"transformer.wte.weight": "../secret.safetensors"}}
    Path("hostile/model.safetensors.index.json").write_text(json.dumps(index))
    return "hostile"


def layers_in_config(probe: Probe) -> str:
    change_config(n_layer=10**9)
    return "hostile"


def change_config(**fields: Any) -> None:
    path = folder() / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "make", [pickled_checkpoint, pickled_value, pickled_folder, path_in_index, layers_in_config]
)
def test_every_command_refuses_a_hostile_model(
    make: Callable[[Probe], str], way: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    was_run = place / "was-run"
    model = make(Probe(was_run))
    capsys.readouterr()
    assert main([argument.format(model) for argument in COMMANDS[way]]) == 1
    out, err = capsys.readouterr()
    lines = [line for line in (out + err).splitlines() if model in line and "internal error" not in line]
    assert lines, out + err
    assert "Traceback" not in out + err
    assert "internal error" not in out + err
    assert not was_run.exists()
    with pytest.raises(ValueError, match=model):
        load(model, device="cpu")
    assert not was_run.exists()


# ---------------------------------------------------------------------- claims of size

HUGE = 10**12


def with_vocabulary(embeddings: torch.Tensor) -> str:
    hostile = content()
    hostile["gpt_toolkit"]["decoder"]["vocab_size"] = len(embeddings)
    hostile["state_dict"]["backbone.wte.weight"] = embeddings
    torch.save(hostile, "hostile.ckpt")
    return "hostile.ckpt"


def expanded_tensor() -> str:
    return with_vocabulary(torch.zeros(1, 1).expand(1 << 24, 8))


def meta_tensor() -> str:
    return with_vocabulary(torch.empty(1 << 24, 8, device="meta"))


def compressed_archive() -> str:
    with zipfile.ZipFile("hostile.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(1 << 28))
    return "hostile.ckpt"


def safetensors_header() -> str:
    path = folder() / "model.safetensors"
    tensors = {"wte.weight": {"dtype": "F32", "shape": [HUGE, 8], "data_offsets": [0, HUGE * 32]}}
    header = json.dumps(tensors).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    return "hostile"


def safetensors_length() -> str:
    path = folder() / "model.safetensors"
    path.write_bytes(struct.pack("<Q", HUGE) + path.read_bytes()[8:])
    return "hostile"


def huge_field(name: str) -> Callable[[], str]:
    def change() -> str:
        change_config(**{name: HUGE})
        return "hostile"

    change.__name__ = name
    return change


@pytest.mark.parametrize(
    "make",
    [
        *(expanded_tensor, meta_tensor, compressed_archive, safetensors_header, safetensors_length),
        *map(huge_field, ("n_layer", "n_embd", "n_head", "n_positions", "vocab_size")),
    ],
)
def test_a_claim_of_size_is_refused_before_memory_is_taken(make: Callable[[], str], place: Path) -> None:
    model = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=rf"^{model}") as raised:
        open_model(model).read()
    assert "\n" not in str(raised.value)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 100e6
