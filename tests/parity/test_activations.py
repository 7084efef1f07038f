"""Named activations compared with ``transformers`` and, where it is installed, with TransformerLens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.trace import trace
from gpt_toolkit.checkpoints import build_decoder, config_from_hugging_face, from_hugging_face
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer
from tests.checkpoints.layouts import random_decoder, their_model

pytest.importorskip("transformers")

SHAPE = (3, 4, 32, 16, 50)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8]])


def our_model(theirs: Any) -> Decoder:
    config = config_from_hugging_face(theirs.config.to_dict())
    state_dict = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    return build_decoder(config, from_hugging_face(state_dict, config)).eval()


def assert_close(got: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_streams_and_patterns_agree_with_transformers(norm: Norm) -> None:
    theirs = their_model(norm, SHAPE)
    theirs.set_attn_implementation("eager")
    with torch.no_grad():
        expected = theirs(IDS, output_hidden_states=True, output_attentions=True)
    found = trace(our_model(theirs), IDS)
    streams = [found["embed"], *(found[f"h.{layer}.resid_post"] for layer in range(2)), found["final"]]
    for ours, states in zip(streams, expected.hidden_states, strict=True):
        assert_close(ours, states, 1e-5)
    for layer, pattern in enumerate(expected.attentions):
        assert_close(found[f"h.{layer}.attn.pattern"], pattern, 1e-5)
    assert_close(found["logits"], expected.logits, 1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of TransformerLens and what it imports
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_every_activation_agrees_with_transformer_lens(norm: Norm, tmp_path: Path) -> None:
    bridge = pytest.importorskip("transformer_lens.model_bridge")
    model = LanguageModel(random_decoder(norm, (3, 4, 32, 16, 257)), load_tokenizer("bytes"))
    model.save(tmp_path / "model")
    theirs = bridge.TransformerBridge.boot_transformers(str(tmp_path / "model"), device="cpu")
    theirs.cfg.use_attn_result = True
    logits, cache = theirs.run_with_cache(IDS)
    found = trace(model.decoder, IDS)
    assert_close(found["logits"], logits, 1e-4)
    assert_close(found["final"], cache["unembed.hook_in"], 1e-4)
    for layer in range(3):
        for ours, name in NAMES.items():
            expected = cache[f"blocks.{layer}.{name}"]
            if ours == "attn.heads":
                expected = expected.transpose(1, 2)  # (B, T, H, D) there
            assert_close(found[f"h.{layer}.{ours}"], expected, 1e-4)


NAMES = {
    "resid_pre": "hook_resid_pre",
    "attn.pattern": "attn.hook_pattern",
    "attn.heads": "attn.hook_result",
    "attn.out": "hook_attn_out",
    "resid_mid": "hook_resid_mid",
    "mlp.hidden": "mlp.hook_post",
    "mlp.out": "hook_mlp_out",
}
"""Names of a layer's activations here and in TransformerLens."""
