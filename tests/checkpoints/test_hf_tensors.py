"""Tensors in wrappers, under prefixes, with tied weights under either name, and next to other heads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import Tensor

from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.generation.language_model import load
from tests.checkpoints.layouts import (
    SHAPES,
    their_model,
)

transformers = pytest.importorskip("transformers")

SHAPE = SHAPES[1]
PREFIXES = [
    "",
    "module.",
    "_orig_mod.",
    "_orig_mod.module.",
    "module._orig_mod.",
    "model.",
    "_forward_module.model.",
]


def write_folder(folder: Path, state: dict[str, Tensor], config: Any, *, pickled: bool = False) -> Path:
    config.save_pretrained(folder)
    if pickled:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
    return folder


def check_reads(folder: Path, model: Any) -> None:
    """Check that ours gives the logits of their model."""
    ids = torch.tensor([[1, 2, 3, 0]])
    with torch.no_grad():
        torch.testing.assert_close(
            load(folder, device="cpu").logits(ids), model(ids).logits, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_nesting_of_wrappers_is_read(prefix: str, norm: Norm, pickled: bool, tmp_path: Path) -> None:
    model = their_model(norm, SHAPE)
    for tied in (("lm_head.weight",), ()):
        state = {prefix + n: t.clone() for n, t in model.state_dict().items() if n not in tied}
        check_reads(write_folder(tmp_path / f"m{len(tied)}", state, model.config, pickled=pickled), model)


def test_a_wrapper_within_a_name_is_removed(tmp_path: Path) -> None:
    model = their_model("pre", SHAPE)
    state = {
        n.replace(".h.", ".h._fsdp_wrapped_module.", 1).replace(
            ".attn.", "._checkpoint_wrapped_module.attn."
        ): t.clone()
        for n, t in model.state_dict().items()
        if n != "lm_head.weight"
    }
    check_reads(write_folder(tmp_path / "m", state, model.config), model)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_output_matrix_stands_for_the_tied_embeddings(prefix: str, tmp_path: Path) -> None:
    model = their_model("pre", SHAPE)
    state = {prefix + n: t.clone() for n, t in model.state_dict().items() if n != "transformer.wte.weight"}
    check_reads(write_folder(tmp_path / "m", state, model.config), model)


def test_what_safetensors_save_model_writes_is_read(tmp_path: Path) -> None:
    model = their_model("pre", SHAPE)
    model.config.save_pretrained(tmp_path)
    save_model(model, str(tmp_path / "model.safetensors"))
    check_reads(tmp_path, model)


def test_a_base_model_without_its_prefix_is_read(tmp_path: Path) -> None:
    model = their_model("pre", SHAPE)
    model.transformer.save_pretrained(tmp_path)
    check_reads(tmp_path, model)


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("GPT2ForTokenClassification", r"left out: classifier\.(bias|weight) .*classifier\.(bias|weight)"),
        ("GPT2ForQuestionAnswering", r"left out: qa_outputs"),
        ("GPT2DoubleHeadsModel", r"left out: multiple_choice_head\.summary"),
    ],
)
def test_a_folder_with_another_head_gives_its_decoder_and_a_note(
    kind: str, note: str, tmp_path: Path
) -> None:
    model = their_model("pre", SHAPE)
    model.config.num_labels = 3
    other = getattr(transformers, kind)(model.config)
    other.transformer.load_state_dict(model.transformer.state_dict())
    other.save_pretrained(tmp_path)
    check_reads(tmp_path, model)
    [found] = open_model(tmp_path).notes
    assert re.search(note, found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.update({"module.transformer.wpe.weight": torch.zeros(5, 8)}),
            r"model\.safetensors: both module\.transformer\.wpe\.weight and",
        ),
        (
            lambda s: s.update({"teacher.wte.weight": torch.zeros(17, 8)}),
            r"model\.safetensors: 2 decoders, below 'teacher\.',",
        ),
        (lambda s: s.update({"value.weight": torch.zeros(1, 8)}), r"value\.weight is surplus"),
        (
            lambda s: s.update({"lm_head.weight": torch.zeros(17, 8)}),
            "untied output matrix is not implemented",
        ),
        (lambda s: [s.pop("lm_head.weight"), s.pop("transformer.wte.weight")], r"wte\.weight is missing"),
    ],
)
def test_what_is_not_one_decoder_is_refused_by_name(
    change: Callable[[dict[str, Tensor]], Any], message: str, tmp_path: Path
) -> None:
    model = their_model("pre", SHAPE)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=message) as caught:
        open_model(write_folder(tmp_path / "m", state, model.config))
    assert "\n" not in str(caught.value)
