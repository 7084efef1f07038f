"""Blocks under torch.compile: when they are compiled, and that results do not change."""

import shutil

import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder, DecoderConfig, decoder
from gpt_toolkit.backbone.block import call_block
from gpt_toolkit.backbone.kv_cache import KeyValueCache

SHAPE = DecoderConfig(vocab_size=50, n_ctx=8, n_layer=3, n_head=2, n_embd=16)
IDS = torch.arange(16).view(2, 8)


def trained(model: Decoder) -> list[Tensor]:
    """Return hidden states and all gradients."""
    model.zero_grad()
    hidden = model(IDS)
    hidden.square().sum().backward()
    return [
        hidden.detach(),
        *(parameter.grad for parameter in model.parameters() if parameter.grad is not None),
    ]


def test_only_training_calls_compiled_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counting(block: torch.nn.Module, x: Tensor, positions: Tensor | None) -> Tensor:
        calls.append(block)
        return call_block(block, x, positions)

    monkeypatch.setattr(decoder, "compiled_block", lambda: counting)
    model = Decoder(SHAPE)
    model(IDS)
    assert calls == []
    model.compile_blocks = True
    with torch.no_grad():
        model(IDS)
        model(IDS, KeyValueCache(SHAPE, 2, dtype=torch.float32))
    assert calls == []
    model(IDS)
    assert calls == list(model.h)
    model.activation_checkpointing = True
    model(IDS).sum().backward()
    assert len(calls) == 3 * 3


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch compiles with some of its own
@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_blocks_train_as_others_do(checkpointing: bool) -> None:
    torch.manual_seed(0)
    model = Decoder(SHAPE)
    expected = trained(model)
    model.compile_blocks, model.activation_checkpointing = True, checkpointing
    for ours, plain in zip(trained(model), expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
